"""The time limit of a run, on CLOCK_BOOTTIME; it can be suspended.

A callback is called when it is reached.
"""

from collections.abc import Callable

from locksided.keeper import clock
from locksided.keeper.loop import Loop, Timer


class TimeLimit:
    """Counts down the seconds while it is not suspended; `None` seconds never end."""

    def __init__(self, loop: Loop, seconds: float | None, reached: Callable[[], None]) -> None:
        self._loop = loop
        self._left_seconds = seconds
        self._reached = reached
        self._timer: Timer | None = None

    def go_on(self) -> None:
        if self._left_seconds is not None and self._timer is None:
            self._timer = self._loop.after(self._left_seconds, self._reached)

    def stand_still(self) -> None:
        if self._timer is not None:
            self._left_seconds = max(0.0, self._timer.deadline - clock.boot_seconds())
            self._timer.cancel()
            self._timer = None
