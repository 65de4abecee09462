"""Decodes a byte stream into frames and encodes frames, in either framing.

A decoder buffers at most one unfinished frame of bounded size; longer frames are skipped without buffering.
The contents of frames are not parsed here.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

MAX_FRAME_BYTES: Final = 8 * 2**20
MAX_HEADER_BYTES: Final = 4096
HEADER_MARK: Final = b"Content-"


@dataclass(frozen=True, slots=True)
class TooLong:
    """Represents a frame that was longer than the limit and is skipped; the stream continues after it."""

    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Represents invalid headers: the start of the next frame is unknown, so this is the last frame."""

    reason: str


Frame = bytes | TooLong | Broken


class Decoder(Protocol):
    """Decodes bytes into complete frames."""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that these bytes complete, in order."""

    def end(self) -> bytes:
        """Return the unfinished frame at the end of the stream."""

    @property
    def held_bytes(self) -> int:
        """The number of buffered bytes of an unfinished frame."""

    def pass_over(self) -> None:
        """Drop the unfinished frame and skip the rest of it."""


class LineDecoder:
    """One frame per line; empty lines are skipped."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame_bytes
        self._held = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that these bytes complete, in order."""
        *lines, rest = data.split(b"\n")
        frames: list[Frame] = []
        for line in lines:
            self._finish(line, frames)
        self._hold(rest, frames)
        return frames

    def end(self) -> bytes:
        """Return the last line if its line end is missing; it is a frame like any other."""
        return bytes(self._held)

    @property
    def held_bytes(self) -> int:
        """The number of buffered bytes of an unfinished line."""
        return len(self._held)

    def pass_over(self) -> None:
        """Drop the unfinished line and skip the rest of it."""
        self._skipping = bool(self._held)
        self._held = bytearray()

    def _finish(self, line: bytes, frames: list[Frame]) -> None:
        if self._skipping:
            self._skipping = False
            return
        if self._held:
            line = bytes(self._held) + line
            self._held = bytearray()
        if len(line) > self._max:
            frames.append(TooLong(self._max))
        elif line and not line.isspace():
            frames.append(line)

    def _hold(self, rest: bytes, frames: list[Frame]) -> None:
        if self._skipping or not rest:
            return
        self._held += rest
        if len(self._held) > self._max:
            self._held = bytearray()
            self._skipping = True
            frames.append(TooLong(self._max))


class HeaderDecoder:
    """One frame after each `Content-Length` header, as in the Language Server Protocol."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame_bytes
        self._header = b""
        self._body = bytearray()
        self._missing = 0
        self._skipping = False
        self._is_broken = False

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that these bytes complete, in order; none after a Broken one."""
        frames: list[Frame] = []
        place = 0
        while place < len(data) and not self._is_broken:
            take = self._take_body if self._missing else self._take_header
            place = take(data, place, frames)
        return frames

    def end(self) -> bytes:
        """Return the unfinished bytes; half a body is not a frame."""
        return self._header or bytes(self._body)

    @property
    def held_bytes(self) -> int:
        """The number of buffered bytes of an unfinished body."""
        return len(self._body)

    def pass_over(self) -> None:
        """Drop the unfinished body and skip the rest of it."""
        self._skipping = bool(self._missing)
        self._body = bytearray()

    def _take_body(self, data: bytes, place: int, frames: list[Frame]) -> int:
        end = min(place + self._missing, len(data))
        self._missing -= end - place
        if not self._skipping:
            self._body += memoryview(data)[place:end]
        if self._missing == 0:
            if not self._skipping:
                frames.append(bytes(self._body))
            self._body = bytearray()
            self._skipping = False
        return end

    def _take_header(self, data: bytes, place: int, frames: list[Frame]) -> int:
        held = len(self._header)
        text = self._header + data[place : place + MAX_HEADER_BYTES + 4]
        end = text.find(b"\r\n\r\n")
        if end < 0:
            if len(text) > MAX_HEADER_BYTES:
                return self._break("The headers before a body are too long", data, frames)
            self._header = text
            return len(data)
        self._header = b""
        length = _content_length(text[:end])
        if isinstance(length, str):
            return self._break(length, data, frames)
        self._missing = length
        if self._missing > self._max:
            self._skipping = True
            frames.append(TooLong(self._max))
        elif self._missing == 0:
            frames.append(b"")
        return place + end + 4 - held

    def _break(self, reason: str, data: bytes, frames: list[Frame]) -> int:
        self._is_broken = True
        self._header = b""
        frames.append(Broken(reason))
        return len(data)


def _content_length(header: bytes) -> int | str:
    """Return the length in the headers, or what is wrong with them."""
    length: int | None = None
    for line in header.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            return "A header line has no colon"
        if name.strip().lower() != b"content-length":
            continue
        digits = value.strip()
        if length is not None or not digits.isdigit() or len(digits) > 15:
            return "Content-Length must stand there once, as a plain number of bytes"
        length = int(digits)
    return "There is no Content-Length header" if length is None else length


class Framing(Enum):
    """How frames are delimited on a connection."""

    LINES = auto()
    HEADERS = auto()

    def decoder(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> Decoder:
        """Return a decoder for a new stream."""
        return (LineDecoder if self is Framing.LINES else HeaderDecoder)(max_frame_bytes)

    def encode(self, body: bytes) -> bytes:
        """Return a frame with a JSON text; with `LINES` the text must not contain a line end."""
        if self is Framing.LINES:
            return body + b"\n"
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def detect(start: bytes) -> Framing | None:
    """Return the framing of a connection that begins with these bytes; None if they are too few to decide."""
    if start.startswith(HEADER_MARK):
        return Framing.HEADERS
    if HEADER_MARK.startswith(start):
        return None
    return Framing.LINES
