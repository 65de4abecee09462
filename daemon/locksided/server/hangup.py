"""Notices that a peer, which shut down its sending side before, has gone for good."""

import select
import socket

import anyio


async def hung_up(connected: socket.socket) -> None:
    """Wait until the peer has closed the whole connection.

    A socket at its end is always readable, so reading says nothing more. A second epoll that asks for nothing
    becomes readable itself when the kernel reports a hang-up, which it does unasked.
    """
    with select.epoll() as watch:
        watch.register(connected.fileno(), 0)
        await anyio.wait_readable(watch.fileno())
