"""The process that receives a run's GELF messages. It belongs to the run and has only its rights.

The keeper passes its socket. It writes records to the keeper, a JSON object on a line: `{"level", "text",
"fields", "forAdmins"}`, or `{"lost": bytes}` for what was too large. When its standard input ends, no process
of the run is left to send more: it reads the rest and ends.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress

from locksided.keeper.gelf.framing import Datagrams, Found, Lines, Requests
from locksided.keeper.gelf.messages import record_of

CONTROL_FD, RECORDS_FD, SOCKET_FD = 0, 1, 3
MAX_CONNECTIONS = 64
READ_BYTES = 64 * 1024
SILENT_SECONDS = 2.0
"""How long to wait for the last bytes of connections whose senders have ended."""
LAST_SECONDS = 60.0
LAST_BYTES = 16 * 1024 * 1024
"""The limit of a connection. More data than the kernel holds, or later data, is not from the run."""
LAST_TURNS = 100_000
"""More connections or datagrams than can be queued."""


class Listener:
    """Receives from all senders of one run, and reports to the keeper."""

    def __init__(self, transport: str, visibilities: str) -> None:
        self._visibilities = visibilities
        self._selector = selectors.DefaultSelector()
        self._reading = Requests if transport == "http" else Lines
        self._datagrams = Datagrams()
        self._connections: set[Connection] = set()
        self._socket = socket.socket(fileno=SOCKET_FD)
        self._socket.setblocking(False)
        self.until: float | None = None
        """The time to end at the latest; None while a process is left that could send."""
        self._hear = self._read_datagram if transport == "udp" else self._accept
        self._selector.register(self._socket, selectors.EVENT_READ, self._hear)
        self._selector.register(CONTROL_FD, selectors.EVENT_READ, self._begin_to_end)

    def run(self) -> None:
        """Receive and report until no sender is left."""
        while self.until is None or self._connections:
            ready = self._selector.select(None if self.until is None else SILENT_SECONDS)
            if not ready and self.until is not None:
                break
            for key, _ in ready:
                key.data()
        for connection in list(self._connections):
            connection.end()
        self.tell(self._datagrams.finish())

    def tell(self, found: list[Found]) -> None:
        """Write records to the keeper; while the pipe is full, this blocks, and so do the senders."""
        for message in found:
            if isinstance(message, int):
                _write({"lost": message})
                continue
            record = record_of(message, self._visibilities)
            if record is not None:
                level, text, fields, for_admins = record
                _write({"level": level, "text": text, "fields": fields, "forAdmins": for_admins})

    def forget(self, connection: "Connection", link: socket.socket) -> None:
        self._selector.unregister(link)
        self._connections.discard(connection)

    def _read_datagram(self) -> bool:
        try:
            data, sender = self._socket.recvfrom(READ_BYTES)
        except OSError:
            return False
        self.tell(self._datagrams.feed(data, sender, time.monotonic()))
        return True

    def _accept(self) -> bool:
        """Accept a connection; one too many is closed, and its messages are lost."""
        try:
            link, _ = self._socket.accept()
        except OSError:
            return False
        if len(self._connections) >= MAX_CONNECTIONS:
            link.close()
            _write({"lost": 0})
            return True
        link.setblocking(False)
        connection = Connection(self, link, self._reading())
        self._connections.add(connection)
        self._selector.register(link, selectors.EVENT_READ, connection.read)
        return True

    def _begin_to_end(self) -> None:
        """Read what the kernel still holds, because no process of the run is left."""
        self._selector.unregister(CONTROL_FD)
        self.until = time.monotonic() + LAST_SECONDS
        for _ in range(LAST_TURNS):
            if not self._hear():
                break
        self._selector.unregister(self._socket)
        self._socket.close()


class Connection:
    """One sender's connection."""

    def __init__(self, listener: Listener, link: socket.socket, reading: Lines | Requests) -> None:
        self._listener = listener
        self._link = link
        self._reading = reading
        self._last_bytes = 0

    def read(self) -> None:
        try:
            data = self._link.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._listener.tell(self._reading.feed(data))
            self._answer()
        if not data or self._reading.is_over:
            self.end()
        elif self._listener.until is not None and self._is_too_much(self._listener.until, len(data)):
            self._listener.tell([0])
            self.end()

    def _is_too_much(self, until: float, size_bytes: int) -> bool:
        """Return whether the data exceeds what the kernel held when the last process of the run ended."""
        self._last_bytes += size_bytes
        return self._last_bytes > LAST_BYTES or time.monotonic() > until

    def end(self) -> None:
        self._listener.forget(self, self._link)
        self._link.close()
        self._listener.tell(self._reading.finish())

    def _answer(self) -> None:
        """Send pending answers; a client that does not read them gets no more."""
        if self._reading.answer:
            with suppress(OSError):
                self._link.send(self._reading.answer)
            self._reading.answer = b""


def _write(record: dict[str, object]) -> None:
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    data = text.encode("utf-8", "replace") + b"\n"
    while data:
        data = data[os.write(RECORDS_FD, data) :]


def _become(account: str) -> None:
    """Assume the rights of the job's user: the user, the group and further groups, by number."""
    if not account:
        return
    uid, gid, *groups = map(int, account.split(","))
    if (uid, gid) == (os.geteuid(), os.getegid()) and uid != 0:
        return
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def main() -> None:
    """Serve until the keeper closes stdin; signals that stop the run are ignored."""
    for number in signal.valid_signals() - {signal.SIGCHLD}:
        with suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    try:
        transport, visibilities, account = sys.argv[-3:]
        _become(account)
        Listener(transport, visibilities).run()
    except BrokenPipeError:
        return  # the keeper has gone, and the log with it
