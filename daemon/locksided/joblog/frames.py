"""The frames of one segment from any position on: complete and valid ones only, broken ones are skipped.

A small cache of positions read before helps to find a frame.
"""

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import HEADER, MAGIC, MAGIC_BYTES, MAX_PAYLOAD_BYTES, Frame

BLOCK_BYTES = 2**20
MAX_BROKEN_BYTES = 2**24
"""The log ends after so much without a frame: users can write to some logs, and files can have holes."""


def frames_from(fd: int, position: int) -> Iterator[tuple[int, Frame]]:
    """Yield frames with their positions, up to the end of the file or to a frame that is incomplete."""
    data, base, at = b"", position, 0
    is_last, behind = False, position
    while True:
        found = logformat.decode(data, at)
        if found is not None:
            yield base + at, found[0]
            at = found[1]
            behind = base + at
            continue
        if not _is_whole(data, at):
            if is_last or base + at - behind > MAX_BROKEN_BYTES:
                return
            base, at = base + at, 0
            data = os.pread(fd, BLOCK_BYTES, base)
            is_last = len(data) < BLOCK_BYTES
            continue
        at = _next_frame_after(data, at)


def headers_from(fd: int, position: int) -> Iterator[tuple[int, int]]:
    """Yield position and sequence number of each frame, from its header alone; stops at a broken one."""
    data, base, at = b"", position, 0
    is_last = False
    while True:
        if len(data) - at < HEADER.size:
            if is_last:
                return
            base, at = base + at, 0
            data = os.pread(fd, BLOCK_BYTES, base)
            is_last = len(data) < BLOCK_BYTES
            continue
        magic, _, _, length, seq, _, _ = HEADER.unpack_from(data, at)
        if magic != MAGIC or length > MAX_PAYLOAD_BYTES:
            return
        yield base + at, seq
        at += HEADER.size + length
        if at > len(data):
            if is_last:
                return
            base, at, data = base + at, 0, b""


def _is_whole(data: bytes, at: int) -> bool:
    """Return whether a frame is complete, valid or not; data without a frame header counts as complete."""
    if len(data) - at < HEADER.size:
        return False
    magic, _, _, length, _, _, _ = HEADER.unpack_from(data, at)
    if magic != MAGIC or length > MAX_PAYLOAD_BYTES:
        return True
    return bool(len(data) - at >= HEADER.size + length)


def _next_frame_after(data: bytes, at: int) -> int:
    """Return where to look for the next frame after an invalid one."""
    magic, _, _, length, _, _, _ = HEADER.unpack_from(data, at)
    behind = at + HEADER.size + length
    if magic == MAGIC and length <= MAX_PAYLOAD_BYTES and data[behind : behind + 2] == MAGIC_BYTES:
        return int(behind)
    found = data.find(MAGIC_BYTES, at + 1)
    return found if found >= 0 else len(data) - 1


_STEP_BYTES = 2**18
_MAX_SEGMENTS = 256
_BEYOND_ALL = 2**64


class OpenSegment(NamedTuple):
    """A segment that is open for reading: its log's folder, its first frame number, its descriptor."""

    folder: str
    first_seq: int
    fd: int


@dataclass(slots=True)
class _Places:
    """Frame numbers and positions, both ascending."""

    seqs: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


class SegmentIndex:
    """The numbers and positions of frames at intervals, for the recently read segments."""

    def __init__(self) -> None:
        self._segments: OrderedDict[tuple[str, int, int], _Places] = OrderedDict()
        self._lock = Lock()

    def seek(self, segment: OpenSegment, seq: int) -> int:
        """Return the position of the last frame with a number of at most `seq`; 0 if there is none."""
        places = self._places_of(segment)
        with self._lock:
            at = bisect_right(places.seqs, seq) - 1
            found = places.positions[at] if at >= 0 else 0
        for position, number in headers_from(segment.fd, found):
            if number > seq:
                break
            found = position
            self._remember(places, number, position)
        return found

    def places(self, segment: OpenSegment) -> list[int]:
        """Return positions of frames throughout the segment, at intervals, ascending."""
        self.seek(segment, _BEYOND_ALL)
        places = self._places_of(segment)
        with self._lock:
            return list(places.positions)

    def _places_of(self, segment: OpenSegment) -> _Places:
        status = os.fstat(segment.fd)
        key = (segment.folder, segment.first_seq, status.st_ino)
        with self._lock:
            places = self._segments.get(key)
            if places is None or (places.positions and places.positions[-1] >= status.st_size):
                places = self._segments[key] = _Places()
            self._segments.move_to_end(key)
            while len(self._segments) > _MAX_SEGMENTS:
                self._segments.popitem(last=False)
            return places

    def _remember(self, places: _Places, seq: int, position: int) -> None:
        with self._lock:
            if not places.positions or position >= places.positions[-1] + _STEP_BYTES:
                places.seqs.append(seq)
                places.positions.append(position)
