"""How a storage step begins and ends: `order.json` in its folder, `result.json` beside it, an exit code.

Exit code 0 is done, 1 the user's fault, 2 another one; the message stands in `result.json`.
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
    """What the user can mend; the message is what the job shows."""


class ApplicationFault(Exception):
    """What nobody here can mend, and may go well another time; the message is what the job shows."""


class MappingFault(UserFault):
    """What is wrong with the mapping, whatever the data is."""


Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From the order to `result.json`."""


def run(operation: Operation, folder: Path) -> int:
    """Carries out the order in a folder and leaves the result there, whole or not at all."""
    try:
        result, code = operation(json.loads((folder / ORDER_FILE).read_bytes())), DONE
    except UserFault as fault:
        result, code = {"message": str(fault)}, USER
    except ApplicationFault as fault:
        result, code = {"message": str(fault)}, APPLICATION
    except Exception as fault:  # noqa: BLE001 - whatever it is, the job is to show it
        traceback.print_exc(file=sys.stderr)
        result, code = {"message": f"{type(fault).__name__}: {fault}"}, APPLICATION
    _leave(result, folder)
    return code


def refuse_full_disk(order: Mapping[str, Any], folder: str) -> None:
    """Raises UserFault when the disk of a folder, which may not be made yet, has too little room."""
    there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < order.get("minFreeBytes", 0):
        text = f"The disk of {there} has {free} bytes left, less than [storage] min_free_bytes."
        raise UserFault(text)


def say(text: str) -> None:
    """Writes a line to the job's log."""
    print(text, flush=True)


def _leave(result: Mapping[str, Any], folder: Path) -> None:
    new = folder / f"{RESULT_FILE}.new"
    new.write_text(json.dumps(result, ensure_ascii=False))
    sync(new)
    os.rename(new, folder / RESULT_FILE)
