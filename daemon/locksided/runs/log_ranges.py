"""The log of one step: its range of frames, and the state that a Singer target printed in it.

Each outcome of a step has the position of the log after it. Synchronous; called in threads.
"""

from dataclasses import dataclass

from locksided.joblog import reader
from locksided.keeper import outcome, remote, strictjson
from locksided.keeper.log.format import STDOUT
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.data_folder import OutFile
from locksided.runs.folder import RunFolder
from locksided.runs.folder_operations import MAX_STATE_BYTES
from locksided.runs.step_results import starts_of


@dataclass(frozen=True, slots=True)
class LogRange:
    """Frames from `begin` to before `end`; `end` is None while the log may grow."""

    begin: int
    end: int | None

    def __contains__(self, seq: int) -> bool:
        return self.begin <= seq and (self.end is None or seq < self.end)


def log_range(folder: RunFolder, first_step: int, last_step: int) -> LogRange | None:
    """Return the frames of these steps of the last run; None if the first of them has not begun."""
    launches = _launches(folder)
    if 0 not in launches:
        return None
    run = max(launches[0])
    if first_step and _end_of(folder, launches, first_step - 1, run) is None:
        return None
    begin = _begin_of_run(folder, launches, run)
    if first_step:
        begin = _end_of(folder, launches, first_step - 1, run) or begin
    return LogRange(begin, _end_of(folder, launches, last_step, run))


def _launches(folder: RunFolder) -> dict[int, list[int]]:
    """Return for each step the launches in which it was started, in ascending order."""
    found: dict[int, list[int]] = {}
    for launch, step in starts_of(folder):
        found.setdefault(step, []).append(launch)
    return {step: sorted(launches) for step, launches in found.items()}


def _end_of(folder: RunFolder, launches: dict[int, list[int]], step: int, run: int) -> int | None:
    """Return the log position after a step of the run that began with that launch; None until it ended."""
    for launch in reversed(launches.get(step, [])):
        if launch >= run:
            end = _next_seq(folder, launch, step)
            if end is not None:
                return end
    return None


def _begin_of_run(folder: RunFolder, launches: dict[int, list[int]], run: int) -> int:
    """Return the start of a run in the log: a repeated run continues the log of the one before."""
    before = [
        _next_seq(folder, launch, step) or 0
        for step, all_of_step in launches.items()
        for launch in all_of_step
        if launch < run
    ]
    return max(before, default=0)


def _next_seq(folder: RunFolder, launch: int, step: int) -> int | None:
    try:  # the folder may belong to the job's user
        recorded = remote.read(folder.control(launch, step), outcome.FILE, remote.ORDER_BYTES) or {}
    except OSError:
        return None
    log = recorded.get("log")
    seq = log.get("nextSeq") if isinstance(log, dict) else None
    return seq if isinstance(seq, int) else None


_LINES = 1000


def printed_state(folder: RunFolder, step: int) -> OutFile | None:
    """Return the state that a step printed; None if it printed none, which keeps the previous one."""
    frames = log_range(folder, step, step)
    lines = reader.tail(
        folder.log,
        _LINES,
        stream=STDOUT,
        max_bytes=2 * MAX_STATE_BYTES,
        from_seq=0 if frames is None else frames.begin,
    )
    for line in reversed(lines):
        content = line.strip().encode()
        if len(content) > MAX_STATE_BYTES:
            return OutFile(problem="The state that the target printed is longer than 1 MiB.")
        if _is_object(content):
            return OutFile(content)
    return None


def _is_object(content: bytes) -> bool:
    if not content.startswith(b"{"):
        return False
    try:
        return isinstance(strictjson.read(content, MAX_DOCUMENT_DEPTH), dict)
    except BadJson:
        return False
