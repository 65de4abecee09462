"""Converts local times to moments, including those that are skipped or occur twice at clock changes.

Moments are microseconds since the epoch. One rule for every line and zone:

- A local time that exists once is that moment.
- In a gap it is the end of the gap (`after`), the moment as far after it as the local time is after the gap's
  start (`shift`), or nothing (`skip`).
- In a fold it is the `first` moment, the `second`, or `both`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


class Gap(StrEnum):
    """What happens to a local time that is skipped."""

    AFTER = "after"
    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """What happens to a local time that occurs twice."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


class Entry(NamedTuple):
    """A moment and its local time. If `is_skipped`, nothing fires: the local time does not exist, and the
    moment is the gap's end.
    """

    moment_us: int
    wall: datetime
    note: str = ""
    is_skipped: bool = False


def plain_us(wall: datetime) -> int:
    """Return the microseconds since the epoch of a time without zone, as if it were UTC."""
    return (wall - _EPOCH) // _MICROSECOND


def offset_us(wall: datetime, zone: tzinfo, fold: int = 0) -> int:
    """Return the zone's offset from UTC at a local time, in microseconds."""
    ahead = wall.replace(tzinfo=zone, fold=fold).utcoffset()
    assert ahead is not None
    return ahead // _MICROSECOND


def wall_of(moment_us: int, zone: tzinfo) -> datetime:
    """Return the local time of a moment, without zone."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def offset_at(moment_us: int, zone: tzinfo) -> int:
    """Return the zone's offset from UTC at a moment, in microseconds."""
    return plain_us(wall_of(moment_us, zone)) - moment_us


def moments_of(wall: datetime, zone: tzinfo, gap: Gap, fold: Fold) -> Iterator[Entry]:
    """Yield the moments of a local time, with a note if it does not exist or occurs twice."""
    before_us, after_us = offset_us(wall, zone), offset_us(wall, zone, 1)
    as_utc_us = plain_us(wall)
    if before_us == after_us:
        yield Entry(as_utc_us - before_us, wall)
    elif before_us < after_us:
        yield _in_gap(wall, zone, gap, as_utc_us - after_us, as_utc_us - before_us)
    else:
        yield from _in_fold(wall, fold, as_utc_us - before_us, as_utc_us - after_us)


def first_moment_us(wall: datetime, zone: tzinfo) -> int:
    """Return the first moment whose local time is that time or later."""
    return next(moments_of(wall, zone, Gap.AFTER, Fold.FIRST)).moment_us


def _in_gap(wall: datetime, zone: tzinfo, gap: Gap, low_us: int, shifted_us: int) -> Entry:
    moment_us = shifted_us if gap is Gap.SHIFT else _transition_us(zone, low_us, shifted_us)
    told = f"{wall:%H:%M} does not exist"
    if gap is Gap.SKIP:
        return Entry(moment_us, wall, f"{told}; it is left out", is_skipped=True)
    return Entry(moment_us, wall, f"{told}; fires at {wall_of(moment_us, zone):%H:%M}")


def _in_fold(wall: datetime, fold: Fold, first_us: int, second_us: int) -> Iterator[Entry]:
    if fold is not Fold.SECOND:
        yield Entry(first_us, wall, f"{wall:%H:%M} comes twice; this is the first time")
    if fold is not Fold.FIRST:
        yield Entry(second_us, wall, f"{wall:%H:%M} comes twice; this is the second time")


def _transition_us(zone: tzinfo, low_us: int, high_us: int) -> int:
    """Return the moment after `low_us`, which still has the old offset, at which the offset changes."""
    low, high, old = low_us // SECOND_US, -(-high_us // SECOND_US), offset_at(low_us, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(middle * SECOND_US, zone) == old:
            low = middle
        else:
            high = middle
    return high * SECOND_US
