"""One client's connection, from its first byte to its last answer.

It stops reading while the client does not read, executes requests, and handles the end: a client that shuts
down its sending side still gets its answers; for one that is gone waits are cancelled and changes completed.
"""

import select
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from msgspec import UnsetType

from lockside.protocol.errors import ErrorKind, ErrorObject, error
from lockside.protocol.frames import Broken, Decoder, Frame, Framing, TooLong, detect
from locksided import clock
from locksided.server.access import Principal
from locksided.server.calls import AtOnce, Pending, Router
from locksided.server.inbox import Inbox, Unfinished
from locksided.server.lane import BatchAnswer, Lane
from locksided.server.messages import (
    ClientLimits,
    Parsed,
    Rejected,
    Request,
    RequestId,
    error_text,
    notification_text,
    parse,
)
from locksided.server.outbox import Outbox

LAST_WRITE_SECONDS: Final = 0.3


class ClientConnection:
    """Handlers use `notify`, `room`, `turn`, `subscriptions`, `start_soon` and `closed`."""

    def __init__(
        self,
        connected: socket.socket,
        principal: Principal,
        router: Router,
        limits: ClientLimits,
        unfinished: Unfinished,
    ) -> None:
        self.principal = principal
        self.token_id: int | None = None
        """The token in use; when it is revoked, the connection ends."""
        self.subscriptions: dict[str, object] = {}
        self.closed = anyio.Event()
        self._socket = connected
        self._router = router
        self._limits = limits
        self._unfinished = unfinished
        self._large = anyio.Lock(fast_acquire=True)
        self._inbox = Inbox(connected)
        self._outbox = Outbox(connected, limits.unread_bytes)
        self._framing = Framing.LINES
        self._decoder: Decoder | None = None
        self._start = b""
        self._in_flight = 0
        self._answer_made: anyio.Event | None = None
        self._is_stopping = False
        self._reading = anyio.CancelScope()
        self._last_write = anyio.CancelScope()
        self._looks = anyio.create_task_group()
        self._changes = anyio.create_task_group()
        self._looks_lane = self._lane(self._looks, limits.in_flight)
        self._changes_lane = self._lane(self._changes, limits.in_flight)

    def notify(self, method: str, params: Any) -> bool:
        """Send a notification; False, and nothing is sent, if the client has too much unread or is gone."""
        if self._outbox.is_full or self._outbox.is_closed:
            return False
        self._put(notification_text(method, params))
        return True

    async def room(self) -> None:
        """Wait until a notification would be accepted again, or the client is gone."""
        await self._outbox.room()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for this client's turn to create a potentially large answer: one at a time, once it reads.

        An answer sent directly after this context is counted before the next turn begins.
        """
        async with self._large:
            await self._outbox.room()
            yield

    def start_soon(self, work: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        """Run something beside the calls while the client is connected; its failure ends the connection."""
        self._looks.start_soon(work, *args)

    def stop(self) -> None:
        """End soon: reading calls are answered `unavailable` now, changes when their time is up."""
        self._is_stopping = True
        self._reading.cancel()
        self._looks.cancel_scope.cancel()
        last_moment = clock.real_seconds() + self._limits.stop_seconds
        self._changes.cancel_scope.deadline = last_moment
        self._last_write.deadline = last_moment + LAST_WRITE_SECONDS

    async def run(self) -> None:
        """Serve the client until it is gone or `stop` is called; then the socket is closed."""
        try:
            async with self._changes:
                async with self._looks:
                    await self._serve_reads()
                    self._looks.cancel_scope.cancel()
                self._looks_lane.give_up()
                await self._all_answered()
                self._changes_lane.finish()
            with self._last_write:
                await self._outbox.written()
        finally:
            self._inbox.close()
            self._outbox.close()
            self._socket.close()
            self._unfinished.note(self, 0)
            self.closed.set()

    async def _serve_reads(self) -> None:
        with self._reading:
            await self._read()
        if self._is_stopping:
            return
        self._inbox.close()
        self._looks.start_soon(self._leave_when_hung_up)
        await self._all_answered()
        if self.subscriptions:
            await anyio.sleep_forever()
        await self._outbox.written()

    async def _leave_when_hung_up(self) -> None:
        await hung_up(self._socket)
        self._outbox.close()
        self._looks.cancel_scope.cancel()

    async def _all_answered(self) -> None:
        while self._in_flight:
            await self._next_answer()

    # --- reading

    async def _read(self) -> None:
        while data := await self._receive():
            for frame in self._frames_of(data):
                await self._take(frame)
                if isinstance(frame, Broken):
                    return
        rest = self._decoder.end() if self._decoder else self._start
        if rest.strip() and self._framing is Framing.LINES:
            await self._take(rest)

    async def _receive(self) -> bytes:
        """Return the next bytes, none at the end; waits while the client does not read its answers."""
        await self._outbox.room()
        return await self._inbox.receive()

    def _frames_of(self, data: bytes) -> list[Frame]:
        if self._decoder is None:
            data = self._start + data
            framing = detect(data)
            if framing is None:
                self._start = data
                return []
            self._framing = framing
            self._decoder = framing.decoder(self._limits.line_bytes)
        frames = self._decoder.feed(data)
        self._unfinished.note(self, self._decoder.held_bytes)
        return frames

    def give_way(self) -> None:
        """Drop the request being received: all clients together have sent too many unfinished bytes."""
        assert self._decoder is not None
        self._decoder.pass_over()
        self._unfinished.note(self, 0)
        message = (
            f"All clients together have begun requests of more than {self._unfinished.max_bytes} bytes: "
            "this one, the largest, is given up. Send it again when there is less to do, or less at once"
        )
        self._reject(error(ErrorKind.LIMIT, message))

    # --- requests

    async def _take(self, frame: Frame) -> None:
        if self._outbox.is_full:
            await self._outbox.room()
        if isinstance(frame, TooLong):
            message = (
                f"A request has at most {frame.limit_bytes} bytes (`line_bytes` in the section [limits] of "
                "the settings): send less at once"
            )
            self._reject(error(ErrorKind.LIMIT, message))
            return
        if isinstance(frame, Broken):
            self._reject(error(ErrorKind.PARSE_ERROR, f"{frame.reason}; the connection ends"))
            return
        parsed = parse(frame, self._limits)
        if isinstance(parsed, list):
            await self._take_batch(parsed)
        elif isinstance(parsed, Rejected):
            self._reject(parsed.error, parsed.id)
        else:
            await self._take_one(parsed)

    async def _take_one(self, request: Request) -> None:
        pending = self._router.resolve(request, self.principal, self, self._answered)
        if isinstance(pending, ErrorObject):
            if not isinstance(request.id, UnsetType):
                self._reject(pending, request.id)
        elif isinstance(pending.route.handler, AtOnce) or pending.call.method.is_alone:
            self._in_flight += 1
            await self._router.perform(pending)
        elif await self._may_begin(request.id):
            self._lane_of(pending).put(pending)

    async def _take_batch(self, requests: list[Parsed]) -> None:
        if not await self._may_begin(None):
            return
        answer = BatchAnswer(len(requests), self._limits.line_bytes, self._answered)
        looks = self._lane(self._looks, self._limits.batch_width)
        changes = self._lane(self._changes, self._limits.batch_width)
        for request in requests:
            sink = answer.sink(request.id)
            if isinstance(request, Rejected):
                sink(error_text(request.id, request.error))
                continue
            pending = self._router.resolve(request, self.principal, self, sink)
            if isinstance(pending, ErrorObject):
                sink(None if isinstance(request.id, UnsetType) else error_text(request.id, pending))
            elif pending.call.method.is_alone:
                message = f"{request.method} does not stand in a batch: send it alone, before the others"
                pending.answer_error(error(ErrorKind.INVALID, message))
            else:
                (changes if pending.call.method.mutates else looks).put(pending)
        looks.finish()
        changes.finish()

    def _lane(self, tasks: TaskGroup, width: int) -> Lane:
        return Lane(tasks, self._router.perform, self._outbox, width)

    def _lane_of(self, pending: Pending) -> Lane:
        return self._changes_lane if pending.call.method.mutates else self._looks_lane

    async def _may_begin(self, request_id: RequestId | UnsetType) -> bool:
        """Count one more call in flight, or answer that there are too many; a notification waits."""
        if self._in_flight >= self._limits.in_flight:
            await anyio.lowlevel.checkpoint()  # calls that need no waiting are done by now
        if isinstance(request_id, UnsetType):
            await self._wait_for_room()
        elif self._in_flight >= self._limits.in_flight:
            message = f"{self._in_flight} requests of this connection are unanswered: wait for some answers"
            self._reject(error(ErrorKind.LIMIT, message), request_id)
            return False
        self._in_flight += 1
        return True

    async def _wait_for_room(self) -> None:
        """Wait for room for one more; nothing is read meanwhile, so a hang-up is watched for separately."""
        if self._in_flight < self._limits.in_flight:
            return
        async with anyio.create_task_group() as watch:
            watch.start_soon(self._leave_when_hung_up)
            while self._in_flight >= self._limits.in_flight:
                await self._next_answer()
            watch.cancel_scope.cancel()

    # --- answers

    def _reject(self, fault: ErrorObject, request_id: RequestId = None) -> None:
        self._put(error_text(request_id, fault))

    def _answered(self, text: bytes | None) -> None:
        self._in_flight -= 1
        if text is not None:
            self._outbox.put(self._framing.encode(text), is_last=not self._in_flight)
        if self._answer_made is not None:
            self._answer_made.set()
            self._answer_made = None

    async def _next_answer(self) -> None:
        if self._answer_made is None:
            self._answer_made = anyio.Event()
        await self._answer_made.wait()

    def _put(self, text: bytes) -> None:
        self._outbox.put(self._framing.encode(text))


async def hung_up(connected: socket.socket) -> None:
    """Wait until the peer has closed the whole connection.

    A socket at its end is always readable, so reading shows nothing more. A second epoll with no requested
    events becomes readable when the kernel reports a hang-up, which is always reported.
    """
    with select.epoll() as watch:
        watch.register(connected.fileno(), 0)
        await anyio.wait_readable(watch.fileno())
