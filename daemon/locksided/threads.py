"""Blocking functions are called in threads, beside the event loop, with a share for each account.

A hop takes two turns of the loop and 32 calls; anyio's `to_thread` takes four turns and 155 calls, which was
a fifth of the loop's work for a component job. Work in an account's folders is done by helpers that this
account can suspend: it must exhaust only its own threads then, not everyone's.
"""

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple, Unpack

from anyio import CancelScope, CapacityLimiter

MOST_THREADS = 40
THREADS_OF_AN_ACCOUNT = 4

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class AtWork:
    """Counts the threads' work for the event loop while the context lasts, which belongs to one task."""

    count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


at_work = AtWork()
"""The work of all threads of the process, including the store's."""


class _Call:
    """One function on its way to a thread and back."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._over: asyncio.Event | None = None
        self._is_over = False
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def do(self) -> None:
        """Call it, in a thread, and pass the result to the loop."""
        result, error = None, None
        try:
            result = self._work()
        except BaseException as problem:  # noqa: BLE001 - any exception is passed to the waiter
            error = problem
        with suppress(RuntimeError):  # the loop is closed: nothing waits any more
            self._loop.call_soon_threadsafe(self._end, result, error)

    def _end(self, result: Any, error: BaseException | None) -> None:
        _threads.is_free()
        self._is_over = True
        if self._over is not None:
            self._over.set()
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)

    async def over(self) -> None:
        """Return when the function has ended, despite any number of cancellations."""
        self._over = asyncio.Event()
        with CancelScope(shield=True):
            while not self._is_over:
                with suppress(asyncio.CancelledError):
                    await self._over.wait()


class _Threads:
    """Threads that wait for calls; another one is started if none is free."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._count = 0
        self._busy = 0

    def put(self, call: _Call) -> None:
        """Queue a call. Raises RuntimeError, without side effects, if the system has no thread left."""
        if self._busy >= self._count < MOST_THREADS:
            Thread(target=self._work, name="locksided worker", daemon=True).start()
            self._count += 1
        self._busy += 1
        self._calls.put(call)

    def is_free(self) -> None:
        """Note the end of a call."""
        self._busy -= 1

    def _work(self) -> None:
        while True:
            call: _Call | None = self._calls.get()
            assert call is not None
            call.do()
            call = None  # do not keep its result until the next call


_threads = _Threads()
_limiters: dict[int, CapacityLimiter] = {}


async def run_sync(func: Callable[[Unpack[Arguments]], T], *args: *Arguments) -> T:
    """Call it in a thread. Raises OSError (EAGAIN) if the system has no thread left.

    It runs to its end even if the caller is cancelled meanwhile; the cancellation is raised afterwards.
    """
    call = _Call(partial(func, *args))
    with at_work:
        try:
            _threads.put(call)
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "the system has no thread left") from error
        try:
            result: T = await call.future
        except asyncio.CancelledError:
            await call.over()
            raise
        return result


async def run_for(uid: int | None, func: Callable[[Unpack[Arguments]], T], *args: *Arguments) -> T:
    """The same for work that waits for an account's helpers; None is our own account, which has none."""
    if uid is None:
        return await run_sync(func, *args)
    limiter = _limiters.setdefault(uid, CapacityLimiter(THREADS_OF_AN_ACCOUNT))
    try:
        async with limiter:
            return await run_sync(func, *args)
    finally:
        if not limiter.borrowed_tokens and not limiter.statistics().tasks_waiting:
            _limiters.pop(uid, None)
