"""The format of a job's log on disk: segments of frames.

This module converts bytes; the writer and readers handle the files.

A log is a folder of segments named after the first sequence number in them (20 digits and `.seg`). A segment
is a series of frames: a header and a payload. The stream of a frame is STDOUT, STDERR, DROPPED, MARK or GELF.
The payload of a MARK is a JSON object that names the step of the run that begins there. That of a GELF frame
is a line with the JSON object `{"level", "fields", "forAdmins"}`, then the text; a long message takes several
frames. That of a DROPPED frame is the JSON object `{"bytes", "fromSeq", "toSeq"}`, which represents the
frames of that range: its own sequence number is `fromSeq`, the next frame has `toSeq + 1`. A reader skips
frames with numbers that it has already seen.
"""

import json
import operator
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from locksided.keeper import strictjson
from locksided.keeper.strictjson import BadJson

STDOUT = 1
STDERR = 2
DROPPED = 3
MARK = 4
GELF = 5

PARTIAL = 1
"""Flag of a frame that ends inside a line; the line continues in the next frame of the same stream."""

MAGIC = 0x4C53
MAGIC_BYTES = MAGIC.to_bytes(2, "little")
HEADER = struct.Struct("<HBBIQQI")
MAX_PAYLOAD_BYTES = 64 * 1024
MAX_HEAD_DEPTH = 40
"""The limit for the head of a GELF frame."""
LARGEST_SEQ = 2**53 - 2
LARGEST_COUNT = 2**53 - 1
"""The limit for lost bytes."""
LARGEST_TIME_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""

SUFFIX = ".seg"
MAX_FILES = 1000
"""Further entries of a log's folder are ignored: a job may have made them. A log has some ten."""


class Frame(NamedTuple):
    """One piece of output; `time_us` is in microseconds since the epoch."""

    stream: int
    flags: int
    seq: int
    time_us: int
    payload: bytes


class Dropped(NamedTuple):
    """The content of a DROPPED frame: payload bytes lost and the inclusive range of sequence numbers."""

    size_bytes: int
    from_seq: int
    to_seq: int


def header(stream: int, flags: int, seq: int, time_us: int, payload: bytes) -> bytes:
    return HEADER.pack(MAGIC, stream, flags, len(payload), seq, time_us, zlib.crc32(payload))


def encode(frame: Frame) -> bytes:
    return header(frame.stream, frame.flags, frame.seq, frame.time_us, frame.payload) + frame.payload


def decode(data: bytes | memoryview, offset: int) -> tuple[Frame, int] | None:
    """Return the frame at `offset` and the offset after it; None if there is no complete, valid frame.

    A job may write to the folder: a frame with a correct checksum but impossible numbers is invalid.
    """
    if len(data) - offset < HEADER.size:
        return None
    magic, stream, flags, length, seq, time_us, checksum = HEADER.unpack_from(data, offset)
    start = offset + HEADER.size
    if magic != MAGIC or length > MAX_PAYLOAD_BYTES or len(data) - start < length:
        return None
    payload = bytes(data[start : start + length])
    if zlib.crc32(payload) != checksum or seq > LARGEST_SEQ or time_us > LARGEST_TIME_US:
        return None
    frame = Frame(stream, flags, seq, time_us, payload)
    return (frame, start + length) if _can_be(frame) else None


def _can_be(frame: Frame) -> bool:
    """Return whether a frame's stream exists and its range is valid."""
    if frame.stream != DROPPED:
        return (
            frame.stream in (STDOUT, STDERR)
            or (frame.stream == MARK and read_mark(frame.payload) is not None)
            or (frame.stream == GELF and read_gelf(frame.payload) is not None)
        )
    try:
        dropped = read_dropped(frame.payload)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return frame.seq == dropped.from_seq <= dropped.to_seq <= LARGEST_SEQ and dropped.size_bytes >= 0


def scan(data: bytes, offset: int = 0) -> Iterator[tuple[Frame, int]]:
    """Yield every valid frame with the offset after it; broken data in between is skipped."""
    while True:
        found = decode(data, offset)
        if found is not None:
            yield found
            offset = found[1]
            continue
        offset = data.find(MAGIC_BYTES, offset + 1)
        if offset < 0:
            return


def dropped_payload(dropped: Dropped) -> bytes:
    return json.dumps(
        {"bytes": dropped.size_bytes, "fromSeq": dropped.from_seq, "toSeq": dropped.to_seq}
    ).encode()


def read_dropped(payload: bytes) -> Dropped:
    fields = json.loads(payload)
    return Dropped(*(operator.index(fields[name]) for name in ("bytes", "fromSeq", "toSeq")))


def mark_payload(step: Mapping[str, Any]) -> bytes:
    return json.dumps(step).encode() + b"\n"


def read_mark(payload: bytes) -> dict[str, Any] | None:
    """Return the content of a MARK; None if it is not an object."""
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


class GelfPart(NamedTuple):
    """The content of a GELF frame: a message, or a part of a long one."""

    level: int
    text: bytes
    fields: dict[str, Any]
    for_admins: bool


def gelf_head(level: int, fields: Mapping[str, Any], *, for_admins: bool) -> bytes:
    return json.dumps({"level": level, "fields": fields, "forAdmins": for_admins}).encode() + b"\n"


def read_gelf(payload: bytes) -> GelfPart | None:
    """Return the content of a GELF frame; None if it is invalid."""
    line, _, text = payload.partition(b"\n")
    try:
        head = strictjson.read(line, MAX_HEAD_DEPTH)
    except BadJson:
        return None
    match head:
        case {"level": int(level), "fields": dict(fields), "forAdmins": bool(for_admins)} if 0 <= level <= 7:
            return GelfPart(level, text, fields, for_admins)
    return None


def last_seq(frame: Frame) -> int:
    """Return the last sequence number that the frame represents."""
    return read_dropped(frame.payload).to_seq if frame.stream == DROPPED else frame.seq


def segment_name(first_seq: int) -> str:
    return f"{first_seq:020d}{SUFFIX}"


def segment_first_seq(name: str) -> int | None:
    """Return the sequence number in a segment's name, or None for any other file."""
    stem = name.removesuffix(SUFFIX)
    if len(stem) != 20 or stem == name or not stem.isdigit():
        return None
    return int(stem)
