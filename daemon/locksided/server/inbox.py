"""Reads from one client, one piece at a time and only when asked, so that a client cannot fill the memory.

While pieces are asked for as they come the kernel's watch on the socket stays set, which is what makes small
requests cheap; it is taken away when the client sends more than is asked for.
"""

import asyncio
import socket
from typing import Final

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
