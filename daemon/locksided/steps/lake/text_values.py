"""Values and times as texts: what filters compare, and what CSV contains."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lockside.documents.storage import RELATIVE_TIME
from locksided.steps.lake.engine import name
from locksided.steps.program import UserFault
from locksided.tables.orders import Column

_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}


def as_text(column: Column) -> str:
    """The column's value as CSV has it, in SQL."""
    value = name(column.name)
    if column.type == "TIMESTAMP":
        return f"({value} AT TIME ZONE 'UTC')::VARCHAR"
    return f"{value}::VARCHAR"


def plain(value: Any) -> str:
    """A value of JSON as the text that it is compared with."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


_BEGIN = datetime.fromtimestamp(0, UTC)


def micros_of(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _BEGIN) // timedelta(microseconds=1)


def moment_at(micros: int) -> datetime:
    """The moment so many microseconds after the epoch."""
    return _BEGIN + timedelta(microseconds=micros)


def moment_of(text: str, now_us: int) -> datetime | None:
    """A time: ISO 8601, Unix seconds, or `-N days` before now; None for none. Raises UserFault."""
    text = text.strip()
    if not text:
        return None
    if text.isdecimal():
        return datetime.fromtimestamp(int(text), UTC)
    relative = RELATIVE_TIME.fullmatch(text)
    if relative is not None:
        now = datetime.fromtimestamp(now_us / 1e6, UTC)
        return now - timedelta(days=int(relative[1]) * _DAYS[relative[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserFault(f'"{text}" is not a time.') from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
