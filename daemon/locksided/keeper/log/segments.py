"""The files of one log folder: a head segment that is always kept and a ring of later ones.

It does not interpret payloads.

When the ring is full, its oldest segment is replaced: a segment with a single DROPPED frame is renamed over
it, so a reader sees either the output or the marker, never a gap.
"""

import os
from itertools import islice
from typing import NamedTuple

from locksided.keeper import clock
from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import DROPPED, Dropped, Frame

RING_SEGMENTS = 6
"""With the head (a quarter) and segments of an eighth each, six of them fill the limit."""

NO_INHERIT = os.O_CLOEXEC | os.O_NOFOLLOW


class Segment(NamedTuple):
    first_seq: int
    size_bytes: int


class End(NamedTuple):
    """The end of a log: the open segment's descriptor, its size, and the next sequence number."""

    fd: int
    size_bytes: int
    next_seq: int


def list_segments(folder: str) -> list[Segment]:
    """Return the segments of a log in order; none if there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            found = [
                Segment(first, entry.stat(follow_symlinks=False).st_size)
                for entry in islice(entries, logformat.MAX_FILES)
                if (first := logformat.segment_first_seq(entry.name)) is not None
            ]
    except FileNotFoundError:
        return []
    return sorted(found)


def open_end(folder: str, segment: Segment) -> End:
    """Open the last segment for appending; an incomplete frame at its end is truncated."""
    path = os.path.join(folder, logformat.segment_name(segment.first_seq))
    fd = os.open(path, os.O_RDWR | os.O_APPEND | NO_INHERIT)
    try:
        size_bytes, next_seq = _sound_end(fd, segment, 0)
        if size_bytes < os.fstat(fd).st_size:
            os.ftruncate(fd, size_bytes)
    except OSError:
        os.close(fd)
        raise
    return End(fd, size_bytes, next_seq)


def peek_next_seq(folder: str, last_bytes: int | None = None) -> int:
    """Return the number that the next frame of this log gets; changes nothing.

    With `last_bytes` only so much of the last segment is read: a job may have given it any size.
    """
    segments = list_segments(folder)
    if not segments:
        return 0
    path = os.path.join(folder, logformat.segment_name(segments[-1].first_seq))
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | NO_INHERIT)  # a job may have made it a pipe
    try:
        begin = 0 if last_bytes is None else max(os.fstat(fd).st_size - last_bytes, 0)
        return _sound_end(fd, segments[-1], begin, last_bytes)[1]
    finally:
        os.close(fd)


def _sound_end(fd: int, segment: Segment, begin: int, most_bytes: int | None = None) -> tuple[int, int]:
    """Return the offset after the last valid frame of a segment, and the next sequence number."""
    end, next_seq = begin, segment.first_seq
    for frame, behind in logformat.scan(_read(fd, begin, most_bytes)):
        end, next_seq = begin + behind, logformat.last_seq(frame) + 1
    return end, next_seq


def _read(fd: int, offset: int, most_bytes: int | None) -> bytes:
    if most_bytes is not None:
        return os.pread(fd, most_bytes, offset)
    parts = []
    while part := os.pread(fd, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def create(folder: str, first_seq: int) -> int:
    """Create the segment that begins with `first_seq` and return its descriptor."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | NO_INHERIT
    name = logformat.segment_name(first_seq)
    try:
        return os.open(os.path.join(folder, name), flags, 0o600)
    except FileNotFoundError:
        os.makedirs(folder, 0o700, exist_ok=True)
        return os.open(os.path.join(folder, name), flags, 0o600)


def drop_oldest(folder: str, ring: list[Segment]) -> Dropped:
    """Replace the oldest segment of a full ring by a marker that includes earlier losses.

    `ring` are all segments after the head, starting with the marker if there is one. Returns what was lost
    this time.
    """
    earlier = _read_marker(folder, ring[0])
    victim = ring[1] if earlier else ring[0]
    following = ring[2] if earlier else ring[1]
    path = os.path.join(folder, logformat.segment_name(victim.first_seq))
    lost = Dropped(_payload_bytes(path), victim.first_seq, following.first_seq - 1)
    total = lost
    if earlier:
        total = Dropped(earlier.size_bytes + lost.size_bytes, earlier.from_seq, lost.to_seq)
    _replace_by_marker(folder, total)
    if earlier:
        os.unlink(path)
    return lost


def has_marker(folder: str, found: list[Segment]) -> bool:
    """Return whether something was dropped after the head before."""
    return len(found) > 1 and _read_marker(folder, found[1]) is not None


def _read_marker(folder: str, segment: Segment) -> Dropped | None:
    path = os.path.join(folder, logformat.segment_name(segment.first_seq))
    if segment.size_bytes > logformat.HEADER.size + 256:
        return None
    with open(path, "rb") as file:
        data = file.read()
    found = logformat.decode(data, 0)
    if found is None or found[0].stream != DROPPED or found[1] != len(data):
        return None
    return logformat.read_dropped(found[0].payload)


def _payload_bytes(path: str) -> int:
    with open(path, "rb") as file:
        return sum(_weight(frame) for frame, _ in logformat.scan(file.read()))


def _weight(frame: Frame) -> int:
    if frame.stream == DROPPED:
        return logformat.read_dropped(frame.payload).size_bytes
    return len(frame.payload)


def _replace_by_marker(folder: str, dropped: Dropped) -> None:
    frame = Frame(DROPPED, 0, dropped.from_seq, clock.wall_us(), logformat.dropped_payload(dropped))
    path = os.path.join(folder, logformat.segment_name(dropped.from_seq))
    with open(path + ".new", "wb") as file:
        file.write(logformat.encode(frame))
    os.rename(path + ".new", path)
