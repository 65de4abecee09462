"""The event loop: descriptors, timers on CLOCK_BOOTTIME, and output that must wait for its turn.

It knows nothing about jobs.

Of two epoll sets, the urgent one (signals, orders, exits) is handled completely in every turn. Of the bulk
set (job output) a turn serves only a few descriptors, so output cannot delay a start or a stop.
"""

import heapq
import math
import os
import select
from collections.abc import Callable
from itertools import count

from locksided.keeper import clock, libc

Callback = Callable[[], object]

BULK_PER_TURN = 4
FOREVER_SECONDS = 1e9
MAX_CANCELLED = 256


class Timer:
    """A callback that is due once, at a time of CLOCK_BOOTTIME, unless it is cancelled before."""

    __slots__ = ("_cancelled", "callback", "deadline")

    def __init__(self, deadline: float, callback: Callback, cancelled: Callback) -> None:
        self.deadline = deadline
        self.callback: Callback | None = callback
        self._cancelled = cancelled

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._cancelled()


class Loop:
    """Runs callbacks until it is stopped.

    Callbacks must not block and must tolerate spurious calls.
    """

    def __init__(self) -> None:
        self._urgent = select.epoll()
        self._bulk = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._bulk_callbacks: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._cancelled = 0
        self._order = count()
        self._armed = math.inf
        self._timer_fd = libc.boot_timer()
        self._last: list[Callback] = []
        self._stopped = False
        self._urgent.register(self._bulk.fileno(), select.EPOLLIN)
        self._urgent.register(self._timer_fd, select.EPOLLIN)
        self._callbacks[self._bulk.fileno()] = self._nothing
        self._callbacks[self._timer_fd] = self._timer_fired

    def watch(self, fd: int, callback: Callback, events: int = select.EPOLLIN) -> None:
        """Call back in every turn in which `fd` is ready; calling it again changes callback and events."""
        if fd in self._callbacks:
            self._urgent.modify(fd, events)
        else:
            self._urgent.register(fd, events)
        self._callbacks[fd] = callback

    def watch_bulk(self, fd: int, callback: Callback) -> None:
        """Call back when `fd` is readable and its turn has come."""
        self._bulk.register(fd, select.EPOLLIN)
        self._bulk_callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Stop watching `fd`; must be called before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._urgent.unregister(fd)
        if self._bulk_callbacks.pop(fd, None) is not None:
            self._bulk.unregister(fd)

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Call back once, `seconds` from now, time in suspend included."""
        timer = Timer(clock.boot_seconds() + min(seconds, FOREVER_SECONDS), callback, self._timer_cancelled)
        heapq.heappush(self._timers, (timer.deadline, next(self._order), timer))
        return timer

    def at_end_of_turn(self, callback: Callback) -> None:
        """Call back once, after everything that is ready now has been handled."""
        self._last.append(callback)

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        while not self._stopped:
            self._turn()

    def _turn(self) -> None:
        self._arm()
        for fd, _ in self._urgent.poll():
            callback = self._callbacks.get(fd)
            if callback is not None:
                callback()
        self._run_timers()
        if self._bulk_callbacks:
            self._serve_bulk()
        last, self._last = self._last, []
        for callback in last:
            callback()

    def _serve_bulk(self) -> None:
        for fd, _ in self._bulk.poll(0, BULK_PER_TURN):
            callback = self._bulk_callbacks.get(fd)
            if callback is not None:
                callback()

    def _run_timers(self) -> None:
        if not self._timers:
            return
        now = clock.boot_seconds()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                callback()

    def _arm(self) -> None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
            self._cancelled -= 1
        deadline = self._timers[0][0] if self._timers else math.inf
        if deadline < self._armed:  # a timer that fires too early is then set again
            self._armed = deadline
            libc.arm_boot_timer(self._timer_fd, deadline)

    def _timer_cancelled(self) -> None:
        """Discard cancelled timers when there are many: time limits of ended runs would accumulate."""
        self._cancelled += 1
        if self._cancelled > MAX_CANCELLED and self._cancelled > len(self._timers) // 2:
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def _timer_fired(self) -> None:
        self._armed = math.inf
        try:
            os.read(self._timer_fd, 8)
        except BlockingIOError:
            return

    def _nothing(self) -> None:
        """The bulk set is served at the end of the turn."""
