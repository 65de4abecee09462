"""The output of one run from the pipes to the log: redacted, cut into frames, its end kept for messages."""

import errno
import fcntl
import os
from collections.abc import Callable

from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import MARK, STDERR, STDOUT
from locksided.keeper.log.framing import Cutter
from locksided.keeper.log.redact import Redactor
from locksided.keeper.log.writer import LogWriter
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.messages import LogEnd
from locksided.keeper.start.order import Order

READ_BYTES = 256 * 1024
SMALL_PIPE_BYTES = 64 * 1024
MAX_LAST_READS = 64
"""More than any pipe holds; a process that still writes got the pipe from outside and is not waited for."""

TAIL_BYTES = 16 * 1024
"""More than a message holds: the reason of a failure may precede a long trace."""
FLUSH_SECONDS = 0.2
"""How long the beginning of a line may wait for its end."""


class Stream:
    """One of the two streams of a run."""

    def __init__(self, number: int, fd: int, redactor: Redactor, writer: LogWriter) -> None:
        self.fd = fd
        self._number = number
        self._redactor = redactor
        self._writer = writer
        self._cutter = Cutter(writer.max_payload_bytes)
        self._tail = b""
        self._is_cut = False

    @property
    def is_waiting(self) -> bool:
        return self._cutter.is_waiting

    def take(self, data: bytes) -> None:
        shown = self._redactor.feed(data)
        if shown:
            self._keep_tail(shown)
            self._writer.append(self._number, self._cutter.feed(shown))

    def flush(self) -> None:
        self._writer.append(self._number, self._cutter.flush())

    def finish(self) -> None:
        rest = self._redactor.finish()
        self._keep_tail(rest)
        self._writer.append(self._number, self._cutter.feed(rest) + self._cutter.finish())

    def tail(self) -> str:
        """Return the end of the stream; `…` marks omitted text before it."""
        text = self._tail.decode("utf-8", "replace")
        return f"… {text.lstrip(chr(0xFFFD))}" if self._is_cut else text

    def _keep_tail(self, shown: bytes) -> None:
        whole = self._tail + shown[-TAIL_BYTES - 1 :]
        self._is_cut = self._is_cut or len(whole) > TAIL_BYTES
        self._tail = whole[-TAIL_BYTES:]


class Output:
    """Reads both pipes of a run until they end, and notifies followers of the log."""

    def __init__(
        self, loop: Loop, order: Order, redactor: Redactor, tell_log: Callable[[int, bool], None]
    ) -> None:
        self._loop = loop
        self._tell_log = tell_log
        self._watched_seq: int | None = None
        self._flush_timer: Timer | None = None
        self._writer = LogWriter(order.log_folder, order.max_log_bytes)
        self._mark = order.log_mark
        self._redactor = redactor
        self._streams: list[Stream] = []
        self._is_complete = False
        self.bytes = 0

    def open(self, stdout: int, stderr: int) -> None:
        """Start reading; the descriptors are closed here when they end. The order's mark is written first."""
        if self._mark is not None:
            self._writer.append(MARK, [logformat.mark_payload(self._mark)])
            self._tell_watcher()
        for number, fd in ((STDOUT, stdout), (STDERR, stderr)):
            stream = Stream(number, fd, self._redactor.fork(), self._writer)
            self._streams.append(stream)
            self._loop.watch_bulk(fd, lambda stream=stream: self._read(stream))  # type: ignore[misc]

    def note(self, text: str) -> None:
        """Write a line of the keeper's own to the log; it is not part of the job's tails."""
        self.append(STDERR, [f"lockside: {text}\n".encode()])

    def append(self, stream: int, payloads: list[bytes]) -> None:
        """Write frames of output that did not come from the pipes; it must not contain secrets."""
        self._writer.append(stream, payloads)
        self._tell_watcher()

    def drop(self, size_bytes: int) -> None:
        """Count output that did not come from the pipes and is not stored as lost."""
        self._writer.drop(size_bytes)

    @property
    def max_payload_bytes(self) -> int:
        return self._writer.max_payload_bytes

    def watch(self, seq: int) -> None:
        """Notify once when the log has a frame with this number or a later one, or is complete."""
        self._watched_seq = seq if self._watched_seq is None else min(seq, self._watched_seq)
        self._tell_watcher()

    def finish(self) -> None:
        """Read the rest of the pipes and close the log; no process is left to write to them."""
        for stream in self._streams:
            for _ in range(MAX_LAST_READS):
                if stream.fd < 0 or not self._read(stream):
                    break
            self._close_stream(stream)
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._writer.close()
        self._is_complete = True
        self._tell_watcher()

    def report(self) -> LogEnd:
        return LogEnd(self._writer.next_seq, self._writer.written_bytes, self._writer.dropped_bytes)

    def tails(self) -> tuple[str, str]:
        if not self._streams:
            return "", ""
        return self._streams[0].tail(), self._streams[1].tail()

    @property
    def failure(self) -> OSError | None:
        return self._writer.failure

    def _read(self, stream: Stream) -> bool:
        """Read one portion of a pipe; return False if there is none."""
        try:
            data = os.read(stream.fd, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close_stream(stream)
            return False
        if len(data) == SMALL_PIPE_BYTES:
            _widen(stream.fd)
        stream.take(data)
        if stream.is_waiting and self._flush_timer is None:
            self._flush_timer = self._loop.after(FLUSH_SECONDS, self._flush)
        self._tell_watcher()
        return True

    def _flush(self) -> None:
        self._flush_timer = None
        for stream in self._streams:
            stream.flush()
        self._tell_watcher()

    def _close_stream(self, stream: Stream) -> None:
        if stream.fd < 0:
            return
        self._loop.forget(stream.fd)
        os.close(stream.fd)
        stream.fd = -1
        stream.finish()

    def _tell_watcher(self) -> None:
        if self._watched_seq is None:
            return
        next_seq = self._writer.next_seq
        if next_seq > self._watched_seq or self._is_complete:
            self._watched_seq = None
            self._tell_log(next_seq, self._is_complete)


def _widen(fd: int) -> None:
    """Enlarge a busy pipe, so that its writer and this process alternate less often."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, READ_BYTES)
    except OSError as error:
        # The user's limit of pipe memory may be reached: the small one is kept.
        if error.errno not in (errno.EPERM, errno.EBUSY):
            raise
