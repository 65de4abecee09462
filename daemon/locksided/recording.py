"""The inputs of a core as JSON lines, for bug reports: the state that it was loaded with, then each input.

A recording has only what affects the core's decisions: no specification, environment, result, process or
message of a job. `python -m locksided.replay FILE` runs it through a fresh core.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import structlog

from locksided.core import inputs as i
from locksided.core import invariants
from locksided.core.loading import LoadedState
from locksided.core.model import Draft
from locksided.core.saves import Save
from locksided.core.scheduler import Scheduler, Step
from locksided.core.state import State

INPUTS: Final[dict[str, Any]] = {kind.__name__: kind for kind in get_args(i.Input)}
CARGO: Final[dict[str, Any]] = {"values": {}, "process": {}, "message": None, "outputs": None}
"""Fields of inputs that the core passes on unread, and their replacements in a recording."""
DECIDING_VALUES: Final = ("name", "component", "config")
"""The columns of a new job that the core itself reads."""
MOST_BYTES: Final = 256_000_000
MOST_FILES: Final = 10

log = structlog.get_logger("recording")


class Entry(msgspec.Struct, frozen=True):
    """One input: its time in microseconds since the epoch, its name and its fields."""

    at: int
    input: str
    values: msgspec.Raw


class NotReadable(Exception):
    """A line is not in the format of this release; the message names it."""


def state_line(state: LoadedState) -> bytes:
    """Return the first line: the state without results and messages."""
    jobs = tuple(replace(job, result=None, message=None) for job in state.jobs)
    conditions = tuple(replace(one, last=None) for one in state.conditions)
    return msgspec.json.encode(replace(state, jobs=jobs, conditions=conditions)) + b"\n"


def input_line(asked: i.Input, now_us: int) -> bytes:
    """Return a further line."""
    values = msgspec.Raw(msgspec.json.encode(without_cargo(asked)))
    return msgspec.json.encode(Entry(now_us, type(asked).__name__, values)) + b"\n"


def without_cargo(asked: i.Input) -> i.Input:
    """Return the input reduced to what affects the core's decisions."""
    names = {field.name for field in fields(asked)}
    changes = {name: empty for name, empty in CARGO.items() if name in names}
    match asked:
        case i.Submit():
            changes["drafts"] = tuple(map(_without_cargo, asked.drafts))
        case i.Amend():
            changes["draft"] = _without_cargo(asked.draft)
        case _:
            pass
    return replace(asked, **changes)


def _without_cargo(draft: Draft) -> Draft:
    values = {name: draft.values[name] for name in DECIDING_VALUES if name in draft.values}
    children = tuple(map(_without_cargo, draft.children))
    return replace(draft, values=values, blobs=(), children=children)


def read_state(line: bytes) -> LoadedState:
    """Return the state in a first line. Raises NotReadable."""
    try:
        return msgspec.json.decode(line, type=LoadedState)
    except msgspec.DecodeError as error:
        raise NotReadable(f"line 1 is no loaded state of this release: {error}") from None


def read_inputs(lines: Iterable[bytes]) -> Iterator[tuple[int, int, i.Input]]:
    """Yield the number of each line from 2 on, its time and its input. Raises NotReadable."""
    for number, line in enumerate(lines, 2):
        try:
            entry = msgspec.json.decode(line, type=Entry)
            yield number, entry.at, msgspec.json.decode(entry.values, type=INPUTS[entry.input])
        except (msgspec.DecodeError, KeyError) as error:
            raise NotReadable(f"line {number} is no input of this release: {error}") from None


class Recording:
    """A file with a line for each input, up to MOST_BYTES. A full disk ends it, too."""

    def __init__(self, folder: Path, state: LoadedState) -> None:
        """Begin a file; the oldest ones are deleted."""
        self._path = folder / f"{state.now_us}-{os.getpid()}.jsonl"
        self._left_bytes = MOST_BYTES
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            for old in sorted(folder.glob("*.jsonl"))[: 1 - MOST_FILES]:
                old.unlink()
        except OSError as error:
            self._end(error)
        self._write(state_line(state))

    def add(self, asked: i.Input, now_us: int) -> None:
        """Record an input before it is handled, so that it is recorded even if handling it fails."""
        if self._left_bytes > 0:
            self._write(input_line(asked, now_us))

    def _write(self, line: bytes) -> None:
        self._left_bytes -= len(line)
        if self._left_bytes < 0:
            return
        try:
            with open(self._path, "ab") as file:
                file.write(line)
        except OSError as error:
            self._end(error)

    def _end(self, error: OSError) -> None:
        self._left_bytes = 0
        log.error("inputs are not recorded any more", path=str(self._path), cause=str(error))


class ObservedScheduler(Scheduler):
    """A core for debugging: its inputs are recorded, its invariants checked after every step, or both."""

    def __init__(
        self, state: State, load_saves: Iterable[Save], recording: Recording | None, *, checks: bool
    ) -> None:
        super().__init__(state, tuple(load_saves))
        self._recording = recording
        self._checks = checks

    def handle(self, asked: i.Input, now_us: int) -> Step:
        """Handle an input. Raises InvariantBroken if the state is inconsistent afterwards."""
        if self._recording is not None:
            self._recording.add(asked, now_us)
        step = super().handle(asked, now_us)
        if self._checks:
            invariants.check(self.state)
        return step
