"""The results of a run's steps, kept beside their control folders: they outlive the data they were read from.

They are trusted: the commits in them are those of the run's own tables. So no job can write there.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from locksided.runs.folder import RunFolder
from locksided.runs.result import RunResult
from locksided.runs.safefs import NotPlain, opened_file, opened_folder

OLD_NAME = "result"
"""In the control folder, where earlier releases stored it."""


def keep_result(folder: RunFolder, launch: int, step: int, result: RunResult) -> None:
    """Store a step's result atomically. A step that was never started has no folder yet."""
    path = folder.result(launch, step)
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    with open(f"{path}.new", "wb") as file:
        file.write(msgspec.msgpack.encode(result))
    os.rename(f"{path}.new", path)


def kept_result(folder: RunFolder, launch: int, step: int) -> RunResult | None:
    """Return the result of a step that was concluded before; None otherwise."""
    with suppress(FileNotFoundError), open(folder.result(launch, step), "rb") as file:
        return msgspec.msgpack.decode(file.read(), type=RunResult)
    with (
        suppress(FileNotFoundError, NotPlain),
        opened_folder(folder.control(launch, step)) as control,
        opened_file(OLD_NAME, control) as file,
    ):
        if os.fstat(control).st_uid == os.geteuid():  # the commits of a result are trusted
            return msgspec.msgpack.decode(file.read(), type=RunResult)
    return None


def kept_results(folder: RunFolder, launch: int, before: int) -> list[RunResult]:
    """Return the results of the steps before one. Raises OSError when one is missing.

    A step that was started twice has a later launch than those before it. After a failed step, steps may be
    missing because they were skipped.
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
    """Return the rows whose steps all succeeded, with the states that they would have saved.

    Empty once the folder is gone. Raises OSError.
    """
    ends: dict[str, list[RunResult]] = {}
    for launch, step in _concluded(folder):
        result = kept_result(folder, launch, step)
        for ended_step in () if result is None else result.result.get("steps", ()):
            if ended_step["row"] is not None and result is not None:
                ends.setdefault(ended_step["row"], []).append(result)
    return {
        row: {of: state for one in results for of, state in one.states.items()}
        for row, results in ends.items()
        if all(one.success for one in results)
    }


def starts_of(folder: RunFolder) -> set[tuple[int, int]]:
    """Return the launch and the step of each start, and of each step concluded without one."""
    found = set()
    with suppress(FileNotFoundError):
        for name in os.listdir(f"{folder.root}/steps"):
            launch, _, step = name.removesuffix(".result").partition("-")
            if launch.isdecimal() and step.isdecimal():
                found.add((int(launch), int(step)))
    return found


def _concluded(folder: RunFolder) -> list[tuple[int, int]]:
    """Return the starts of the last run: each step's last launch, except those before a new first step."""
    launches: dict[int, int] = {}
    for launch, step in starts_of(folder):
        launches[step] = max(launches.get(step, 0), launch)
    first = launches.get(0, 0)
    return [(launch, step) for step, launch in sorted(launches.items()) if launch >= first]


def repeats_of(folder: RunFolder, launch: int, step: int) -> int:
    """Return how often the step was restarted in this run: its first start follows the previous step."""
    repeats = 0
    while _was_started(folder, launch - repeats - 1, step) and not any(
        _was_started(folder, launch - repeats, earlier) for earlier in range(step)
    ):
        repeats += 1
    return repeats


def _was_started(folder: RunFolder, launch: int, step: int) -> bool:
    return os.path.lexists(f"{folder.control(launch, step)}/claim")
