"""Times as written in documents and results: RFC 3339, UTC, microseconds, `Z`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

ADAPTIVE = "adaptive"
RELATIVE_TIME = re.compile(r"-\s*(\d+)\s*(minute|hour|day|week|month)s?")
_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}


def is_moment(text: str) -> bool:
    """Return whether a text is a time: ISO 8601, seconds since the epoch, or before now as in `-2 days`."""
    try:
        moment_of(text, 0)
    except ValueError:
        return False
    return True


def moment_of(text: str, now_us: int) -> datetime | None:
    """Return the time of a text: ISO 8601, Unix seconds, or `-N days` before now; None if empty. Raises
    ValueError.
    """
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
    """Return the microseconds since the epoch of an RFC 3339 time; finer fractions are dropped."""
    if re.fullmatch(TIME_PATTERN[1:-1], text) is None:
        raise ValueError('Write an RFC 3339 time with its zone, as in "2026-01-31T08:00:00Z"')
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as problem:
        raise ValueError(f"{text!r} is not a valid time: {problem}") from None
    try:
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None


def time_text(moment_us: int) -> str:
    """Format microseconds since the epoch as RFC 3339 in UTC, with microseconds and `Z`."""
    seconds, fraction_us = divmod(moment_us, 1_000_000)
    return f"{_second_text(seconds)}.{fraction_us:06}Z"


@lru_cache(4096)
def _second_text(seconds: int) -> str:
    """Return the common part of all times of one second; most calls are for a few seconds."""
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def canonical_time(text: str) -> str:
    """Return the time in the form of results: UTC, microseconds, `Z`."""
    try:
        return time_text(time_us(text))
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None
