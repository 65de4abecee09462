"""The one clock of the process: all timers and readings of time in the daemon use this module.

The plain names follow the clock that the composition root chose with `used`: the system's, or one that moves
only when told. Everything that users can observe uses them. Names that begin with `real_` always follow the
machine: they are for limits on sockets, disks and processes, which do not stop with a clock that stands
still. Times are microseconds since the epoch, UTC.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Protocol

import anyio
from anyio import CancelScope

from lockside.documents.times import time_text, time_us

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
NOTICED_WITHIN_SECONDS = 60.0
"""The longest time until a change of the clock, or the end of a suspend, is noticed."""

Callback = Callable[[], object]


class ClockKind(StrEnum):
    """What moves the clock: time, or the methods `clock.*`."""

    SYSTEM = "system"
    TEST = "test"


class Timer(Protocol):
    """A future callback; after it was called, `cancel` does nothing."""

    def cancel(self) -> None:
        """Do not call it."""


class Clock(Protocol):
    """The methods of a clock; the functions of the same names in this module document them."""

    kind: ClassVar[ClockKind]

    def now_us(self) -> int: ...

    def boot_us(self) -> int: ...

    def call_later(self, seconds: float, callback: Callback) -> Timer: ...

    def call_at(self, wall_us: int | None, callback: Callback) -> Timer: ...

    def seen_us(self, machine_us: int) -> int: ...


class SystemClock:
    """The clocks of the machine, and timers of the running event loop."""

    kind: ClassVar = ClockKind.SYSTEM

    def now_us(self) -> int:
        """Return the wall clock of the machine."""
        return real_now_us()

    def boot_us(self) -> int:
        """Return the machine's time since its start."""
        return real_boot_us()

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        """Set a timer of the boot clock."""
        return _BootTimer(self, seconds, callback)

    def call_at(self, wall_us: int | None, callback: Callback) -> Timer:
        """Set a timer of the loop that is short enough to notice changes of the clock."""
        left = NOTICED_WITHIN_SECONDS if wall_us is None else (wall_us - self.now_us()) / SECOND_US
        return real_call_later(min(max(left, 0.0), NOTICED_WITHIN_SECONDS), callback)

    def seen_us(self, machine_us: int) -> int:
        """Return the same time: the machine has no other clock."""
        return machine_us


class _BootTimer:
    """A timer of the boot clock. The loop's own clock stops during a suspend, so it checks periodically."""

    __slots__ = ("_callback", "_clock", "_due_us", "_handle")

    def __init__(self, clock: SystemClock, seconds: float, callback: Callback) -> None:
        self._clock = clock
        self._due_us = clock.boot_us() + round(seconds * SECOND_US)
        self._callback = callback
        self._handle = self._set(seconds)

    def _set(self, seconds: float) -> asyncio.TimerHandle:
        return real_call_later(min(max(seconds, 0.0), NOTICED_WITHIN_SECONDS), self._look)

    def _look(self) -> None:
        left_us = self._due_us - self._clock.boot_us()
        if left_us > 0:
            self._handle = self._set(left_us / SECOND_US)
        else:
            self._callback()

    def cancel(self) -> None:
        self._handle.cancel()


_clock: Clock = SystemClock()


@contextmanager
def used(clock: Clock) -> Iterator[None]:
    """Make this the clock of the process while the context lasts."""
    global _clock
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before


def kind() -> ClockKind:
    """Return which clock is in use."""
    return _clock.kind


def now_us() -> int:
    """Return the wall clock: the time for users. It can be set at any moment, forward or back."""
    return _clock.now_us()


def boot_us() -> int:
    """Return a clock that cannot be set and that counts suspended time. Only differences have a meaning."""
    return _clock.boot_us()


def call_later(seconds: float, callback: Callback) -> Timer:
    """Call back after that time on the boot clock, from the event loop, never at once."""
    return _clock.call_later(seconds, callback)


def call_at(wall_us: int | None, callback: Callback) -> Timer:
    """Call back when the wall clock shows that time, or earlier, or when the clock was set (None: only then).

    The callback must check the clock and set the next timer: deadlines may have moved.
    """
    return _clock.call_at(wall_us, callback)


def seen_us(machine_us: int) -> int:
    """Convert a past time that another process read from the machine's clock to this clock."""
    return _clock.seen_us(machine_us)


async def sleep(seconds: float) -> None:
    """Return after that time on the boot clock."""
    over = anyio.Event()
    timer = call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


@contextmanager
def move_on_after(seconds: float | None) -> Iterator[CancelScope]:
    """Like anyio's, by the boot clock: cancels the context after that time (None: never)."""
    with CancelScope() as scope:
        if seconds is not None and seconds <= 0:
            scope.cancel()
        timer = None if seconds is None else call_later(seconds, scope.cancel)
        try:
            yield scope
        finally:
            if timer is not None:
                timer.cancel()


def real_seconds() -> float:
    """Return the event loop's own clock, used for deadlines of cancel scopes."""
    return anyio.current_time()


def real_now_us() -> int:
    """Return the machine's wall clock."""
    return time.time_ns() // 1000


def real_file_ns() -> int:
    """Return the machine's file time in nanoseconds, which may lag behind the wall clock by a tick.

    Later changes of files get this time or a later one, earlier changes no later one.
    """
    file = os.memfd_create("now", os.MFD_CLOEXEC)
    try:
        os.fstat(file)  # a file whose time was read gets a finer one
        os.write(file, b"x")
        return os.fstat(file).st_ctime_ns
    finally:
        os.close(file)


def real_boot_us() -> int:
    """Return microseconds since the machine's start, including suspended time: the clock of `/proc`."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def real_call_later(seconds: float, callback: Callback) -> asyncio.TimerHandle:
    """Call back after that time on the machine's clock."""
    return asyncio.get_running_loop().call_later(seconds, callback)


real_sleep = anyio.sleep
real_move_on_after = anyio.move_on_after
real_fail_after = anyio.fail_after


def real_stamp() -> str:
    """Return the machine's time for a file's name: fine enough to be unique."""
    return time_text(real_now_us()).replace(":", "").replace("-", "")


def boot_id() -> str:
    """Return the id of this boot of the machine; a process of another boot is certainly gone."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


@lru_cache(maxsize=64)  # many fields of a job have the same moment
def to_text(moment_us: int | None) -> str | None:
    """Format a time in RFC 3339, in UTC with microseconds and Z."""
    return None if moment_us is None else time_text(moment_us)


def from_text(text: str) -> int:
    """Return the microseconds of an RFC 3339 time. Raises ValueError if it is invalid."""
    return time_us(text)
