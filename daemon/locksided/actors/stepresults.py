"""What the earlier steps of a run made, kept in their control folders until the last step is concluded."""

import os

import msgspec

from locksided.runner.folder import RunFolder
from locksided.runner.result import RunResult

NAME = "result"


def keep_result(folder: RunFolder, launch: int, step: int, result: RunResult) -> None:
    """Keep a step's result, whole or not at all."""
    path = os.path.join(folder.control(launch, step), NAME)
    with open(path + ".new", "wb") as file:
        file.write(msgspec.msgpack.encode(result))
    os.rename(path + ".new", path)


def kept_results(folder: RunFolder, launch: int, before: int) -> list[RunResult]:
    """The results of the steps before one: of each the latest, for a step may be launched again.

    Raises OSError when one is missing.
    """
    return [_latest(folder, launch, step) for step in range(before)]


def _latest(folder: RunFolder, launch: int, step: int) -> RunResult:
    for number in range(launch, 0, -1):
        path = os.path.join(folder.control(number, step), NAME)
        if os.path.exists(path):
            with open(path, "rb") as file:
                return msgspec.msgpack.decode(file.read(), type=RunResult)
    raise FileNotFoundError(f"the result of step {step} is not in {folder.root}")
