"""The asyncio link: any number of calls at once over few connections, from any number of event loops.

A connection belongs to one event loop. Calls that the daemon may delay for long use separate connections, so
that they do not count towards the limit of other calls.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from lockside.errors import ConnectionLost
from lockside.session import closed, is_held
from lockside.transport import encoded, open_socket, request_line, result_of

LONGEST_LINE_BYTES = 256 * 2**20
# Half of the daemon's default limit per connection.
MOST_UNANSWERED = 128
LARGE_BYTES = 2**20

Json = dict[str, Any]


class Message(msgspec.Struct):
    """A line from the daemon: an answer, or a notification."""

    id: int | None = None
    method: str | None = None
    params: Json = {}
    result: Any = None
    error: Json | None = None


_DECODER = msgspec.json.Decoder(Message)


class Wire:
    """An open connection: calls in flight, and a queue of notifications. One task reads it."""

    def __init__(
        self, sock: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> None:
        self.path = path
        self._socket = sock
        self._reader = reader
        self._writer = writer
        self._next_id = 0
        # Including calls that are no longer awaited: the daemon counts them until it has answered them.
        self._unanswered: dict[int, asyncio.Future[Message | None]] = {}
        self._room = asyncio.Semaphore(MOST_UNANSWERED)
        self.notifications: asyncio.Queue[Message | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read(), name="lockside reader")
        self._reading.add_done_callback(self._ended)

    @classmethod
    async def open(cls, explicit: str | None) -> Wire:
        """Connect; raises NotReachable."""
        # A busy daemon can delay the connect.
        sock, path = await asyncio.to_thread(open_socket, explicit)
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LONGEST_LINE_BYTES)
        return cls(sock, reader, writer, path)

    @property
    def is_open(self) -> bool:
        """Return whether answers can still arrive."""
        return not (self._reading.done() or self._reading.cancelling())

    @property
    def has_room(self) -> bool:
        """Return whether a call would be sent at once."""
        return self.is_open and not self._room.locked()

    @property
    def is_deserted(self) -> bool:
        """Return whether answers are outstanding and none of them is awaited."""
        return bool(self._unanswered) and all(answer.cancelled() for answer in self._unanswered.values())

    async def call(self, method: str, params: Json) -> Any:
        """Send one request and wait for its result; raises the class of the error, or ConnectionLost."""
        return await self.send(method, encoded(params))

    async def send(self, method: str, params: bytes) -> Any:
        """The same with encoded parameters."""
        self._next_id += 1
        number = self._next_id
        await self._room.acquire()
        if not self.is_open:
            self._room.release()
            raise self._lost()
        answer = self._unanswered[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(request_line(number, method, params))
            await self._writer.drain()
            message = await answer
        except OSError:
            message = None
        finally:
            answer.cancel()
        if message is None:
            raise self._lost()
        return result_of({"result": message.result, "error": message.error})

    async def next_notification(self) -> tuple[str, Json]:
        """Wait for the next notification; raises ConnectionLost."""
        message = await self.notifications.get()
        if message is None:
            raise self._lost()
        return str(message.method), message.params

    async def close(self) -> None:
        """Close the connection; calls in flight end with ConnectionLost."""
        self.end()
        await asyncio.wait([self._reading])

    def end(self) -> None:
        """Start to close the connection, in its own event loop."""
        self._reading.cancel()

    def abandon(self) -> None:
        """Close this process's copy of the socket without its event loop, which does not run here."""
        self._socket.close()

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"The daemon at {self.path} closed the connection.")

    async def _read(self) -> None:
        # `_ended` wakes all waiters, however the connection ends.
        with suppress(OSError, ValueError, msgspec.MsgspecError):
            while line := await self._reader.readline():
                self._take(_DECODER.decode(line))

    def _take(self, message: Message) -> None:
        if message.method is not None:
            self.notifications.put_nowait(message)
        elif message.id in self._unanswered:
            self._settle(message.id, message)
        elif message.id is None:
            self._settle_all(message)  # The daemon could not identify the call that it refused.

    def _settle(self, number: int, message: Message | None) -> None:
        answer = self._unanswered.pop(number)
        self._room.release()
        if not answer.done():
            answer.set_result(message)

    def _settle_all(self, message: Message | None) -> None:
        for number in list(self._unanswered):
            self._settle(number, message)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._writer.close()
        self._settle_all(None)
        self.notifications.put_nowait(None)


class _Wires:
    """The connections of one event loop."""

    def __init__(self, connect: Callable[[], Coroutine[Any, Any, Wire]]) -> None:
        self._connect = connect
        self._is_closed = False
        self._opening = asyncio.Lock()
        self._all: list[Wire] = []
        self._shared: Wire | None = None
        self._held: list[Wire] = []

    async def shared(self) -> Wire:
        """Return the shared connection, for calls that are answered soon."""
        async with self._opening:
            if self._shared is None or not self._shared.is_open:
                self._shared = await self.open()
            return self._shared

    async def held(self) -> Wire:
        """Return a connection with room for a call that may be delayed for long."""
        async with self._opening:
            self._held = [wire for wire in self._held if wire.is_open]
            for wire in self._held:
                if wire.has_room:
                    return wire
            self._held.append(await self.open())
            return self._held[-1]

    async def open(self) -> Wire:
        """Open a connection; raises NotReachable."""
        wire = await self._connect()
        self._all = [*(one for one in self._all if one.is_open), wire]
        if self._is_closed:
            await wire.close()
            raise closed()
        return wire

    async def close(self) -> None:
        """Close all connections, in their own event loop."""
        self.end()
        for wire in self._all:
            await wire.close()

    def end(self) -> None:
        """Start to close all connections, in their own event loop."""
        self._is_closed = True
        for wire in self._all:
            wire.end()

    def abandon(self) -> None:
        """Close all connections without their event loop."""
        for wire in self._all:
            wire.abandon()


class AsyncLink:
    """The connections of one process, by event loop; each calls `session.actAs` with `act_as`, if given."""

    def __init__(self, socket: str | None, act_as: Json | None = None) -> None:
        self.was_connected = False
        self.acting: Json = {}
        """The last result of `session.actAs`."""
        self._act_as = act_as
        self.socket = socket
        self._is_closed = False
        self._loops: dict[asyncio.AbstractEventLoop, _Wires] = {}
        self._of_parent: dict[asyncio.AbstractEventLoop, _Wires] = {}

    async def call(self, method: str, params: Json) -> Any:
        """Call over a connection of this event loop."""
        body = encoded(params)
        if len(body) > LARGE_BYTES:
            return await self._call_alone(method, body)
        if not is_held(method, params):
            return await (await self._wires_of_loop().shared()).send(method, body)
        wire = await self._wires_of_loop().held()
        try:
            return await wire.send(method, body)
        finally:
            if wire.is_deserted:
                wire.end()  # The daemon then cancels the delayed calls.

    async def _call_alone(self, method: str, body: bytes) -> Any:
        """Call over a separate connection: a refusal of its size does not identify the call."""
        wire = await self.open()
        try:
            return await wire.send(method, body)
        finally:
            await wire.close()

    async def open(self) -> Wire:
        """Open a connection for one caller; raises NotReachable."""
        return await self._wires_of_loop().open()

    async def pause(self, seconds: float) -> None:
        """Sleep for so many seconds."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close all connections for good; calls in flight end with an error."""
        self._is_closed = True
        here = self._loops.pop(asyncio.get_running_loop(), None)
        self._forget_closed_loops()
        for loop, wires in list(self._loops.items()):
            with suppress(RuntimeError):  # The loop was closed meanwhile, and with it its connections.
                loop.call_soon_threadsafe(wires.end)
        if here is not None:
            await here.close()

    def abandon(self) -> None:
        """Close the copies that a forked child has of its parent's connections.

        The objects are kept: if garbage-collected, they would remove themselves from the parent's event loop.
        """
        for wires in self._loops.values():
            wires.abandon()
        self._of_parent, self._loops = self._of_parent | self._loops, {}

    def _wires_of_loop(self) -> _Wires:
        if self._is_closed:
            raise closed()
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._forget_closed_loops()
            self._loops[loop] = _Wires(self._connect)
        return self._loops[loop]

    async def _connect(self) -> Wire:
        wire = await Wire.open(self.socket)
        if self._act_as is not None:
            try:
                self.acting = await wire.call("session.actAs", self._act_as)
            except BaseException:
                wire.end()
                raise
        self.was_connected = True
        return wire

    def _forget_closed_loops(self) -> None:
        for loop in list(self._loops):
            if loop.is_closed() and (wires := self._loops.pop(loop, None)) is not None:
                wires.abandon()
