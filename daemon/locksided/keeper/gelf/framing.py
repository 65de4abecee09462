"""Finds messages in received data: by TCP, by HTTP or by UDP. Pure.

A message that is too large is represented by the number of its bytes known so far.
"""

from typing import NamedTuple, TypeAlias

from locksided.keeper.gelf.messages import MAX_MESSAGE_BYTES, TooLarge, unpacked

Found: TypeAlias = "bytes | int"

MAX_HEAD_BYTES = 16 * 1024
MAX_CHUNKS = 128
MAX_BEGUN = 64
"""The most incomplete messages by UDP."""
CHUNK_SECONDS = 5.0
"""The time for the other chunks after the first one, as specified by GELF."""
_CHUNK = b"\x1e\x0f"
_CHUNK_HEAD_BYTES = 12


class Lines:
    """TCP: a message ends with NUL or with a line feed."""

    answer = b""
    is_over = False

    def __init__(self) -> None:
        self._pending = bytearray()
        self._lost = 0
        """The bytes so far of a message that is too large."""

    def feed(self, data: bytes) -> list[Found]:
        """Add data and return the messages that end in it."""
        *ended, rest = data.replace(b"\0", b"\n").split(b"\n")
        found: list[Found] = []
        for piece in ended:
            self._take(piece)
            found += self.finish()
        self._take(rest)
        return found

    def finish(self) -> list[Found]:
        """Return the message that ends here without a terminator."""
        message, lost = bytes(self._pending).removesuffix(b"\r"), self._lost
        self._pending.clear()
        self._lost = 0
        if lost:
            return [lost]
        return [message] if message.strip() else []

    def _take(self, piece: bytes) -> None:
        if self._lost or len(self._pending) + len(piece) > MAX_MESSAGE_BYTES:
            self._lost += len(self._pending) + len(piece)
            self._pending.clear()
        else:
            self._pending += piece


class Requests:
    """HTTP: each POST contains one message."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._body_bytes: int | None = None
        self.answer = b""
        """The data to send back."""
        self.is_over = False
        """Whether no more data can be interpreted."""

    def feed(self, data: bytes) -> list[Found]:
        """Add data and return the messages that end in it."""
        self._data += data
        found: list[Found] = []
        while not self.is_over and self._goes_on(found):
            pass
        return found

    def finish(self) -> list[Found]:
        """Return what is lost of an incomplete request."""
        return [len(self._data)] if self._data and not self.is_over else []

    def _goes_on(self, found: list[Found]) -> bool:
        """Read one head or one body; return False if it is incomplete."""
        if self._body_bytes is None:
            head, end, _ = self._data.partition(b"\r\n\r\n")
            if len(head) > MAX_HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")
            if not end or self.is_over:
                return False
            del self._data[: len(head) + len(end)]
            self._take_head(bytes(head), found)
            return True
        if len(self._data) < self._body_bytes:
            return False
        body = bytes(self._data[: self._body_bytes])
        del self._data[: self._body_bytes]
        self._body_bytes = None
        found += _unpacked(body)
        self.answer += b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        return True

    def _take_head(self, head: bytes, found: list[Found]) -> None:
        first, *lines = head.split(b"\r\n")
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(b":") for x in lines)
        }
        length = fields.get(b"content-length", b"")
        if not first.startswith(b"POST "):
            self._refuse(b"405 Method Not Allowed")
        elif not length.isdigit() or len(length) > len(str(2**53)):
            self._refuse(b"411 Length Required")
        elif int(length) > MAX_MESSAGE_BYTES:
            found.append(int(length))
            self._refuse(b"413 Content Too Large")
        else:
            self._body_bytes = int(length)
            if fields.get(b"expect", b"").lower() == b"100-continue":
                self.answer += b"HTTP/1.1 100 Continue\r\n\r\n"

    def _refuse(self, status: bytes) -> None:
        self.answer += b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        self.is_over = True


class _Begun(NamedTuple):
    """A message of which some chunks have arrived."""

    until: float
    total: int
    chunks: dict[int, bytes]

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.chunks.values()))


class Datagrams:
    """UDP: a datagram is a message or a chunk of one, compressed or not."""

    def __init__(self) -> None:
        self._begun: dict[tuple[object, bytes], _Begun] = {}

    def feed(self, data: bytes, sender: object, now: float) -> list[Found]:
        """Add a datagram and return the message that it completes, and expired ones."""
        found = self._expired(now)
        if not data.startswith(_CHUNK):
            return found + _unpacked(data)
        number, count = data[10:11], data[11:12]
        if len(data) <= _CHUNK_HEAD_BYTES or not number < count or count[0] > MAX_CHUNKS:
            return [*found, len(data)]
        key = (sender, data[2:10])
        begun = self._begun.setdefault(key, _Begun(now + CHUNK_SECONDS, count[0], {}))
        begun.chunks.setdefault(number[0], data[_CHUNK_HEAD_BYTES:])
        if begun.size_bytes > MAX_MESSAGE_BYTES or count[0] != begun.total:
            found.append(self._begun.pop(key).size_bytes)
        elif len(begun.chunks) == begun.total:
            del self._begun[key]
            found += _unpacked(b"".join(begun.chunks[place] for place in range(begun.total)))
        return found

    def finish(self) -> list[Found]:
        """Return what is lost of incomplete messages."""
        lost: list[Found] = [begun.size_bytes for begun in self._begun.values()]
        self._begun.clear()
        return lost

    def _expired(self, now: float) -> list[Found]:
        """Drop expired messages, and the oldest ones if there are too many."""
        lost: list[Found] = []
        while self._begun:
            key = next(iter(self._begun))
            if self._begun[key].until > now and len(self._begun) < MAX_BEGUN:
                break
            lost.append(self._begun.pop(key).size_bytes)
        return lost


def _unpacked(data: bytes) -> list[Found]:
    try:
        message = unpacked(data)
    except TooLarge:
        return [len(data)]
    return [message] if message.strip() else []
