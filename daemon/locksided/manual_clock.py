"""The clock of `--test-clock`: it stands still and moves only when told.

A move is over when all its consequences are done: the event loop has nothing left to run and no thread is
working, so that everything waits for the clock, for a client or for a process. Timers' callbacks need not
report anything. Processes use the machine's time; a move does not wait for them.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import ClassVar

from locksided import threads
from locksided.clock import SECOND_US, Callback, ClockKind

NEVER_US = 2**63


class ManualClock:
    """Wall clock and boot clock, which both start at `start_us`. They move in an event loop of `new_loop`."""

    kind: ClassVar = ClockKind.TEST

    def __init__(self, start_us: int) -> None:
        self._now_us = self._boot_us = start_us
        self._timers: dict[_Timer, None] = {}
        self._selector = _Selector()
        self._moving = asyncio.Lock()

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop that tells this clock when it is idle."""
        return asyncio.SelectorEventLoop(self._selector)

    def now_us(self) -> int:
        """Return the wall clock."""
        return self._now_us

    def boot_us(self) -> int:
        """Return the boot clock."""
        return self._boot_us

    def seen_us(self, _machine_us: int) -> int:
        """Return the current time: for this clock everything since its last move is simultaneous."""
        return self._now_us

    def call_later(self, seconds: float, callback: Callback) -> "_Timer":
        """Set a timer of the boot clock."""
        return self._set_timer(self._boot_us + round(seconds * SECOND_US), callback)

    def call_at(self, wall_us: int | None, callback: Callback) -> "_Timer":
        """Set a timer of the wall clock: exact, and called early only when that is set."""
        due_us = NEVER_US if wall_us is None else self._boot_us + wall_us - self._now_us
        timer = self._set_timer(due_us, callback)
        timer.is_of_wall_clock = True
        return timer

    def _set_timer(self, due_us: int, callback: Callback) -> "_Timer":
        timer = _Timer(due_us, callback, self._timers)
        self._timers[timer] = None
        if due_us <= self._boot_us:
            asyncio.get_running_loop().call_soon(self._ring)
        return timer

    def _ring(self) -> None:
        due = [timer for timer in self._timers if timer.due_us <= self._boot_us]
        for timer in sorted(due, key=attrgetter("due_us")):
            if timer in self._timers:
                timer.cancel()
                timer.callback()

    # -- moves --------------------------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Advance, awake: stop at each deadline until everything due there is done."""
        async with self._one_move():
            end_us = self._boot_us + round(seconds * SECOND_US)
            while (due_us := min((timer.due_us for timer in self._timers), default=NEVER_US)) <= end_us:
                self._pass(due_us - self._boot_us)
                await self._selector.until_idle()
            self._pass(end_us - self._boot_us)

    async def sleep(self, seconds: float) -> None:
        """Move both clocks forward at once, as after a suspend."""
        async with self._one_move():
            self._pass(round(seconds * SECOND_US))

    async def set(self, now_us: int) -> None:
        """Move the wall clock alone."""
        async with self._one_move():
            self._now_us = now_us
            for timer in self._timers:
                if timer.is_of_wall_clock:
                    timer.due_us = self._boot_us
            self._ring()

    @asynccontextmanager
    async def _one_move(self) -> AsyncIterator[None]:
        """Begin when earlier work is done, and end when everything due is done."""
        async with self._moving:
            await self._selector.until_idle()
            yield
            await self._selector.until_idle()

    def _pass(self, by_us: int) -> None:
        self._now_us += by_us
        self._boot_us += by_us
        self._ring()


class _Timer:
    __slots__ = ("_timers", "callback", "due_us", "is_of_wall_clock")

    def __init__(self, due_us: int, callback: Callback, timers: "dict[_Timer, None]") -> None:
        self.due_us = due_us
        self.callback = callback
        self.is_of_wall_clock = False
        self._timers = timers

    def cancel(self) -> None:
        self._timers.pop(self, None)


class _Selector(selectors.DefaultSelector):
    """The selector of an event loop: it is asked to wait only when the loop has nothing to run."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[asyncio.Future[None]] = []

    async def until_idle(self) -> None:
        """Return when the loop is idle and no thread works for it."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Select; if someone waits for the loop to be idle, and it is, wake that waiter first."""
        is_idle = timeout is None or timeout > 0
        if is_idle and self._waiting and not threads.at_work.count:
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_result(None)
            self._waiting.clear()
            timeout = 0
        return super().select(timeout)
