"""The one clock of the process: every timer and every reading of time in the daemon goes through here.

The plain names follow the clock that the composition root chose with `used`: the system's, or one that moves
only when told. All that users can observe goes by them. The names that begin with `real_` always follow the
machine: they are for limits on sockets, disks and processes, which do not wait for a clock that stands still.
Times are microseconds since the epoch, UTC.
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
"""The longest time until a clock that was set, or a suspend that is over, is noticed."""

Callback = Callable[[], object]


class ClockKind(StrEnum):
    """What moves the clock: time, or the methods `clock.*`."""

    SYSTEM = "system"
    TEST = "test"


class Timer(Protocol):
    """A callback to come; once it was called, `cancel` does nothing."""

    def cancel(self) -> None:
        """Do not call it."""


class Clock(Protocol):
    """What a clock must offer; the functions of this module that have the same names say what they do."""

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
        """The wall clock of the machine."""
        return real_now_us()

    def boot_us(self) -> int:
        """The machine's time since its start."""
        return real_boot_us()

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        """A timer of the boot clock."""
        return _BootTimer(self, seconds, callback)

    def call_at(self, wall_us: int | None, callback: Callback) -> Timer:
        """A timer of the loop that is never so long that a clock set meanwhile goes unnoticed."""
        left = NOTICED_WITHIN_SECONDS if wall_us is None else (wall_us - self.now_us()) / SECOND_US
        return real_call_later(min(max(left, 0.0), NOTICED_WITHIN_SECONDS), callback)

    def seen_us(self, machine_us: int) -> int:
        """The same time: the machine has no other clock."""
        return machine_us


class _BootTimer:
    """A timer of the boot clock. The loop's own clock stops during a suspend, so it looks now and then."""

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
    """Which clock was chosen."""
    return _clock.kind


def now_us() -> int:
    """The wall clock: the time that people see. It can be set at any moment, forward or back."""
    return _clock.now_us()


def boot_us() -> int:
    """A clock that nobody can set and that counts suspended time. Only differences mean anything."""
    return _clock.boot_us()


def call_later(seconds: float, callback: Callback) -> Timer:
    """Call back once so much time has passed by the boot clock, from the event loop, never at once."""
    return _clock.call_later(seconds, callback)


def call_at(wall_us: int | None, callback: Callback) -> Timer:
    """Call back once the wall clock shows that time, or earlier, or when the clock was set (None: only then).

    The callback must look at the clock and set the next timer: deadlines may have moved.
    """
    return _clock.call_at(wall_us, callback)


def seen_us(machine_us: int) -> int:
    """The time by this clock for a time in the past that another process read from the machine's."""
    return _clock.seen_us(machine_us)


async def sleep(seconds: float) -> None:
    """Return once so much time has passed by the boot clock."""
    over = anyio.Event()
    timer = call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


@contextmanager
def move_on_after(seconds: float | None) -> Iterator[CancelScope]:
    """As anyio's, by the boot clock: cancels what is inside once the time has passed (None: never)."""
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
    """The event loop's own clock, in which deadlines of cancel scopes are."""
    return anyio.current_time()


def real_now_us() -> int:
    """The machine's wall clock."""
    return time.time_ns() // 1000


def real_file_ns() -> int:
    """The machine's time in nanoseconds as files get it, which may lag behind the wall clock by a tick.

    What is changed later gets this time or a later one, what was changed earlier no later one.
    """
    file = os.memfd_create("now", os.MFD_CLOEXEC)
    try:
        os.fstat(file)  # a file whose time was looked at gets a finer one
        os.write(file, b"x")
        return os.fstat(file).st_ctime_ns
    finally:
        os.close(file)


def real_boot_us() -> int:
    """Microseconds since the machine's start, suspended time included: the clock of `/proc`."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def real_call_later(seconds: float, callback: Callback) -> asyncio.TimerHandle:
    """Call back after so much of the machine's time."""
    return asyncio.get_running_loop().call_later(seconds, callback)


real_sleep = anyio.sleep
real_move_on_after = anyio.move_on_after
real_fail_after = anyio.fail_after


def real_stamp() -> str:
    """The machine's time for a file's name: fine enough to be different each time."""
    return time_text(real_now_us()).replace(":", "").replace("-", "")


def boot_id() -> str:
    """What names this boot of the machine; a process of another boot is surely gone."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


@lru_cache(maxsize=64)  # a job has the same moment in many fields
def to_text(moment_us: int | None) -> str | None:
    """RFC 3339 in UTC with microseconds and Z."""
    return None if moment_us is None else time_text(moment_us)


def from_text(text: str) -> int:
    """Microseconds of an RFC 3339 time. Raises ValueError when it is none."""
    return time_us(text)
