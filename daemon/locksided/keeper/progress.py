"""Reads the progress lines of a run and merges them. It cannot set anything but progress."""

import json
import os
from collections.abc import Callable

from locksided.keeper.loop import Loop, Timer
from locksided.keeper.output import MAX_LAST_READS
from locksided.keeper.redact import Redactor
from locksided.keeper.wire import Message

MAX_LINE_BYTES = 64 * 1024
MAX_MESSAGE_CHARACTERS = 4096
READ_BYTES = 64 * 1024
REPORT_SECONDS = 1.0


class Progress:
    """What a run says of itself, told on at most once a second."""

    def __init__(self, loop: Loop, fd: int, redactor: Redactor, tell: Callable[[Message], None]) -> None:
        self._loop = loop
        self._fd = fd
        self._redactor = redactor
        self._tell = tell
        self._pending = b""
        self._is_skipping = False
        self._has_news = False
        self._pause: Timer | None = None
        self.merged: Message = {}
        loop.watch_bulk(fd, self._read)

    def finish(self) -> None:
        """Read what is left and close the pipe; the rest goes with the outcome."""
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
            self._pending, self._is_skipping = b"", True
        self._report()
        return True

    def _take(self, line: bytes) -> None:
        is_tail, self._is_skipping = self._is_skipping, False
        if is_tail or len(line) > MAX_LINE_BYTES:
            return
        news = parse(self._redactor.hide(line))
        if not news:
            return
        if "counts" in news:
            news["counts"] = {**self.merged.get("counts", {}), **news["counts"]}
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


def parse(line: bytes) -> Message:
    """Return the known and sound fields of a progress line; none if it is not a JSON object."""
    try:
        said = json.loads(line, parse_constant=_refuse, parse_int=_small_integer)
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {key: value for key, check in _CHECKS.items() if (value := check(said.get(key))) is not None}


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _small_integer(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError("too large for an integer")
    return number


def _share(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def _message(value: object) -> str | None:
    return value[:MAX_MESSAGE_CHARACTERS] if isinstance(value, str) else None


def _counts(value: object) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    return {k: n for k, n in value.items() if isinstance(n, int) and not isinstance(n, bool) and n >= 0}


def _outputs(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None


_CHECKS: dict[str, Callable[[object], object | None]] = {
    "progress": _share,
    "message": _message,
    "counts": _counts,
    "outputs": _outputs,
}
