"""The frames of one segment from any place on: whole and sound ones only, broken ones stepped over."""

import os
from collections.abc import Iterator

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
