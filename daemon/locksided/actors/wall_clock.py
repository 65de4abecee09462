"""Inputs of the wall clock for the core: that it was set, and that something is due."""

from collections.abc import Iterable

import structlog

from locksided import clock
from locksided.core.inputs import ClockSet, TimePassed

CLOCK_SET_US = 1_000_000  # less is a clock that is being slewed: it adds up until it is that much

log = structlog.get_logger("scheduler")


class WallClock:
    """Compares the wall clock with the boot clock, which cannot be set."""

    def __init__(self) -> None:
        self._ahead_us = clock.now_us() - clock.boot_us()

    def inputs(self, now_us: int, deadline_us: int | None) -> list[ClockSet | TimePassed]:
        """Return what the core must know before other inputs; `deadline_us` is its next deadline."""
        set_by_us = now_us - clock.boot_us() - self._ahead_us
        if abs(set_by_us) >= CLOCK_SET_US:
            return [ClockSet(set_by_us), TimePassed()]  # the deadline is another one now
        is_due = deadline_us is not None and deadline_us <= now_us
        return [TimePassed()] if is_due else []

    def saved(self, inputs: Iterable[ClockSet | TimePassed]) -> None:
        """Note the inputs as saved: the same jump is not reported again."""
        for one in inputs:
            if isinstance(one, ClockSet):
                log.warning("the clock was set", seconds=one.by_us / 1e6)
                self._ahead_us += one.by_us
