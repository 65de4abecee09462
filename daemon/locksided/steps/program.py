"""The protocol of a storage step: `order.json` in its folder, `result.json` beside it, an exit code.

Exit code 0 is success, 1 a user's fault, 2 another fault; the message is in `result.json`.
"""

import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from locksided.runs.operations import ORDER_FILE, RESULT_FILE
from locksided.steps.durable import sync

DONE, USER, APPLICATION = 0, 1, 2


class UserFault(Exception):
    """A fault that the user can repair; the message is shown by the job."""


class ApplicationFault(Exception):
    """A fault that the user cannot repair and a retry may not meet; the message is shown by the job."""


class MappingFault(UserFault):
    """The mapping is wrong, whatever the data is."""


Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From the order to the content of `result.json`."""


def run(operation: Operation, folder: Path) -> int:
    """Carry out the order in a folder and write the result there atomically. Return the exit code."""
    try:
        result, code = operation(json.loads((folder / ORDER_FILE).read_bytes())), DONE
    except UserFault as fault:
        result, code = {"message": str(fault)}, USER
    except ApplicationFault as fault:
        result, code = {"message": str(fault)}, APPLICATION
    except Exception as fault:  # noqa: BLE001 - the job shows any fault
        traceback.print_exc(file=sys.stderr)
        result, code = {"message": f"{type(fault).__name__}: {fault}"}, APPLICATION
    _leave(result, folder)
    return code


def refuse_full_disk(order: Mapping[str, Any], folder: str) -> None:
    """Raise UserFault if the disk of a folder, which may not exist yet, has too little free space."""
    there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < order.get("minFreeBytes", 0):
        text = f"The disk of {there} has {free} bytes left, less than [storage] min_free_bytes."
        raise UserFault(text)


def say(text: str) -> None:
    """Write a line to the job's log."""
    print(text, flush=True)


def _leave(result: Mapping[str, Any], folder: Path) -> None:
    new = folder / f"{RESULT_FILE}.new"
    new.write_text(json.dumps(result, ensure_ascii=False))
    sync(new)
    os.rename(new, folder / RESULT_FILE)
