"""`python -I -m locksided.steps.lake OPERATION FOLDER`: run one storage step."""

import sys
from pathlib import Path

from locksided.steps.lake import (
    adoption,
    changes,
    creation,
    diff,
    input_tables,
    output,
    preview,
    restore,
    stored_files,
    transfer,
    vacuum,
)
from locksided.steps.program import run

OPERATIONS = {
    "adopt": adoption.adopt,
    "alter": changes.alter,
    "clone": creation.clone,
    "create": creation.create,
    "delete_rows": changes.delete_rows,
    "diff": diff.diff,
    "export": transfer.export,
    "files": preview.files,
    "import": transfer.import_,
    "input": input_tables.export,
    "output": output.store,
    "look_at_file": stored_files.look,
    "preview": preview.look,
    "put_file": stored_files.put,
    "restore": restore.restore,
    "set_primary_key": changes.set_primary_key,
    "sql": preview.query,
    "undo": restore.restore,
    "vacuum": vacuum.vacuum,
}

if __name__ == "__main__":
    raise SystemExit(run(OPERATIONS[sys.argv[1]], Path(sys.argv[2])))
