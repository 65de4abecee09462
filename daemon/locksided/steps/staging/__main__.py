"""`python -I -m locksided.steps.staging stage FOLDER`: fetch the files named by the order."""

import sys
from pathlib import Path

from locksided.steps.program import run
from locksided.steps.staging.fetching import stage

if __name__ == "__main__":
    raise SystemExit(run(stage, Path(sys.argv[2])))
