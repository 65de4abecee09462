"""The outcome of an ended run, and its file in the control folder until the daemon has it."""

import os
from typing import Any

from locksided.keeper import strictjson, wire
from locksided.keeper.messages import Exit, KillReport, LogEnd, Outcome, Refusal, Signalled
from locksided.keeper.strictjson import BadJson
from locksided.keeper.tree.proc import Hit
from locksided.keeper.wire import Message

FILE = "outcome.json"
RUN_FILE = "run.json"
SIGPIPE = 13
MAX_REPORTED_PROCESSES = 1000


def exit_of(status: int) -> Exit:
    """Convert a wait status."""
    code = os.waitstatus_to_exitcode(status)
    return Exit(code, None) if code >= 0 else Exit(None, -code)


def effective(exits: list[Exit]) -> Exit:
    """Return the exit of a pipeline: the leftmost failure except a broken pipe, else the last."""
    failures = (one for one in exits if one.is_failure and one.signal != SIGPIPE)
    return next(failures, exits[-1] if exits else Exit(None, None))


class Signals:
    """Records which processes were signalled, up to a limit."""

    def __init__(self, proof: str) -> None:
        self._proof = proof
        self._processes: list[Signalled] = []
        self._omitted = 0

    def add(self, hits: list[Hit], time_us: int) -> None:
        room = MAX_REPORTED_PROCESSES - len(self._processes)
        self._processes += [Signalled(hit.pid, hit.name, hit.signal, time_us) for hit in hits[:room]]
        self._omitted += len(hits[room:])

    def report(self) -> KillReport:
        return KillReport(self._proof, tuple(self._processes), self._omitted)


def blank(token: str) -> Outcome:
    """Return an outcome in which nothing is known yet."""
    return Outcome(token, user_seconds=0.0, system_seconds=0.0, max_rss_bytes=0, progress={}, log=LogEnd())


def refusal_of(error: OSError) -> Refusal:
    """Return an error of the system as a refusal."""
    return Refusal("system", error.strerror or str(error), error.errno or 0)


def write_run(folder: str, content: Message) -> None:
    """Write what is known of a run that has started. Raises OSError."""
    _write(os.path.join(folder, RUN_FILE), content)


def write_outcome(folder: str, content: Any) -> None:
    """Write the outcome atomically. Raises OSError.

    It is written over the note of the start, which is no longer needed, and renamed: one file less per run.
    """
    path = os.path.join(folder, RUN_FILE)
    _write(path, content)
    os.rename(path, os.path.join(folder, FILE))


def _write(path: str, content: Any) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        data = wire.encode(content)
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)


def read(folder: str, name: str) -> Message | None:
    """Return the content of the file; None if there is none or it cannot be read."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            content = strictjson.read(file.read(), wire.MAX_LEVELS)
    except (OSError, BadJson):
        return None
    return content if isinstance(content, dict) else None
