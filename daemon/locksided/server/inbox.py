"""Reads from one client, one piece at a time and only when asked, so that a client cannot fill the memory.

While pieces are asked for as they come the kernel's watch on the socket stays set, which is what makes small
requests cheap; it is taken away when the client sends more than is asked for. Unfinished requests of all
clients together are bounded: past the bound the largest gives way, so a request of ordinary size is taken.
"""

import asyncio
import socket
from typing import Final, Protocol


class Holder(Protocol):
    """Who holds an unfinished request."""

    def give_way(self) -> None:
        """Hold it no more, and say so to the client; `note` is called with 0 by that."""


class Unfinished:
    """The sizes in bytes of what all holders hold."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._sizes: dict[Holder, int] = {}
        self._total = 0

    def note(self, holder: Holder, size: int) -> None:
        """A holder has this much now; whoever has the most gives way while all have too much."""
        self._total += size - self._sizes.pop(holder, 0)
        if size:
            self._sizes[holder] = size
        while self._total > self.max_bytes:
            max(self._sizes, key=self._sizes.__getitem__).give_way()


READ_BYTES: Final = 64 * 1024


class Inbox:
    """The bytes that come from a non-blocking socket, for one reader."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._fd = connected.fileno()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[bytes] | None = None
        self._is_watched = False

    async def receive(self) -> bytes:
        """Wait for the next bytes; none at the end, however it came."""
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
        """Watch the socket no more; it stays open for its owner to close."""
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
        except OSError:  # the client is gone, with or without a word
            data = b""
        if not data:
            self.close()
        self._waiter.set_result(data)
