"""Calendars: the moments of a schedule, found and counted without iterating over all of them. Moments are
microseconds since the epoch. A calendar returns the next moment, the previous one, the number between two,
and the gaps in which local times were skipped.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

from lockside.calendar.lines import Line
from lockside.calendar.walltimes import (
    Entry,
    Fold,
    Gap,
    moments_of,
    offset_us,
    plain_us,
    wall_of,
)

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US
EARLIEST_US = 0
LATEST_US = plain_us(datetime(9890, 1, 1))
FARTHEST_DAYS = 40 * 366
"""The limit of a search: the rarest lines fire once in 40 years."""

_DAYS_KEPT = 512
_OFFSETS_KEPT = 16_384
_EPOCH = date(1970, 1, 1)


class Calendar(ABC):
    """The moments of a schedule."""

    zone: tzinfo

    @abstractmethod
    def after(self, moment_us: int) -> int | None:
        """Return the first moment after this one, or None."""

    @abstractmethod
    def before(self, moment_us: int) -> int | None:
        """Return the last moment before this one, or None."""

    @abstractmethod
    def count(self, first_us: int, last_us: int, most: int) -> int | None:
        """Return the number of moments between two, inclusive; None if more than `most`."""

    def gaps(self, from_us: int, to_us: int) -> list[tuple[int, str]]:
        """Return the ends of gaps after the first and up to the second moment, with the skipped local times.
        An end at which the calendar has a moment is not included.
        """
        return []

    def entry(self, moment_us: int) -> Entry:
        """Return the entry of one of its moments."""
        return Entry(moment_us, wall_of(moment_us, self.zone))


class Every(Calendar):
    """The moments `anchor + k * period`."""

    def __init__(self, period_us: int, anchor_us: int, zone: tzinfo) -> None:
        self.zone = zone
        self._period_us = period_us
        self._anchor_us = anchor_us

    def after(self, moment_us: int) -> int | None:
        steps = (moment_us - self._anchor_us) // self._period_us + 1
        return self._anchor_us + steps * self._period_us

    def before(self, moment_us: int) -> int | None:
        steps = -((self._anchor_us - moment_us) // self._period_us) - 1
        return self._anchor_us + steps * self._period_us

    def count(self, first_us: int, last_us: int, most: int) -> int | None:
        first, last = self.after(first_us - 1), self.before(last_us + 1)
        assert first is not None
        assert last is not None
        found = max((last - first) // self._period_us + 1, 0)
        return found if found <= most else None


class At(Calendar):
    """A list of moments."""

    def __init__(self, moments: Sequence[int], zone: tzinfo) -> None:
        self.zone = zone
        self._moments = sorted(set(moments))

    def after(self, moment_us: int) -> int | None:
        place = bisect_right(self._moments, moment_us)
        return self._moments[place] if place < len(self._moments) else None

    def before(self, moment_us: int) -> int | None:
        place = bisect_left(self._moments, moment_us)
        return self._moments[place - 1] if place else None

    def count(self, first_us: int, last_us: int, most: int) -> int | None:
        found = bisect_right(self._moments, last_us) - bisect_left(self._moments, first_us)
        return found if found <= most else None


class Cron(Calendar):
    """The moments of cron lines in a zone. If `gap` or `fold` is None, each line has its default."""

    def __init__(self, lines: Sequence[Line], zone: tzinfo, gap: Gap | None, fold: Fold | None) -> None:
        self.zone = zone
        self._lines = [(line, *policies(line, gap, fold)) for line in lines]
        self._local = lru_cache(_DAYS_KEPT)(self._find_local)
        self._utc_day = lru_cache(_DAYS_KEPT)(self._find_utc_day)

    def after(self, moment_us: int) -> int | None:
        first = max(moment_us + 1, EARLIEST_US) // DAY_US
        for day in range(first, min(first + FARTHEST_DAYS, LATEST_US // DAY_US)):
            found = self._utc_day(day)
            if found and found[-1] > moment_us:
                return found[bisect_right(found, moment_us)]
        return None

    def before(self, moment_us: int) -> int | None:
        last = min(moment_us - 1, LATEST_US) // DAY_US
        for day in range(last, max(last - FARTHEST_DAYS, EARLIEST_US - 1), -1):
            found = self._utc_day(day)
            if found and found[0] < moment_us:
                return found[bisect_left(found, moment_us) - 1]
        return None

    def count(self, first_us: int, last_us: int, most: int) -> int | None:
        total = 0
        for day in range(first_us // DAY_US, last_us // DAY_US + 1):
            found = self._utc_day(day)
            total += bisect_right(found, last_us) - bisect_left(found, first_us)
            if total > most:
                return None
        return total

    def gaps(self, from_us: int, to_us: int) -> list[tuple[int, str]]:
        left_out: dict[int, list[datetime]] = {}
        for day in _days(from_us // DAY_US - 2, to_us // DAY_US + 2):
            if _plain_offset(self.zone, day) is None:
                for one in self._entries(day):
                    if one.is_skipped and from_us < one.moment_us <= to_us:
                        left_out.setdefault(one.moment_us, []).append(one.wall)
        return [
            (moment_us, ", ".join(wall.isoformat() for wall in sorted(set(walls))))
            for moment_us, walls in sorted(left_out.items())
            if self.after(moment_us - 1) != moment_us
        ]

    def entry(self, moment_us: int) -> Entry:
        day = moment_us // DAY_US
        found = [one for local in _days(day - 1, day + 2) for one in self._entries(local)]
        meant = [one for one in found if one.moment_us == moment_us and not one.is_skipped]
        noted = [one for one in meant if one.note]
        return (noted or meant or [super().entry(moment_us)])[0]

    # -- days ---------------------------------------------------------------------------------------------

    def _find_utc_day(self, day: int) -> list[int]:
        """Return the moments of a UTC day: those of the surrounding local days that fall into it."""
        start_us = day * DAY_US
        found = {us for local in _days(day - 1, day + 2) for us in self._local(local)}
        return sorted(us for us in found if start_us <= us < start_us + DAY_US)

    def _find_local(self, day: date) -> list[int]:
        """Return the moments of the local times of a local day."""
        offset = _plain_offset(self.zone, day)
        if offset is None:
            return [one.moment_us for one in self._entries(day) if not one.is_skipped]
        midnight_us = plain_us(datetime.combine(day, time())) - offset
        minutes = {minute for line, _, _ in self._lines if line.has_day(day) for minute in line.minutes}
        return [midnight_us + minute * MINUTE_US for minute in minutes]

    def _entries(self, day: date) -> Iterator[Entry]:
        """Yield the local times of a local day with their moments."""
        midnight = datetime.combine(day, time())
        for line, gap, fold in self._lines:
            if line.has_day(day):
                for minute in line.minutes:
                    wall = midnight + timedelta(minutes=minute)
                    yield from moments_of(wall, self.zone, gap, fold)


class Bounded(Calendar):
    """The moments of another calendar between two moments, inclusive; None means no bound."""

    def __init__(self, inner: Calendar, start_us: int | None, end_us: int | None) -> None:
        self.zone = inner.zone
        self.entry = inner.entry  # type: ignore[method-assign]
        self._inner = inner
        self._start_us = EARLIEST_US if start_us is None else start_us
        self._end_us = LATEST_US if end_us is None else end_us

    def after(self, moment_us: int) -> int | None:
        if moment_us >= self._end_us:
            return None
        found = self._inner.after(max(moment_us, self._start_us - 1))
        return found if found is not None and found <= self._end_us else None

    def before(self, moment_us: int) -> int | None:
        if moment_us <= self._start_us:
            return None
        found = self._inner.before(min(moment_us, self._end_us + 1))
        return found if found is not None and found >= self._start_us else None

    def count(self, first_us: int, last_us: int, most: int) -> int | None:
        return self._inner.count(max(first_us, self._start_us), min(last_us, self._end_us), most)

    def gaps(self, from_us: int, to_us: int) -> list[tuple[int, str]]:
        return self._inner.gaps(max(from_us, self._start_us - 1), min(to_us, self._end_us))


def policies(line: Line, gap: Gap | None, fold: Fold | None) -> tuple[Gap, Fold]:
    """Return the policies of a line; the defaults of one that means intervals differ from the others'."""
    if line.is_real_time:
        return gap or Gap.SKIP, fold or Fold.BOTH
    return gap or Gap.AFTER, fold or Fold.FIRST


def moments_between(calendar: Calendar, from_us: int, to_us: int) -> Iterator[int]:
    """Yield the moments after the first and up to the second, in order."""
    moment_us = calendar.after(from_us)
    while moment_us is not None and moment_us <= to_us:
        yield moment_us
        moment_us = calendar.after(moment_us)


def joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges `[from, to)` in order; adjacent ranges are joined."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    assert all(one[1] < other[0] for one, other in pairwise(found))
    return found


@lru_cache(_OFFSETS_KEPT)
def _plain_offset(zone: tzinfo, day: date) -> int | None:
    """Return the zone's offset on a day without a change of it, else None; it never changes twice within
    hours.
    """
    midnight = datetime.combine(day, time())
    hours = [midnight + timedelta(hours=hour) for hour in range(0, 25, 6)]
    offsets = {offset_us(hour, zone, fold) for hour in hours for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def _days(first: int, end: int) -> list[date]:
    """Return the days from `first` to before `end`, counted from the epoch."""
    return [_EPOCH + timedelta(days=day) for day in range(max(first, 0), end)]
