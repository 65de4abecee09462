"""The frames of one segment from any place on: whole and sound ones only, broken ones stepped over.

A small cache of places that were passed before tells where a frame stands.
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


def frames_from(fd: int, position: int) -> Iterator[tuple[int, Frame]]:
    """Frames with their positions, up to the end of the file or to a frame that is not whole yet."""
    data, base, at = b"", position, 0
    is_last = False
    while True:
        found = logformat.decode(data, at)
        if found is not None:
            yield base + at, found[0]
            at = found[1]
            continue
        if not _is_whole(data, at):
            if is_last:
                return
            base, at = base + at, 0
            data = os.pread(fd, BLOCK_BYTES, base)
            is_last = len(data) < BLOCK_BYTES
            continue
        at = _behind_broken(data, at)


def headers_from(fd: int, position: int) -> Iterator[tuple[int, int]]:
    """Position and sequence number of each frame, from its header alone; ends at the first broken one."""
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
    """Whether all of a frame is there, be it sound or not; what has no header of a frame counts as whole."""
    if len(data) - at < HEADER.size:
        return False
    magic, _, _, length, _, _, _ = HEADER.unpack_from(data, at)
    if magic != MAGIC or length > MAX_PAYLOAD_BYTES:
        return True
    return bool(len(data) - at >= HEADER.size + length)


def _behind_broken(data: bytes, at: int) -> int:
    """Where to look for the next frame behind one that is not sound."""
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
    """Frame numbers and positions, both rising."""

    seqs: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


class SegmentIndex:
    """Every so many bytes the number and position of a frame, of the segments that were read last."""

    def __init__(self) -> None:
        self._segments: OrderedDict[tuple[str, int, int], _Places] = OrderedDict()
        self._lock = Lock()

    def seek(self, segment: OpenSegment, seq: int) -> int:
        """The position of the last frame whose number is at most `seq`; 0 when there is none."""
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
        """Positions of frames all over the segment, a step apart, rising."""
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
