"""`python -I -m locksided.steps.lake OPERATION FOLDER`: one storage step."""

import sys
from pathlib import Path

from locksided.steps.lake import adoption, changes, input_tables, output, preview, restore, vacuum
from locksided.steps.program import run

OPERATIONS = {
    "adopt": adoption.adopt,
    "alter": changes.alter,
    "delete_rows": changes.delete_rows,
    "input": input_tables.export,
    "output": output.store,
    "preview": preview.look,
    "restore": restore.restore,
    "set_primary_key": changes.set_primary_key,
    "sql": preview.query,
    "undo": restore.restore,
    "vacuum": vacuum.vacuum,
}

if __name__ == "__main__":
    raise SystemExit(run(OPERATIONS[sys.argv[1]], Path(sys.argv[2])))
