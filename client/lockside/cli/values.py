"""What people write on a command line, made into numbers: durations, sizes, priorities. No I/O, no clock."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PRIORITIES = {"lowest": -100, "low": -50, "normal": 0, "high": 50, "highest": 100}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "ms": 0.001}
_BYTES = {"": 2**30, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def integer(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"'{text}' is no whole number.") from None


def duration(text: str) -> float:
    """Read a duration into seconds: 90, 1.5h, 1h30m, 02:30:00."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    clock = re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)", text)
    if clock:
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(f"'{text}' is no duration; write 90, 45s, 10m, 1h30m, 2d or 02:30:00.")


def size(text: str) -> int:
    """Read a size into bytes: 512MB, 1.5GB; units are powers of 1024, and no unit means GB."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)(i?B)?", text, re.IGNORECASE)
    if not found:
        raise ValueError(f"'{text}' is no size; write 512MB or 1.5GB (no unit means GB).")
    unit = found[2].upper() or ("B" if found[3] else "")
    return int(float(found[1]) * _BYTES[unit])


def priority(text: str) -> int:
    """Read a priority: -100 to 100, or lowest, low, normal, high, highest."""
    if text in PRIORITIES:
        return PRIORITIES[text]
    try:
        number = int(text)
    except ValueError:
        number = 1000
    if not -100 <= number <= 100:
        from lockside.cli.grammar import suggestion

        words = ", ".join(PRIORITIES)
        hint = suggestion(text, list(PRIORITIES))
        raise ValueError(f"'{text}' is no priority; it is -100 to 100, or one of {words}.{hint}")
    return number


def slots(text: str) -> int | str:
    """Read a number of slots: 0 or more, or `infinity`."""
    if text in {"infinity", "inf"}:
        return "infinity"
    if not text.isdigit():
        raise ValueError(f"'{text}' is no number of slots; it is 0 or more, or infinity.")
    return int(text)


KINDS: dict[str, Callable[[str], object]] = {
    "integer": integer,
    "duration": duration,
    "size": size,
    "priority": priority,
    "slots": slots,
}
