"""Reads and merges the progress lines of a run. They can only set progress."""

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from locksided.keeper import strictjson
from locksided.keeper.log.output import MAX_LAST_READS
from locksided.keeper.log.redact import Redactor
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.strictjson import BadJson
from locksided.keeper.wire import Message

MAX_LINE_BYTES = 64 * 1024
MAX_DEPTH = 32
COUNTS = ("success", "error", "ignored")
MAX_MESSAGE_CHARACTERS = 4096
READ_BYTES = 64 * 1024
REPORT_SECONDS = 1.0


class Progress:
    """The progress of a run, reported at most once a second. Only the first unusable line is reported as a
    problem.
    """

    def __init__(
        self,
        loop: Loop,
        fd: int,
        redactor: Redactor,
        tell: Callable[[Message], None],
        complain: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._redactor = redactor
        self._tell = tell
        self._complain = complain
        self._has_complained = False
        self._pending = b""
        self._has_news = False
        self._pause: Timer | None = None
        self.merged: Message = {}
        loop.watch_bulk(fd, self._read)

    def finish(self) -> None:
        """Read the rest and close the pipe; it is reported with the outcome."""
        for _ in range(MAX_LAST_READS):
            if self._fd < 0 or not self._read():
                break
        self._close()
        if self._pause is not None:
            self._pause.cancel()

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._pending) > MAX_LINE_BYTES:
            # This is enough to be refused as too long when the line ends.
            self._pending = self._pending[: MAX_LINE_BYTES + 1]
        self._report()
        return True

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        news, problem = parse(self._redactor.hide(line))
        if problem is not None and not self._has_complained:
            self._has_complained = True
            self._complain(f"A line written to LOCKSIDE_PROGRESS_FD {problem}; such lines have no effect.")
        if not news:
            return
        if "counts" in news:
            news["counts"] = {**self.merged.get("counts", {}), **news["counts"]}
        if "outputs" in news:
            news["outputs"] = _by_name(self.merged.get("outputs", []), news["outputs"])
        self.merged.update(news)
        self._has_news = True

    def _report(self) -> None:
        if self._has_news and self._pause is None:
            self._has_news = False
            self._pause = self._loop.after(REPORT_SECONDS, self._pause_over)
            self._tell(self.merged)

    def _pause_over(self) -> None:
        self._pause = None
        self._report()

    def _close(self) -> None:
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1


def parse(line: bytes) -> tuple[Message, str | None]:
    """Return the valid fields of a progress line, and the problem of the first invalid one."""
    if len(line) > MAX_LINE_BYTES:
        return {}, f"is longer than {MAX_LINE_BYTES} bytes"
    try:
        document = strictjson.read(line, MAX_DEPTH)
    except BadJson as error:
        return {}, str(error)
    if not isinstance(document, dict):
        return {}, "is not a JSON object"
    given = {name: document[name] for name in _FIELDS if document.get(name) is not None}
    sound = {name: value for name, value in given.items() if _FIELDS[name].is_valid(value)}
    wrong = next((name for name in given if name not in sound), None)
    problem = None if wrong is None else f"has no {_FIELDS[wrong].expected} in '{wrong}'"
    return {name: _FIELDS[name].take(value) for name, value in sound.items()}, problem


def _by_name(before: list[Any], news: list[Any]) -> list[Any]:
    """Return the outputs updated by name; only the new ones if all would be too large."""
    merged = {_name(one): one for one in before}
    for one in news:
        known = merged.get(_name(one))
        merged[_name(one)] = {**known, **one} if isinstance(known, dict) and isinstance(one, dict) else one
    found = list(merged.values())
    return found if len(json.dumps(found)) <= MAX_LINE_BYTES else news


def _name(output: Any) -> str:
    return str(output.get("name") if isinstance(output, dict) else output)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(_is_count(value.get(name, 0)) for name in COUNTS)


def _is_blocked(value: object) -> bool:
    """Return whether it describes a wait for an external condition, optionally with a pause and a reason."""
    if not isinstance(value, dict):
        return False
    pause, message = value.get("retryAfterSeconds"), value.get("message")
    is_number = isinstance(pause, int | float) and not isinstance(pause, bool) and 0 <= pause < float("inf")
    return (pause is None or is_number) and (message is None or isinstance(message, str))


def _blocked(value: dict[str, Any]) -> Message:
    message = value.get("message")
    return {
        "retryAfterSeconds": value.get("retryAfterSeconds"),
        "message": message if message is None else message[:MAX_MESSAGE_CHARACTERS],
    }


class _Field(NamedTuple):
    """The check and conversion of one field of a progress line."""

    expected: str
    is_valid: Callable[[Any], bool]
    take: Callable[[Any], object]


_FIELDS = {
    "progress": _Field("number from 0 to 1", _is_share, float),
    "message": _Field(
        "string", lambda value: isinstance(value, str), lambda text: text[:MAX_MESSAGE_CHARACTERS]
    ),
    "counts": _Field(
        "object of counts from 0",
        _are_counts,
        lambda counts: {name: counts[name] for name in COUNTS if name in counts},
    ),
    "blocked": _Field("object with 'retryAfterSeconds' and 'message'", _is_blocked, _blocked),
    "outputs": _Field("list", lambda value: isinstance(value, list), lambda outputs: outputs),
}
