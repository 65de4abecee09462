"""Writes payloads as frames into a log folder.

It never blocks on a full disk: what cannot be written is counted and marked.

Nothing is created on disk before there is output. After a failed write the next one first writes a DROPPED
frame for what was lost in between.
"""

import os

from locksided.keeper import clock
from locksided.keeper.log import format as logformat
from locksided.keeper.log import segments
from locksided.keeper.log.format import DROPPED, LARGEST_COUNT, MAX_PAYLOAD_BYTES, PARTIAL, Dropped
from locksided.keeper.log.segments import Segment

MIN_PAYLOAD_BYTES = 1024


class LogWriter:
    """The only writer of one log folder during one run."""

    def __init__(self, folder: str, max_bytes: int) -> None:
        self._folder = folder
        self._head_bytes = max_bytes // 4
        self._segment_bytes = max_bytes // 8
        self._segments: list[Segment] = []
        self._fd = -1
        self._size_bytes = 0
        self._seq = 0
        self._is_placed = False
        self._has_marker = False
        self._lost: Dropped | None = None
        self.written_bytes = 0
        self.dropped_bytes = 0
        self.failure: OSError | None = None
        self.max_payload_bytes = max(MIN_PAYLOAD_BYTES, min(MAX_PAYLOAD_BYTES, self._segment_bytes // 2))

    @property
    def next_seq(self) -> int:
        """The sequence number of the next frame; 0 while it cannot be determined."""
        if not self._is_placed:
            try:
                return self._seq + segments.peek_next_seq(self._folder)
            except OSError:
                return self._seq
        return self._seq

    def append(self, stream: int, payloads: list[bytes]) -> None:
        """Write payloads as frames of one stream; a failure is remembered, never raised."""
        now = clock.wall_us()
        for payload in payloads:
            self._append_one(stream, payload, now)

    def close(self) -> None:
        """Write a last marker if something was lost, and close the file."""
        if self._lost is not None:
            self._try_marker(clock.wall_us())
        self._close_file()

    def _append_one(self, stream: int, payload: bytes, now: int) -> None:
        if self._lost is not None and not self._try_marker(now):
            self.drop(len(payload))
            return
        flags = 0 if payload.endswith(b"\n") else PARTIAL
        try:
            self._open()
            self._make_room(logformat.HEADER.size + len(payload), self._seq)
            self._write(stream, flags, self._seq, now, payload)
        except OSError as error:
            self._fail(error)
            self.drop(len(payload))
            return
        self._seq += 1
        self.written_bytes += len(payload)

    def _try_marker(self, now: int) -> bool:
        """Write the marker of lost output; return False if that fails, too."""
        try:
            self._open()
            lost = self._lost
            assert lost is not None
            payload = logformat.dropped_payload(lost)
            self._make_room(logformat.HEADER.size + len(payload), lost.from_seq)
            self._write(DROPPED, 0, lost.from_seq, now, payload)
        except OSError as error:
            self._fail(error)
            return False
        self._lost = None
        return True

    def drop(self, size_bytes: int) -> None:
        """Count this many bytes as lost: their marker precedes the next frame, or is written at the end."""
        before = self._lost or Dropped(0, self._seq, self._seq)
        lost_bytes = min(before.size_bytes + size_bytes, LARGEST_COUNT)
        self._lost = Dropped(lost_bytes, before.from_seq, self._seq)
        self._seq += 1
        self.dropped_bytes = min(self.dropped_bytes + size_bytes, LARGEST_COUNT)

    def _write(self, stream: int, flags: int, seq: int, now: int, payload: bytes) -> None:
        head = logformat.header(stream, flags, seq, now, payload)
        expected = len(head) + len(payload)
        written = os.writev(self._fd, (head, payload))
        if written < expected:
            # The kernel returns the error only for a write of the rest.
            rest = (head + payload)[written:]
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        self._size_bytes += expected

    def _make_room(self, needed_bytes: int, first_seq: int) -> None:
        """Ensure an open segment with room for `needed_bytes`; a new one is named after `first_seq`."""
        limit = self._head_bytes if len(self._segments) <= 1 else self._segment_bytes
        if self._fd < 0 or (self._size_bytes and self._size_bytes + needed_bytes > limit):
            self._begin_segment(first_seq)

    def _open(self) -> None:
        """Continue after the existing content of the folder, unless its last segment is open."""
        if self._fd >= 0:
            return
        self._segments = segments.list_segments(self._folder)
        self._has_marker = segments.has_marker(self._folder, self._segments)
        next_seq = 0
        if self._segments:
            end = segments.open_end(self._folder, self._segments[-1])
            self._fd, self._size_bytes, next_seq = end
        if not self._is_placed:
            self._place_behind(next_seq)

    def _place_behind(self, next_seq: int) -> None:
        """Continue the numbers of the folder, also for losses before the folder could be read."""
        self._is_placed = True
        self._seq += next_seq
        if self._lost is not None:
            size_bytes, from_seq, to_seq = self._lost
            self._lost = Dropped(size_bytes, from_seq + next_seq, to_seq + next_seq)

    def _begin_segment(self, first_seq: int) -> None:
        while len(self._segments) - 1 - self._has_marker >= segments.RING_SEGMENTS:
            lost = segments.drop_oldest(self._folder, self._segments[1:])
            self.dropped_bytes += lost.size_bytes
            self._segments = segments.list_segments(self._folder)
            self._has_marker = True
        fd = segments.create(self._folder, first_seq)
        self._close_file()
        self._fd = fd
        self._segments.append(Segment(first_seq, 0))

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size_bytes = -1, 0

    def _fail(self, error: OSError) -> None:
        """Remove a partial frame; if even that fails, the file is repaired when it is next opened."""
        self.failure = error
        if self._fd < 0:
            return
        try:
            os.ftruncate(self._fd, self._size_bytes)
        except OSError as second:
            self.failure = second
            self._close_file()
