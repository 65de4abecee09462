"""Executes calls concurrently with as few tasks as necessary: calls that end at once share one.

A worker that takes a call first arranges for another worker to take the next: if the call waits, that worker
continues; if not, it finds nothing to do. One idle worker stays parked: a new task costs more than a call.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
from anyio.abc import TaskGroup
from msgspec import UnsetType

from lockside.protocol.errors import ErrorKind, error
from locksided.server.calls import Pending, Sink
from locksided.server.messages import RequestId, error_text
from locksided.server.outbox import Outbox


class BatchAnswer:
    """Calls `deliver` once, when all parts are answered: with a list, or None if all are notifications."""

    def __init__(self, parts: int, max_bytes: int, deliver: Sink) -> None:
        self._missing = parts
        self._room_bytes = max_bytes
        self._texts: list[bytes] = []
        self._deliver = deliver

    def sink(self, request_id: RequestId | UnsetType) -> Sink:
        """Return the sink for the answer of one part, to be called once."""
        return partial(self._take, None if isinstance(request_id, UnsetType) else request_id)

    def _take(self, request_id: RequestId, text: bytes | None) -> None:
        if text is not None:
            if len(text) >= self._room_bytes:
                message = (
                    "The answers of this batch are longer than a line may be: "
                    "send smaller batches, or this request alone"
                )
                text = error_text(request_id, error(ErrorKind.LIMIT, message))
            self._texts.append(text)
            self._room_bytes -= len(text) + 1
        self._missing -= 1
        if self._missing == 0:
            self._deliver(b"[%b]" % b",".join(self._texts) if self._texts else None)


Perform = Callable[[Pending], Awaitable[None]]


class Lane:
    """Starts calls in the order in which they were put, at most `width` at a time.

    None is started while the client does not read its answers.
    """

    def __init__(self, tasks: TaskGroup, perform: Perform, outbox: Outbox, width: int) -> None:
        self._tasks = tasks
        self._perform = perform
        self._outbox = outbox
        self._width = width
        self._queue: deque[Pending] = deque()
        self._workers = 0
        self._is_coming = False
        self._is_finishing = False
        self._parked: asyncio.Future[None] | None = None

    def put(self, pending: Pending) -> None:
        """Execute this call as soon as a worker is free."""
        self._queue.append(pending)
        self._ensure_worker()

    def finish(self) -> None:
        """Let the workers end when nothing is left to do; no more calls follow."""
        self._is_finishing = True
        self._unpark()

    def give_up(self) -> None:
        """Answer the calls that were not started."""
        while self._queue:
            self._queue.popleft().give_up()

    def _ensure_worker(self) -> None:
        if not self._queue or self._is_coming:
            return
        if self._parked is not None:
            self._is_coming = True
            self._unpark()
        elif self._workers < self._width:
            self._is_coming = True
            self._tasks.start_soon(self._work)

    async def _work(self) -> None:
        self._workers += 1
        try:
            await self._do_all()
            while self._parked is None and not self._is_finishing:
                await self._park()
                await self._do_all()
        except anyio.get_cancelled_exc_class():
            self.give_up()
            raise
        finally:
            self._workers -= 1

    async def _do_all(self) -> None:
        await self._outbox.room()
        self._is_coming = False
        while self._queue:
            pending = self._queue.popleft()
            self._ensure_worker()
            await self._perform(pending)
            await self._outbox.room()

    async def _park(self) -> None:
        self._parked = parked = asyncio.get_running_loop().create_future()
        try:
            await parked
        finally:
            if self._parked is parked:
                self._parked = None

    def _unpark(self) -> None:
        if self._parked is not None:
            if not self._parked.done():
                self._parked.set_result(None)
            self._parked = None
