"""The output for one client: kept in order, written as soon as the client reads, without waiting.

Everything that becomes ready in one turn of the loop is sent in one write. Callers must check `is_full`; the
box itself refuses nothing.
"""

import asyncio
import socket
from collections import deque
from typing import Final

import anyio

WRITE_BYTES: Final = 256 * 1024


class Outbox:
    """The bytes for a non-blocking socket; full when more than `unread_bytes` are waiting."""

    def __init__(self, connected: socket.socket, unread_bytes: int) -> None:
        self._socket = connected
        self._fd = connected.fileno()
        self._unread_bytes = unread_bytes
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[bytes | memoryview] = deque()
        self._size = 0
        self._is_due = False
        self._is_blocked = False
        self._is_closed = False
        self._change: anyio.Event | None = None

    @property
    def is_full(self) -> bool:
        """Whether the client has so much unread that nothing more should be produced for it."""
        return self._size > self._unread_bytes

    @property
    def is_closed(self) -> bool:
        """Whether the client has stopped reading for good: data put is dropped."""
        return self._is_closed

    def put(self, data: bytes, *, is_last: bool = False) -> None:
        """Write this after everything put before; at once if it `is_last`: nothing will follow it."""
        if self._is_closed:
            return
        self._chunks.append(data)
        self._size += len(data)
        if self._is_due or self._is_blocked:
            return
        if is_last:
            self._write()
        else:
            self._is_due = True
            self._loop.call_soon(self._write)

    async def room(self) -> None:
        """Wait until the box is not full, or closed."""
        while self.is_full and not self._is_closed:
            await self._changed()

    async def written(self) -> None:
        """Wait until everything is written, or the box is closed."""
        while self._chunks and not self._is_closed:
            await self._changed()

    def close(self) -> None:
        """Drop what is left; the socket's owner closes it."""
        if self._is_blocked:
            self._loop.remove_writer(self._fd)
            self._is_blocked = False
        self._is_closed = True
        self._chunks.clear()
        self._size = 0
        self._tell()

    def _write(self) -> None:
        self._is_due = False
        if self._is_closed:
            return
        try:
            while self._chunks:
                self._write_some()
        except BlockingIOError:
            if not self._is_blocked:
                self._is_blocked = True
                self._loop.add_writer(self._fd, self._write)
            self._tell()
            return
        except OSError:  # the client is gone; its reader notices and ends the connection
            self.close()
            return
        if self._is_blocked:
            self._is_blocked = False
            self._loop.remove_writer(self._fd)
        self._tell()

    def _write_some(self) -> None:
        data = self._next()
        sent = self._socket.send(data)
        self._size -= sent
        self._chunks.popleft()
        if sent < len(data):
            self._chunks.appendleft(memoryview(data)[sent:])

    def _next(self) -> bytes | memoryview:
        """Return the first chunk, joined with as many following small ones as make an efficient write."""
        if len(self._chunks) > 1 and len(self._chunks[0]) < WRITE_BYTES:
            joined: list[bytes | memoryview] = []
            size = 0
            while self._chunks and size < WRITE_BYTES:
                chunk = self._chunks.popleft()
                joined.append(chunk)
                size += len(chunk)
            self._chunks.appendleft(b"".join(joined))
        return self._chunks[0]

    async def _changed(self) -> None:
        if self._change is None:
            self._change = anyio.Event()
        await self._change.wait()

    def _tell(self) -> None:
        if self._change is not None:
            self._change.set()
            self._change = None
