# ruff: noqa: RUF012 - msgspec shares no default between objects
"""The parameters of `clock.*`."""

from lockside.documents import quantities, times
from lockside.documents.base import Seconds, Time
from lockside.protocol.params.base import Params


class ClockGet(Params, frozen=True, kw_only=True):
    """Parameters of `clock.get`."""


class ClockMove(Params, frozen=True, kw_only=True):
    """Parameters of `clock.advance` and `clock.sleep`.

    Attributes:
        seconds: How far to move, in seconds or as in "1h30m".
    """

    reads = {"seconds": quantities.duration}

    seconds: Seconds


class ClockSet(Params, frozen=True, kw_only=True):
    """Parameters of `clock.set`.

    Attributes:
        time: The new time of the wall clock.
    """

    reads = {"time": times.canonical_time}

    time: Time
