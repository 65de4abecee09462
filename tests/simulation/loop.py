"""An event loop without threads, sockets or a clock of its own, one callback at a time.

It runs until nothing is ready. Time is the world's; each task that waits for the world has its own future.
"""

import asyncio
import warnings
from collections import deque
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any

MOST_CALLBACKS = 100_000
"""Far more than anything takes that ends."""


class Loop(asyncio.AbstractEventLoop):
    """First come, first served, as asyncio promises. `clock` returns the monotonic time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = 0
        self.is_dead = False
        self.faults: list[BaseException] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}

    # -- the interface for asyncio ------------------------------------------------------------------------

    def get_debug(self) -> bool:
        return False

    def time(self) -> float:
        return self._clock()

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def get_task_factory(self) -> None:
        return None

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        heappush(self._timers, (when, self._number, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is dropped when it is due."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.faults.append(context.get("exception") or AssertionError(context["message"]))

    def create_task(self, coro: Any, **_: Any) -> "asyncio.Task[Any]":  # type: ignore[override]
        task = asyncio.Task(coro, loop=self)
        self.tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.faults.append(error)

    # -- the interface for the world ----------------------------------------------------------------------

    def run(self) -> None:
        """Run until every task waits for the world, or until the process is dead."""
        asyncio._set_running_loop(self)
        try:
            left = MOST_CALLBACKS
            while self._ready and not self.is_dead:
                left -= 1
                assert left, "the daemon spins: it never waits for anything"
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def next_timer(self) -> float | None:
        """Return when the first timer is due; None without timers."""
        while self._timers and self._timers[0][2].cancelled():
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def ring(self) -> bool:
        """Call the due timers; returns False if there were none."""
        rang = False
        while (when := self.next_timer()) is not None and when <= self.time():
            self._ready.append(heappop(self._timers)[2])
            rang = True
        return rang

    def die(self) -> None:
        """End the loop. Cleanup code of coroutines is not executed."""
        self.is_dead = True
        self._ready.clear()
        self._timers.clear()
        tasks, self.tasks = list(self.tasks), {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # some were never started
            _close(tasks)


def _close(tasks: list["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        coroutine = task.get_coro()
        assert coroutine is not None
        try:
            coroutine.close()  # type: ignore[union-attr]
        except (RuntimeError, ValueError):
            continue  # it is the running coroutine, or it awaits in its cleanup code
