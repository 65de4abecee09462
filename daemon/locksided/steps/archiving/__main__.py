"""`python -I -m locksided.steps.archiving archive|check FOLDER`: carry out the order."""

import sys
from pathlib import Path

from locksided.steps.archiving.archive import archive
from locksided.steps.archiving.check import check
from locksided.steps.program import run

OPERATIONS = {"archive": archive, "check": check}

if __name__ == "__main__":
    raise SystemExit(run(OPERATIONS[sys.argv[1]], Path(sys.argv[2])))
