"""Reads the text forms that people write: priority words, memory sizes, durations and times.

Pure functions from text to the one canonical form; each raises ValueError with a sentence that says how to
write it. Who may use which form is decided by the parameter types.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

PRIORITY_WORDS: Final = {"lowest": -100, "low": -50, "normal": 0, "high": 50, "highest": 100}

PRIORITY_PATTERN: Final = r"^(lowest|low|normal|high|highest)$(?!\n)"
MEMORY_PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,9})? ?([KMGTkmgt]?[Bb])?$(?!\n)"
DURATION_PATTERN: Final = (
    r"^([0-9]{1,7}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?|([0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h|d)){1,5})$(?!\n)"
)
COUNT_PATTERN: Final = r"^([0-9]{1,9}|infinity)$(?!\n)"
VERSION_PATTERN: Final = r"^[1-9][0-9]{0,14}$(?!\n)"
TIME_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$(?!\n)"
)

MAX_BYTES: Final = 2**50
MAX_SECONDS: Final = 10 * 366 * 86_400

_UNITS: Final = {"": 2**30, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def priority(text: str) -> int:
    """The number of a priority word."""
    try:
        return PRIORITY_WORDS[text]
    except KeyError:
        raise ValueError(f"Write a number from -100 to 100 or one of {', '.join(PRIORITY_WORDS)}") from None


def memory_bytes(text: str) -> int:
    """Bytes of "1.5GB", "200MB" or "5"; units are powers of 1024, and no unit means GB."""
    if re.search(MEMORY_PATTERN, text) is None:
        raise ValueError('Write a number of bytes, or a text such as "1.5GB" or "200MB" (no unit means GB)')
    number = text.rstrip("KMGTBkmgtb ")
    size = round(float(number) * _UNITS[text[len(number) :].strip().upper()])
    if not 1 <= size <= MAX_BYTES:
        raise ValueError(f"{text!r} is not between 1 byte and 1024 TB")
    return size


def duration_seconds(text: str) -> float:
    """Seconds of "02:30:00" (hours, minutes, seconds; any number of hours), or of "10m" and "1h30m"."""
    if re.search(DURATION_PATTERN, text) is None:
        raise ValueError('Write a number of seconds, or a text as in "10m", "1h30m" or "02:30:00"')
    if ":" in text:
        hours, minutes, seconds = text.split(":")
        total = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    else:
        total = sum(float(n) * _SECONDS[unit] for n, unit in re.findall(r"([0-9.]+)(ms|[smhd])", text))
    if total > MAX_SECONDS:
        raise ValueError(f"{text!r} is longer than ten years")
    return total


def count(text: str) -> int | Literal["infinity"]:
    """The number in "4", or "infinity" itself."""
    if text == "infinity":
        return "infinity"
    if re.search(COUNT_PATTERN, text) is None:
        raise ValueError('Write a whole number or "infinity"')
    return int(text)


def version(text: str) -> int:
    """The number in "16": Keboola writes configuration versions as texts."""
    if re.search(VERSION_PATTERN, text) is None:
        raise ValueError("Write a version as a whole number from 1")
    return int(text)


def time_us(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time; anything finer than a microsecond is dropped."""
    if re.search(TIME_PATTERN, text) is None:
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
