"""The methods of a test clock."""

from typing import Final

from lockside.documents import quantities, times
from lockside.documents.base import Out, Seconds, Time
from lockside.protocol.declaration import Method, Params, method
from lockside.protocol.words import Role


class ClockReading(Out, frozen=True, kw_only=True):
    """The clocks of a daemon with a test clock.

    Attributes:
        time: The wall clock.
        boot_time: The boot clock; it began at the same time, and `clock.set` does not move it.
    """

    time: str
    boot_time: str


CLOCK_METHODS: Final[dict[str, Method]] = {}


@method("clock.get", Role.ADMIN, answers=ClockReading, table=CLOCK_METHODS)
class ClockGet(Params, frozen=True, kw_only=True):
    """Return the time of the test clock."""


class ClockMove(Params, frozen=True, kw_only=True):
    """A duration.

    Attributes:
        seconds: How far to move, in seconds or as in "1h30m".
    """

    reads = {"seconds": quantities.duration}

    seconds: Seconds


@method("clock.advance", Role.ADMIN, answers=ClockReading, table=CLOCK_METHODS, example={"seconds": 86_400})
class ClockAdvance(ClockMove, frozen=True, kw_only=True):
    """Advance the clock, stopping at each deadline."""


@method("clock.sleep", Role.ADMIN, answers=ClockReading, table=CLOCK_METHODS, example={"seconds": 3600})
class ClockSleep(ClockMove, frozen=True, kw_only=True):
    """Jump both clocks forward, as after a suspend."""


@method(
    "clock.set",
    Role.ADMIN,
    answers=ClockReading,
    table=CLOCK_METHODS,
    example={"time": "2026-01-31T08:00:00Z"},
)
class ClockSet(Params, frozen=True, kw_only=True):
    """Set only the wall clock.

    Attributes:
        time: The new time of the wall clock.
    """

    reads = {"time": times.canonical_time}

    time: Time
