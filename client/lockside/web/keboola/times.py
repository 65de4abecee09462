"""Times as written by clients of Keboola: the subset of PHP's formats that they use. UTC by default."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lockside.web.keboola.problems import bad

_UNITS: Final = {
    **dict.fromkeys(("sec", "second"), timedelta(seconds=1)),
    **dict.fromkeys(("min", "minute"), timedelta(minutes=1)),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "fortnight": timedelta(weeks=2),
}
_MONTHS: Final = {"month": 1, "year": 12}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_RELATIVE: Final = re.compile(r"([+-]?)\s*(\d{1,6})\s*([a-z]+?)s?(\s+ago)?")
_WEEKDAY: Final = re.compile(rf"(last|next|this)?\s*({'|'.join(_DAYS)})")


def moment(text: str, now: datetime, name: str) -> datetime:
    """Return the time described by a text. Raises Problem."""
    word = text.strip().lower()
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    plain = {
        "now": now,
        "today": day,
        "midnight": day,
        "yesterday": day - timedelta(days=1),
        "tomorrow": day + timedelta(days=1),
    }
    if word in plain:
        return plain[word]
    try:
        if word.startswith("@"):
            return datetime.fromtimestamp(float(word[1:]), UTC)
        if (found := _WEEKDAY.fullmatch(word)) is not None:
            return _weekday(day, found[1], _DAYS.index(found[2]))
        if (found := _RELATIVE.fullmatch(word)) is not None:
            back = (found[1] == "-") != bool(found[4])
            return _shifted(now, -int(found[2]) if back else int(found[2]), found[3])
        read = datetime.fromisoformat(text.strip().replace(" ", "T", 1).upper())
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError, KeyError, OSError):
        raise bad(f'"{text[:60]}" is no time', f"$.{name}") from None


def _weekday(day: datetime, which: str | None, index: int) -> datetime:
    ahead = (index - day.weekday()) % 7
    if which == "last":
        return day - timedelta(days=(7 - ahead) % 7 or 7)
    return day + timedelta(days=ahead or (7 if which == "next" else 0))


def _shifted(now: datetime, count: int, unit: str) -> datetime:
    if unit in _MONTHS:
        months = now.year * 12 + now.month - 1 + count * _MONTHS[unit]
        first = now.replace(year=months // 12, month=months % 12 + 1, day=1)
        return first + timedelta(days=now.day - 1)  # PHP also overflows into the next month
    return now + count * _UNITS[unit]
