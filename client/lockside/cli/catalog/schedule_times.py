"""Times of schedules for people: in the schedule's zone, with its offset. `now` is always a parameter."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

from lockside.calendar.zones import UnknownZoneError, zone

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
HOW = 'write a time such as "18:00", "yesterday", "2026-01-31" or "2026-01-31T08:00:00Z"'


def rules(name: str | None) -> tzinfo:
    """Return the zone of a name; UTC if this machine does not know it."""
    try:
        return zone(name or "UTC").rules
    except UnknownZoneError:
        return UTC


def shown(moment: str | None, where: tzinfo) -> str:
    """Format a time of the wire as local time: 2026-01-31 08:00:00+01:00."""
    if moment is None:
        return ""
    local = datetime.fromisoformat(moment).astimezone(where)
    return local.isoformat(" ", "seconds")


def moment(text: str, where: tzinfo, now: datetime) -> str:
    """Parse a time, or the start of a day, and return it as on the wire. Raises ValueError. A time of day
    without a date is its next occurrence.
    """
    local = now.astimezone(where)
    if text in _DAYS:
        return _wire(datetime.combine(local.date() + timedelta(days=_DAYS[text]), time(), where))
    if found := _CLOCK.fullmatch(text):
        meant = datetime.combine(local.date(), time(int(found[1]), int(found[2])), where)
        return _wire(meant if meant > local else meant + timedelta(days=1))
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a time: {HOW}.") from None
    return _wire(read if read.tzinfo else read.replace(tzinfo=where))


def _wire(read: datetime) -> str:
    return read.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
