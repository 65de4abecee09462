"""Reads from one client, one chunk at a time and only on request, so that a client cannot fill the memory.

While chunks are requested as they arrive the kernel's watch on the socket stays set, which makes small
requests cheap; it is removed when the client sends more than is requested. Unfinished requests of all clients
together are bounded: beyond the bound the largest is dropped, so a request of ordinary size is accepted.
"""

import asyncio
import socket
from typing import Final, Protocol


class Holder(Protocol):
    """The holder of an unfinished request."""

    def give_way(self) -> None:
        """Drop it and notify the client; this must call `note` with 0."""


class Unfinished:
    """The sizes in bytes of the unfinished requests of all holders."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._sizes: dict[Holder, int] = {}
        self._total = 0

    def note(self, holder: Holder, size: int) -> None:
        """Set the size of a holder; while the total is too large, the largest holder gives way."""
        self._total += size - self._sizes.pop(holder, 0)
        if size:
            self._sizes[holder] = size
        while self._total > self.max_bytes:
            max(self._sizes, key=self._sizes.__getitem__).give_way()


READ_BYTES: Final = 64 * 1024


class Inbox:
    """The bytes from a non-blocking socket, for one reader."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._fd = connected.fileno()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[bytes] | None = None
        self._is_watched = False

    async def receive(self) -> bytes:
        """Wait for the next bytes; empty at the end, in whatever way it came."""
        self._waiter = waiter = self._loop.create_future()
        if not self._is_watched:
            self._is_watched = True
            self._loop.add_reader(self._fd, self._readable)
        try:
            data: bytes = await waiter
        finally:
            self._waiter = None
        return data

    def close(self) -> None:
        """Stop watching the socket; its owner closes it."""
        if self._is_watched:
            self._is_watched = False
            self._loop.remove_reader(self._fd)

    def _readable(self) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the client is gone, properly or not
            data = b""
        if not data:
            self.close()
        self._waiter.set_result(data)
