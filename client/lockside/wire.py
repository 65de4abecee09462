"""One asyncio JSON-RPC connection over a Unix socket: any number of calls in flight, answers by id.

One task reads. It never reconnects and never sends anything twice: that is for its users.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from lockside.errors import ConnectionLost, from_wire
from lockside.transport import open_socket

LONGEST_LINE_BYTES = 256 * 2**20


class Message(msgspec.Struct):
    """A line from the daemon: an answer, or a notification."""

    id: int | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(Message)


class Wire:
    """An open connection: calls in flight, and a queue of notifications."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        self.path = path
        self._reader = reader
        self._writer = writer
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self.notifications: asyncio.Queue[Message | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read(), name="lockside reader")

    @classmethod
    async def open(cls, explicit: str | None) -> Wire:
        """Connect; raises NotReachable."""
        sock, path = await asyncio.to_thread(
            open_socket, explicit
        )  # a daemon that is busy can keep it waiting
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LONGEST_LINE_BYTES)
        return cls(reader, writer, path)

    @property
    def is_open(self) -> bool:
        """Tell whether answers can still come."""
        return not self._reading.done()

    async def call(self, method: str, params: dict[str, Any]) -> msgspec.Raw:
        """Send one request and wait for its result; raises the error's own class, or ConnectionLost."""
        if not self.is_open:
            raise ConnectionLost(f"The daemon at {self.path} closed the connection.")
        self._next_id += 1
        number = self._next_id
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(
                msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
                + b"\n"
            )
            await self._writer.drain()
            message = await answer
        except OSError as error:
            raise ConnectionLost(f"The daemon at {self.path} went away: {error.strerror}.") from error
        finally:
            self._waiting.pop(number, None)
        if message.error is not None:
            raise from_wire(message.error)
        return message.result

    async def close(self) -> None:
        """Close the connection; calls in flight end with ConnectionLost."""
        self._reading.cancel()
        self._writer.close()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(_DECODER.decode(line))
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass  # However a connection ends, those who wait on it are told so below.
        finally:
            self._end()

    def _take(self, message: Message) -> None:
        if message.method is not None:
            self.notifications.put_nowait(message)
        elif message.id in self._waiting and not self._waiting[message.id].done():
            self._waiting[message.id].set_result(message)

    def _end(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionLost(f"The daemon at {self.path} closed the connection."))
        self.notifications.put_nowait(None)
