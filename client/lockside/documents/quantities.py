"""Durations, sizes, priorities and counts as people write them, each with one function.

The command line, settings and documents use them. Each accepts a text or a number, returns the canonical
number, and raises ValueError with a sentence that says how to write it. Standard library only.
"""

import re
from math import isfinite
from typing import Final, Literal

PRIORITY_WORDS: Final = {"lowest": -100, "low": -50, "normal": 0, "high": 50, "highest": 100}

PRIORITY_PATTERN: Final = r"^(lowest|low|normal|high|highest|-?[0-9]{1,3})$"
SIZE_PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,9})? ?([KMGTkmgt][Ii]?[Bb]?|[Bb])?$"
DURATION_PATTERN: Final = (
    r"^([0-9]{1,7}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"|([0-9]{1,9}(\.[0-9]{1,6})?(ms|s|m|h|d)){1,5}|[0-9]{1,9}(\.[0-9]{1,6})?)$"
)
MAX_NOTIFICATIONS: Final = 1000
"""The highest limit of notifications of one job that the settings can set."""
COUNT_PATTERN: Final = r"^([0-9]{1,7}|infinity|inf)$"
VERSION_PATTERN: Final = r"^[1-9][0-9]{0,14}$"

MAX_BYTES: Final = 2**50
MAX_COUNT: Final = 1_000_000
MAX_SECONDS: Final = 10 * 366 * 86_400
MAX_DELAY_SECONDS: Final = 366 * 86_400
MAX_GRACE_SECONDS: Final = 86_400

_PREFIXES: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_CLOCK: Final = re.compile(r"([0-9]{1,7}):([0-9]{2})")
_HOW: Final = 'write a number of seconds, or a text such as "90s", "1h30m" or "02:30:00"'


def duration(value: str | float) -> float:
    """Return the seconds of 90, "90", "90s", "1.5h", "1h30m" or "02:30:00" (any number of hours)."""
    seconds = _seconds(value) if isinstance(value, str) else float(value)
    if not isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{value!r} is not a duration from 0 to ten years")
    return seconds


def _seconds(text: str) -> float:
    if re.fullmatch(DURATION_PATTERN[1:-1], text) is None:
        if clock := _CLOCK.fullmatch(text):
            first, second = f"{clock[1]:0>2}", clock[2]
            raise ValueError(
                f'{text!r} can be hours and minutes or minutes and seconds: write "{first}:{second}:00" '
                f'or "00:{first}:{second}"'
            )
        raise ValueError(f"{text[:60]!r} is not a duration: {_HOW}")
    if ":" in text:
        hours, minutes, rest = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)
    if text[-1].isdecimal():
        return float(text)
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|[smhd])", text))


def time_limit(value: str | float) -> float:
    """Return the seconds of a limit, which is more than 0."""
    seconds = duration(value)
    if not seconds:
        raise ValueError("A limit is more than 0: omit it for no limit")
    return seconds


def delay(value: str | float) -> float:
    """Return the seconds between two attempts, at most 366 days."""
    return _at_most(MAX_DELAY_SECONDS, "366 days", duration(value))


def grace_period(value: str | float) -> float:
    """Return the seconds between the stop signal and SIGKILL, at most a day."""
    return _at_most(MAX_GRACE_SECONDS, "24 hours", duration(value))


def _at_most(most: float, words: str, seconds: float) -> float:
    if seconds > most:
        raise ValueError(f"It must be at most {words}")
    return seconds


def size(value: str | int, *, bare: Literal["B", "GB"] = "GB") -> int:
    """Return bytes. KB, MB, GB, TB, K, M, G and T are powers of 1000; KiB, MiB, GiB and TiB of 1024.

    `bare` is the unit of a text without one.
    """
    count = _bytes(value, bare) if isinstance(value, str) else value
    if not 1 <= count <= MAX_BYTES:
        raise ValueError(f"{value!r} is not a size between 1 byte and 1024 TiB")
    return count


def _bytes(text: str, bare: str) -> int:
    if re.fullmatch(SIZE_PATTERN[1:-1], text) is None:
        raise ValueError(
            f'{text[:60]!r} is not a size: write a number of bytes, or a text such as "512MB", "1.5GB" or '
            f'"2GiB" (no unit means {bare})'
        )
    number = text.rstrip("KMGTIBkmgtib ")
    unit = text[len(number) :].strip().upper() or bare
    prefix = unit.rstrip("IB")
    base = 1024 if "I" in unit else 1000
    factor: int = base ** _PREFIXES[prefix]
    return round(float(number) * factor)


def priority(value: str | int) -> int:
    """Return the priority, -100 to 100, for a number or a word such as "high"."""
    number: object = value
    if isinstance(value, str):
        is_number = re.fullmatch(PRIORITY_PATTERN[1:-1], value) and value not in PRIORITY_WORDS
        number = int(value) if is_number else PRIORITY_WORDS.get(value, MAX_COUNT)
    if not isinstance(number, int) or not -100 <= number <= 100:
        words = ", ".join(PRIORITY_WORDS)
        raise ValueError(f"{value!r} is not a priority: write a number from -100 to 100 or one of {words}")
    return number


def count(value: str | int) -> int | Literal["infinity"]:
    """Return a number of slots or rows: a whole number from 0, or "infinity"."""
    if value in ("infinity", "inf"):
        return "infinity"
    if isinstance(value, str) and re.fullmatch(COUNT_PATTERN[1:-1], value) is None:
        raise ValueError(f'{value[:60]!r} is not a count: write a whole number from 0 or "infinity"')
    number = int(value)
    if not 0 <= number <= MAX_COUNT:
        raise ValueError(f"It must be from 0 to {MAX_COUNT}")
    return number


def version(value: str | int) -> int:
    """Return a version, which Keboola writes as a text: "16"."""
    if isinstance(value, str):
        if re.fullmatch(VERSION_PATTERN[1:-1], value) is None:
            raise ValueError("Write a version as a whole number from 1")
        return int(value)
    return value
