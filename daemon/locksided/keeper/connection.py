"""One connection to the daemon: splits bytes into lines, and sends lines as fast as the peer reads.

It does not interpret them.
"""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from locksided.keeper import private, wire
from locksided.keeper.loop import Loop

READ_BYTES = 256 * 1024
LINES_PER_TURN = 16
"""A start costs a fork; after this many lines other events of the loop are handled."""

MAX_UNSENT_BYTES = 64 * 1024 * 1024
LAST_WORDS_SECONDS = 1.0


class DaemonConnection:
    """Buffers both directions without ever blocking."""

    def __init__(
        self,
        loop: Loop,
        peer: socket.socket,
        take: Callable[[bytes], None],
        closed: Callable[["DaemonConnection"], None],
    ) -> None:
        self._loop = loop
        self._socket = peer
        self._take = take
        self._closed = closed
        self._unread = bytearray()
        self._unsent = bytearray()
        self._is_blocked = False
        self._is_mute = False
        self.is_open = True
        loop.watch(private.add(peer.fileno()), self._ready)

    def send(self, message: Any) -> None:
        if not self.is_open or self._is_mute:
            return
        if not self._unsent:
            self._loop.at_end_of_turn(self._flush)
        self._unsent += wire.encode(message)
        if len(self._unsent) > MAX_UNSENT_BYTES:
            self.close()

    def close(self) -> None:
        """End the connection; data not yet read or sent is dropped."""
        if self.is_open:
            self.is_open = False
            self._loop.forget(self._socket.fileno())
            private.remove(self._socket.fileno())
            self._socket.close()
            self._closed(self)

    def _stop_sending(self) -> None:
        """Stop sending, because the daemon has gone; what it sent before is still read to its end."""
        self._is_mute = True
        self._unsent.clear()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def say_last_words(self) -> None:
        """Send pending data for at most a moment, because the process is about to leave."""
        if self.is_open and self._unsent:
            self._socket.settimeout(LAST_WORDS_SECONDS)
            with suppress(OSError):
                self._socket.sendall(self._unsent)
            self._unsent.clear()

    def _ready(self) -> None:
        self._write()
        if self.is_open:
            self._read()

    def _read(self) -> None:
        if b"\n" not in self._unread:
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._unread += data
        self._take_lines()

    def _take_lines(self) -> None:
        for _ in range(LINES_PER_TURN):
            end = self._unread.find(b"\n")
            if end < 0:
                break
            line = bytes(self._unread[:end])
            del self._unread[: end + 1]
            self._take(line)
            if not self.is_open:
                return
        if b"\n" in self._unread:
            self._loop.after(0, self._go_on)
        elif len(self._unread) > wire.MAX_LINE_BYTES:
            self.close()

    def _go_on(self) -> None:
        if self.is_open and b"\n" in self._unread:
            self._take_lines()

    def _flush(self) -> None:
        if self.is_open:
            self._write()

    def _write(self) -> None:
        if self._unsent:
            try:
                sent = self._socket.send(self._unsent)
                del self._unsent[:sent]
            except BlockingIOError:
                pass
            except OSError:
                self._stop_sending()
        if bool(self._unsent) != self._is_blocked:
            self._is_blocked = bool(self._unsent)
            events = select.EPOLLIN | (select.EPOLLOUT if self._is_blocked else 0)
            self._loop.watch(self._socket.fileno(), self._ready, events)
