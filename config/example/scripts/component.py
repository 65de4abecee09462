"""What the three components of the example share: the data folder's contract, in thirty lines.

A component is any program. It finds its parameters in `config.json` and what its last success left in
`in/state.json`, says how far it is on a file descriptor, and ends with 0, with 1 for a fault of its user
(whose message it writes to stderr), or with anything else for a fault of its own.
"""

import json
import os
import sys
import time
from pathlib import Path

DATA = Path(os.environ.get("KBC_DATADIR", "data"))
PROGRESS_FD = os.environ.get("LOCKSIDE_PROGRESS_FD")


def parameters():
    """Read the parameters of this job."""
    return json.loads((DATA / "config.json").read_text())["parameters"]


def input_file(name):
    """Find a file that an earlier step left: in in/tables if a table is mapped, else in the shared folder."""
    return DATA / "in" / "tables" / name if _has_mapping() else _staging() / name


def output_file(name):
    """Say where a file for later steps goes: to out/tables if it becomes a table, else to the folder."""
    return DATA / "out" / "tables" / name if _has_mapping() else _staging() / name


def _has_mapping():
    return "storage" in json.loads((DATA / "config.json").read_text())


def _staging():
    return Path(parameters()["folder"]) / "staging"


def last_state():
    """Read what the last successful job of this configuration left; {} at first."""
    return json.loads((DATA / "in" / "state.json").read_text() or "{}")


def save_state(state):
    """Leave something for the next job; it is stored if this one succeeds."""
    (DATA / "out" / "state.json").write_text(json.dumps(state))


def report(share, message, **counts):
    """Say how far the job is: a share from 0 to 1, a sentence, and counts of records."""
    if PROGRESS_FD:
        line = {"progress": round(share, 3), "message": message, "counts": counts}
        os.write(int(PROGRESS_FD), json.dumps(line).encode() + b"\n")


def say(text):
    """Write a line to the job's log, at once."""
    print(text, flush=True)


def refuse(message):
    """End with a fault of the user: the message becomes the job's."""
    sys.exit(message)


def paced(items, seconds, steps=12):
    """Go through items in slices, and spread them over some seconds so that a person can watch."""
    size = max(1, -(-len(items) // steps))
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
        time.sleep(seconds / steps)


def replace_file(path, write):
    """Write a file beside its place and move it there, so that nobody ever reads half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("w", newline="", encoding="utf-8") as file:
        write(file)
    draft.replace(path)
