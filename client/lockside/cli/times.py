"""Formats times and amounts for people: `3 min ago`, `Sat 14:05`, `1.5 GB`. `now` is always a parameter."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

ARE_UTC = ContextVar("times are told in UTC", default=False)
"""Whether times are told in UTC with the word beside them: who reads them may be in another zone."""
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def parsed(text: str) -> datetime:
    """Parse a time of the wire, RFC 3339."""
    from datetime import datetime

    return datetime.fromisoformat(text)


def text_of_seconds(seconds: float) -> str:
    """Format seconds since the epoch as a time of the wire."""
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def span(seconds: float) -> str:
    """Format a duration in its two largest units: `4.2 s`, `3 min 20 s`, `2 d 4 h`."""
    if seconds < 0.0995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return _two_units(round(seconds))


def _two_units(left: int) -> str:
    parts = []
    for size, unit in _UNITS:
        count, left = divmod(left, int(size))
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def ago(text: str | None, now: datetime) -> str:
    """Format a time of the wire relative to now: past times in one unit, future ones in two, rounded."""
    if not text:
        return ""
    seconds = (now - parsed(text)).total_seconds()
    if seconds < 0:
        step = 3600 if seconds < -86400 else 60 if seconds < -3600 else 1
        return "in " + _two_units(round(-seconds / step) * step)
    return _one_unit(seconds) + " ago"


def _one_unit(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def now() -> datetime:
    """Return the current time in UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC)


def local(text: str | None, now: datetime) -> str:
    """Format a wire timestamp in the local time zone; the date is omitted for today."""
    if not text:
        return ""
    if ARE_UTC.get():
        return utc(text)
    there = parsed(text).astimezone()
    if there.date() == now.astimezone().date():
        return f"{there:%H:%M:%S}"
    return f"{there:%Y-%m-%d %H:%M:%S}"


def utc(text: str | None) -> str:
    """Give a time of the wire as `2026-01-31 08:00:00 UTC`."""
    from datetime import UTC

    return f"{parsed(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if text else ""


def size(count: float) -> str:
    """Format a number of bytes: `512 B`, `3.4 MB`; units are powers of 1000, as in input."""
    units = ("B", "kB", "MB", "GB", "TB")
    index = 0
    while count >= 1000 and index < len(units) - 1:
        count /= 1000
        index += 1
    return f"{count:.0f} B" if not index else f"{count:.1f} {units[index]}"


def since(text: str, now: datetime) -> datetime:
    """Parse a past time: 2h, 14:05, today, yesterday, 2026-01-31, 2026-01-31T14:00."""
    import re
    from datetime import UTC, datetime, timedelta

    today = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    if text in {"today", "yesterday"}:
        return today - timedelta(days=1 if text == "yesterday" else 0)
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", text)
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60 and int(clock[3] or 0) < 60:
        at = today.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0))
        return at if at <= now else at - timedelta(days=1)
    from lockside.documents.quantities import duration

    try:
        return now - timedelta(seconds=duration(text))
    except ValueError:
        pass
    try:
        there = datetime.fromisoformat(text)
        there = there if there.tzinfo else there.astimezone()
        there.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"'{text}' is not a time; write 2h, 14:05, today, yesterday, 2026-01-31 or 2026-01-31T14:00."
        ) from None
    return there


def wire_since(text: str | None, command: str) -> str | None:
    """Convert the value of a command's --since to a time of the wire; raises UsageError."""
    from lockside.cli.grammar import UsageError

    try:
        return None if text is None else wire(since(text, now()))
    except ValueError as error:
        raise UsageError(f"--since: {error}", command) from error


def wire_ago(seconds: float) -> str:
    """Return the time so many seconds ago as a time of the wire."""
    import time

    return text_of_seconds(time.time() - seconds)


def wire(time: datetime) -> str:
    """Format a time for the wire."""
    from datetime import UTC

    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
