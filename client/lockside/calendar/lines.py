"""Cron lines and their local times. The syntax is that of Debian's cron, as read by `cronsim`."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from cronsim import CronSim, CronSimError
from cronsim.explain import Expression

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_START = datetime(2000, 1, 1)


class Line(NamedTuple):
    """A cron line. `minutes` are its minutes of a day, counted from midnight, in order. `is_real_time` is
    True if its minute or hour field begins with `*`: it means intervals, not local times.
    """

    text: str
    minutes: tuple[int, ...]
    has_day: Callable[[date], bool]
    is_real_time: bool
    says: str


@lru_cache(maxsize=4096)
def line(text: str) -> Line:
    """Parse a line. Raises ValueError with a sentence that says what to write instead."""
    plain = _plain(text)
    try:
        parsed = CronSim(plain, _START)
    except (CronSimError, ValueError, AssertionError) as problem:
        raise ValueError(
            f"{text[:200]!r} is not a cron line ({problem}): write minute, hour, day of month, month and day "
            'of week, as in "30 2 * * MON-FRI"'
        ) from None
    months = parsed.months

    def has_day(day: date) -> bool:
        return day.month in months and parsed.match_day(day)

    minute, hour = plain.split()[:2]
    made = Line(
        text,
        tuple(h * 60 + m for h in sorted(parsed.hours) for m in sorted(parsed.minutes)),
        has_day,
        minute.startswith("*") or hour.startswith("*"),
        Expression(parsed.parts).explain(),
    )
    try:
        next(CronSim(plain, _START))
    except (StopIteration, RuntimeError):
        raise ValueError(f"{text!r} names a date that never comes: choose a day that the month has") from None
    return made


def _plain(text: str) -> str:
    """Return the five fields of a line. Raises ValueError for what cron supports and schedules do not."""
    word = text.strip().lower()
    if word in NICKNAMES:
        return NICKNAMES[word]
    if word.startswith("@"):
        raise ValueError(f"{text[:40]!r} has no time: write one of {', '.join(NICKNAMES)}, or five fields")
    fields = text.split()
    if len(fields) == 6:
        raise ValueError(
            f'{text[:200]!r} has six fields: leave out the seconds, or write `every = "10s"` for less than '
            "a minute"
        )
    return " ".join(fields)
