"""Cuts a stream of bytes into payloads for frames: at line ends, else at UTF-8 borders.

It keeps no time and writes nothing.
"""

from locksided.keeper.log.format import MAX_PAYLOAD_BYTES


class Cutter:
    """Holds the beginning of a line until its end arrives, until it is too long, or until it is flushed."""

    __slots__ = ("_limit", "_pending")

    def __init__(self, limit: int = MAX_PAYLOAD_BYTES) -> None:
        self._limit = limit
        self._pending = b""

    @property
    def is_waiting(self) -> bool:
        return bool(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """Add data and return the payloads that are ready."""
        if self._pending:
            data = self._pending + data
        payloads = []
        start = 0
        while start < len(data):
            end = _cut(data, start, self._limit)
            if end is None:
                break
            payloads.append(data[start:end])
            start = end
        self._pending = data[start:]
        return payloads

    def flush(self) -> list[bytes]:
        """Return what is held back, except an incomplete character at its end."""
        end = len(self._pending) - _unfinished_character(self._pending)
        return self._take(end)

    def finish(self) -> list[bytes]:
        """Return everything that is held back."""
        return self._take(len(self._pending))

    def _take(self, end: int) -> list[bytes]:
        payload, self._pending = self._pending[:end], self._pending[end:]
        return [payload] if payload else []


def _cut(data: bytes, start: int, limit: int) -> int | None:
    """Return where the payload that begins at `start` ends, or None if that is not known yet."""
    after_line = data.rfind(b"\n", start, start + limit) + 1
    if after_line > 0:
        return after_line
    if len(data) - start <= limit:
        return None
    end = start + limit
    for back in range(4):
        if data[end - back] & 0xC0 != 0x80:
            return end - back if end - back > start else end
    return end


def _unfinished_character(data: bytes) -> int:
    """Return how many bytes at the end of `data` begin an incomplete UTF-8 character."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return back if needed > back else 0
    return 0
