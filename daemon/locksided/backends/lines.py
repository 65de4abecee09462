"""Splits a connection into lines and passes each on as it arrives, without interpreting it.

A task that reads a stream costs a future and a turn of the loop per chunk; this costs neither.
"""

import asyncio
from collections.abc import Callable
from typing import cast

LINE_BYTES = 32 * 1024 * 1024


class Lines(asyncio.Protocol):
    """Reading is suspended between the first line and `hand_on`."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport
        self._first: asyncio.Future[bytes] = loop.create_future()
        self._over: asyncio.Future[Exception | None] = loop.create_future()
        self._take: Callable[[bytes], None] | None = None
        self._waiting: list[bytes] = []
        self._rest = b""

    async def first(self) -> bytes:
        """Return the first line, or an empty one if the connection ended without it. Raises ValueError."""
        line = await self._first
        if self._over.done() and (error := self._over.result()) is not None:
            raise error
        return line

    async def hand_on(self, take: Callable[[bytes], None]) -> None:
        """Call `take` with every further line until the connection ends.

        Raises what it raises, ValueError for a line without an end, OSError when the connection breaks.
        """
        self._take = take
        self.data_received(b"")
        self.transport.resume_reading()
        error = await self._over
        if error is not None:
            raise error

    # -- called by the loop -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._waiting += lines
        try:
            if self._take is None:
                self._keep_first()
            else:
                self._pass_on_waiting(self._take)
            if len(self._rest) > LINE_BYTES:
                raise ValueError("a line without an end")
        except Exception as error:  # noqa: BLE001 - `hand_on` raises it
            self._end(error)
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)

    def _keep_first(self) -> None:
        if self._waiting and not self._first.done():
            self._first.set_result(self._waiting.pop(0))
            self.transport.pause_reading()

    def _pass_on_waiting(self, take: Callable[[bytes], None]) -> None:
        lines, self._waiting = self._waiting, []
        for line in lines:
            take(line)

    def _end(self, error: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(error)
        if not self._first.done():
            self._first.set_result(b"")
