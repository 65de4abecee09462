"""Points in time as documents and answers write them: RFC 3339, UTC, microseconds, `Z`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

ADAPTIVE = "adaptive"
RELATIVE_TIME = re.compile(r"-\s*(\d+)\s*(minute|hour|day|week|month)s?")
_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}


def is_moment(text: str) -> bool:
    """Whether a text is a time: ISO 8601, seconds since the epoch, or before now as in `-2 days`."""
    try:
        moment_of(text, 0)
    except ValueError:
        return False
    return True


def moment_of(text: str, now_us: int) -> datetime | None:
    """A time: ISO 8601, Unix seconds, or `-N days` before now; None for none. Raises ValueError."""
    text = text.strip()
    if not text:
        return None
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        if (relative := RELATIVE_TIME.fullmatch(text)) is not None:
            now = datetime.fromtimestamp(now_us / 1e6, UTC)
            return now - timedelta(days=int(relative[1]) * _DAYS[relative[2]])
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f'"{text}" is not a time.') from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


TIME_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_us(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time; anything finer than a microsecond is dropped."""
    if re.fullmatch(TIME_PATTERN[1:-1], text) is None:
        raise ValueError('Write an RFC 3339 time with its zone, as in "2026-01-31T08:00:00Z"')
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as problem:
        raise ValueError(f"{text!r} is no real time: {problem}") from None
    try:
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None


def time_text(moment_us: int) -> str:
    """RFC 3339, UTC, with microseconds and `Z`, of microseconds since the epoch."""
    seconds, fraction_us = divmod(moment_us, 1_000_000)
    return f"{_second_text(seconds)}.{fraction_us:06}Z"


@lru_cache(4096)
def _second_text(seconds: int) -> str:
    """What all times of one second have in common: most that are written are of a few seconds."""
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def canonical_time(text: str) -> str:
    """The same moment as every answer writes it: UTC, microseconds, `Z`."""
    try:
        return time_text(time_us(text))
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None
