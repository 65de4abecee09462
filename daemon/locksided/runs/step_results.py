"""What the steps of a run came to, kept in their control folders: read once, whatever becomes of the data."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from locksided.runs.folder import RunFolder
from locksided.runs.result import RunResult

NAME = "result"


def keep_result(folder: RunFolder, launch: int, step: int, result: RunResult) -> None:
    """Keep a step's result, whole or not at all. One that was never started has no folder yet."""
    os.makedirs(folder.control(launch, step), 0o700, exist_ok=True)
    path = os.path.join(folder.control(launch, step), NAME)
    with open(path + ".new", "wb") as file:
        file.write(msgspec.msgpack.encode(result))
    os.rename(path + ".new", path)


def kept_result(folder: RunFolder, launch: int, step: int) -> RunResult | None:
    """The result of a step that was concluded before; None for one that was not."""
    try:
        with open(os.path.join(folder.control(launch, step), NAME), "rb") as file:
            return msgspec.msgpack.decode(file.read(), type=RunResult)
    except FileNotFoundError:
        return None


def kept_results(folder: RunFolder, launch: int, before: int) -> list[RunResult]:
    """The results of the steps before one. Raises OSError when one is missing.

    A step that was told to start twice has a later launch than those before it. After one that failed there
    may be steps that were left out.
    """
    results: list[RunResult] = []
    first, has_failed = 1, False
    for step in range(before):
        launches = range(launch, first - 1, -1)
        found = ((one, kept_result(folder, one, step)) for one in launches)
        first, result = next(((one, kept) for one, kept in found if kept is not None), (first, None))
        if result is not None:
            results.append(result)
            has_failed = has_failed or not result.success
        elif not has_failed:
            raise FileNotFoundError(f"step {step} of {folder.root} left no result")
    return results


def rows_ended_well(folder: RunFolder) -> dict[str, Mapping[str | None, Mapping[str, Any]]]:
    """The rows of a run that ended well, all of their steps, each with the states that it would have saved.

    None are found once the folder is gone. Raises OSError.
    """
    ends: dict[str, list[RunResult]] = {}
    for launch, step in _concluded(folder):
        result = kept_result(folder, launch, step)
        for told in () if result is None else result.result.get("steps", ()):
            if told["row"] is not None and result is not None:
                ends.setdefault(told["row"], []).append(result)
    return {
        row: {of: state for one in results for of, state in one.states.items()}
        for row, results in ends.items()
        if all(one.success for one in results)
    }


def starts_of(folder: RunFolder) -> Iterator[tuple[int, int]]:
    """The launch and the step of each start that there was, in no order."""
    with suppress(FileNotFoundError):
        for name in os.listdir(f"{folder.root}/steps"):
            launch, _, step = name.partition("-")
            if launch.isdecimal() and step.isdecimal():
                yield int(launch), int(step)


def _concluded(folder: RunFolder) -> list[tuple[int, int]]:
    """The starts of the last run: of each step the last launch, but none that a later first step undid."""
    launches: dict[int, int] = {}
    for launch, step in starts_of(folder):
        launches[step] = max(launches.get(step, 0), launch)
    first = launches.get(0, 0)
    return [(launch, step) for step, launch in sorted(launches.items()) if launch >= first]


def repeats_of(folder: RunFolder, launch: int, step: int) -> int:
    """How often the step was started again in this run: its first start follows the step before it."""
    repeats = 0
    while _was_started(folder, launch - repeats - 1, step) and not any(
        _was_started(folder, launch - repeats, earlier) for earlier in range(step)
    ):
        repeats += 1
    return repeats


def _was_started(folder: RunFolder, launch: int, step: int) -> bool:
    return os.path.lexists(f"{folder.control(launch, step)}/claim")
