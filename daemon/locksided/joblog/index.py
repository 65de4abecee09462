"""Where in a segment a frame stands: a small cache of places that were passed before.

Segments only grow, and are replaced whole by another file: a place once seen stays right for that file.
"""

import os
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from locksided.joblog.frames import headers_from

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
