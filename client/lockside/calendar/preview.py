"""The next moments of a schedule, with the effect of a clock change or an excluded date on each."""

from collections.abc import Sequence
from typing import Any

from lockside.calendar.calendars import Calendar
from lockside.calendar.walltimes import offset_at
from lockside.documents.schedule import ScheduleSpec
from lockside.documents.times import time_text


def preview(
    spec: ScheduleSpec,
    from_us: int,
    count: int,
    offset_us: int = 0,
    decided: Sequence[tuple[int, int]] = (),
) -> dict[str, Any]:
    """Return the result of `schedule.next`: the first `count` moments after a time, except `decided` ones."""
    calendar, exclusions = spec.calendar(), spec.exclusions()
    found: list[dict[str, Any]] = []
    moment_us = calendar.after(from_us)
    while moment_us is not None and len(found) < count:
        if not any(first <= moment_us <= last for first, last in decided):
            is_excluded = any(start <= moment_us < end for start, end in exclusions)
            found.append(_view(calendar, moment_us, offset_us, is_excluded=is_excluded))
        moment_us = calendar.after(moment_us)
    return {"moments": found, "says": spec.sentence()}


def _view(calendar: Calendar, moment_us: int, offset_us: int, *, is_excluded: bool) -> dict[str, Any]:
    entry = calendar.entry(moment_us)
    note = f"{entry.wall:%Y-%m-%d} is excluded; does not fire" if is_excluded else entry.note
    return {
        "moment": time_text(moment_us),
        "wall": entry.wall.isoformat(),
        "utcOffset": _offset(offset_at(moment_us, calendar.zone)),
        "dueTime": time_text(moment_us + offset_us),
        "note": note or None,
    }


def _offset(ahead_us: int) -> str:
    minutes, sign = abs(ahead_us) // 60_000_000, "-" if ahead_us < 0 else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"
