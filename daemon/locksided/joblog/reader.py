"""Reads a job's log from any frame on, by any number of readers, at no cost to the job.

Synchronous and bounded; called in threads. Missing frames are reported: a range of them is a `Gap`.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, TypeAlias

from locksided.joblog.frames import OpenSegment, SegmentIndex, frames_from
from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import DROPPED, GELF, STDERR, STDOUT, Frame, read_gelf
from locksided.keeper.messages import User

DEFAULT_MAX_BYTES = 2**20
MAX_SCANNED_BYTES = 2**24

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_INDEX = SegmentIndex()


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing frames, both ends included; `size_bytes` is 0 if unknown."""

    from_seq: int
    to_seq: int
    size_bytes: int
    time_us: int


Item: TypeAlias = Frame | Gap


@dataclass(frozen=True, slots=True)
class Page:
    """What was read; `next_offset` is where to continue. `at_end` says that there was nothing more."""

    items: tuple[Item, ...]
    next_offset: int
    at_end: bool


def read_page(
    folder: str,
    offset: int = 0,
    *,
    limit: int = 1000,
    stream: int | None = None,
    level: int | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Page:
    """Return the frames from number `offset` on, limited in number and bytes (but at least one).

    With `stream` only that stream's frames, with `level` messages of that level or more urgent ones; gaps
    always. A log that does not exist is empty.
    """
    items: list[Item] = []
    expected, size_bytes, scanned_bytes = offset, 0, 0
    for item in _items(folder, offset):
        size = 0 if isinstance(item, Gap) else len(item.payload)
        wanted = isinstance(item, Gap) or _is_wanted(item, stream, level)
        if wanted and items and (len(items) >= limit or size_bytes + size > max_bytes):
            return Page(tuple(items), expected, at_end=False)
        if scanned_bytes > MAX_SCANNED_BYTES:
            return Page(tuple(items), expected, at_end=False)
        scanned_bytes += size
        expected = _last(item) + 1
        if wanted:
            items.append(item)
            size_bytes += size
    return Page(tuple(items), expected, at_end=True)


def _is_wanted(frame: Frame, stream: int | None, level: int | None) -> bool:
    if level is None:
        return stream is None or frame.stream == stream
    message = read_gelf(frame.payload) if frame.stream == GELF else None
    return message is not None and message.level <= level


def length(folder: str) -> int:
    """Return the number after the last frame of a log, including missing ones; 0 for an empty log."""
    for frames in _runs_backwards(folder):
        if frames:
            return max(_last(_item(frame)) for frame in frames) + 1
    return 0


def stream_bytes(folder: str, stream: int, limit_bytes: int) -> bytes:
    """Return the output of one stream, up to a number of bytes."""
    parts: list[bytes] = []
    left = limit_bytes
    for item in _items(folder, 0):
        if isinstance(item, Gap) or item.stream != stream:
            continue
        parts.append(item.payload[:left])
        left -= len(parts[-1])
        if left <= 0:
            break
    return b"".join(parts)


def tail(
    folder: str,
    lines: int,
    *,
    stream: int | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    from_seq: int = 0,
) -> list[str]:
    """Return the last lines of the frames from a number on, including a line still being written.

    Streams are in time order.
    """
    frames: list[Frame] = []
    size_bytes = newlines = 0
    for run in _runs_backwards(folder):
        part = [frame for frame in run if frame.stream in _streams(stream) and frame.seq >= from_seq]
        frames = part + frames
        size_bytes += sum(len(frame.payload) for frame in part)
        newlines += sum(frame.payload.count(b"\n") for frame in part)
        is_passed = bool(run) and run[0].seq < from_seq
        if newlines > lines or size_bytes > max_bytes or is_passed:
            break
    return _lines(frames)[-lines:] if lines > 0 else []


def _streams(stream: int | None) -> tuple[int, ...]:
    return (STDOUT, STDERR) if stream is None else (stream,)


def _lines(frames: list[Frame]) -> list[str]:
    """Return complete lines in the order of their ends, then incomplete ones."""
    lines: list[bytes] = []
    begun: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    for frame in frames:
        *ended, rest = frame.payload.split(b"\n")
        for end in ended:
            lines.append(b"".join([*begun[frame.stream], end]))
            begun[frame.stream] = []
        begun[frame.stream].append(rest)
    lines += [rest for rest in map(b"".join, begun.values()) if rest]
    return [line.decode("utf-8", "replace") for line in lines]


def _items(folder: str, offset: int) -> Iterator[Item]:
    """Yield frames and gaps in order, from a frame number on, as far as they exist now."""
    expected = offset
    done: int | None = None
    while True:
        segment = _segment_for(folder, expected, done)
        if segment is None:
            return
        try:
            fd = os.open(f"{folder}/{logformat.segment_name(segment)}", _READ)
        except FileNotFoundError:
            continue  # it was just replaced by a marker, which the next look finds
        try:
            for _, frame in frames_from(fd, _INDEX.seek(OpenSegment(folder, segment, fd), expected)):
                for item in _with_gap(frame, expected):
                    yield item
                    expected = max(expected, _last(item) + 1)
        finally:
            os.close(fd)
        done = segment


def _segment_for(folder: str, seq: int, done: int | None) -> int | None:
    """Return the segment for a frame number: the last that begins at or before it, else the next one."""
    firsts = segments_of(folder)
    at = max(bisect_right(firsts, seq) - 1, 0)
    if done is not None:
        at = max(at, bisect_right(firsts, done))
    return firsts[at] if at < len(firsts) else None


def segments_of(folder: str) -> list[int]:
    """Return the first frame numbers of a log's segments, ascending."""
    try:
        with os.scandir(folder) as found:
            names = [one.name for one in islice(found, logformat.MAX_FILES)]
    except FileNotFoundError:
        return []
    return sorted(first for name in names if (first := logformat.segment_first_seq(name)) is not None)


def _with_gap(frame: Frame, expected: int) -> Iterator[Item]:
    """Yield the frame, preceded by the gap before it; nothing for a frame that was read before."""
    item = _item(frame)
    if _last(item) < expected:
        return
    if frame.seq > expected:
        yield Gap(expected, frame.seq - 1, 0, frame.time_us)
    yield item


def _item(frame: Frame) -> Item:
    if frame.stream != DROPPED:
        return frame
    dropped = logformat.read_dropped(frame.payload)
    return Gap(dropped.from_seq, dropped.to_seq, dropped.size_bytes, frame.time_us)


def _last(item: Item) -> int:
    return item.to_seq if isinstance(item, Gap) else item.seq


def _runs_backwards(folder: str) -> Iterator[list[Frame]]:
    """Yield the log's frames in runs of some hundred kilobytes, the last run first."""
    for first in reversed(segments_of(folder)):
        try:
            fd = os.open(f"{folder}/{logformat.segment_name(first)}", _READ)
        except FileNotFoundError:
            continue
        try:
            end: int | None = None
            for begin in reversed(_INDEX.places(OpenSegment(folder, first, fd)) or [0]):
                yield _frames_between(fd, begin, end)
                end = begin
        finally:
            os.close(fd)


def _frames_between(fd: int, begin: int, end: int | None) -> list[Frame]:
    frames = []
    for position, frame in frames_from(fd, begin):
        if end is not None and position >= end:
            break
        frames.append(frame)
    return frames


def write_text(folder: str, path: str, owner: User | None) -> None:
    """Write the whole log, in the order of arrival, into a new file that only its owner can read.

    None is the daemon's own account. A file of that name is replaced.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        if owner is not None:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        _write(folder, file)


def _write(folder: str, file: BinaryIO) -> None:
    offset, at_end = 0, False
    while not at_end:
        page = read_page(folder, offset)
        file.writelines(map(_text_of, page.items))
        offset, at_end = page.next_offset, page.at_end


def _text_of(item: Item) -> bytes:
    if isinstance(item, Gap):
        return f"[{item.to_seq - item.from_seq + 1} parts of the log are no more]\n".encode()
    if item.stream != GELF:
        return item.payload if item.stream in (STDOUT, STDERR) else b""
    message = read_gelf(item.payload)
    return b"" if message is None or message.for_admins else message.text + b"\n"
