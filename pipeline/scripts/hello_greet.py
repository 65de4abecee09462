"""A component: any program that reads its folder and ends with 0, 1 (the user's fault) or more (its own)."""

import json
import os
import sys
from pathlib import Path

DATA = Path(os.environ["KBC_DATADIR"])


def report(share, message):
    """Say how far the job is; `lockside show` and `run --follow` show it."""
    line = json.dumps({"progress": share, "message": message}) + "\n"
    os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), line.encode())


parameters = json.loads((DATA / "config.json").read_text())["parameters"]
state = json.loads((DATA / "in" / "state.json").read_text())  # what the last success left; {} at first

count = parameters.get("count", 3)
if not parameters["greeting"].strip():
    sys.exit("The greeting is empty: set parameters.greeting.")  # exit code 1, and the job's message

for number in range(1, count + 1):
    print(parameters["greeting"], number, flush=True)
    report(number / count, f"{number} of {count}")

runs = state.get("runs", 0) + 1
(DATA / "out" / "state.json").write_text(json.dumps({"runs": runs}))  # the next run finds it
print(f"this was run {runs}")
