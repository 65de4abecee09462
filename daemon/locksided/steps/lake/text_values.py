"""Values and times as strings: as compared by filters, and as written to CSV."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lockside.documents import times
from locksided.steps.lake.engine import name
from locksided.steps.program import UserFault
from locksided.tables.orders import Column


def as_text(column: Column) -> str:
    """Return the SQL expression for a column's value as in CSV."""
    value = name(column.name)
    if column.type == "TIMESTAMP":
        text = f"({value} AT TIME ZONE 'UTC')::VARCHAR"
        return f"CASE WHEN contains({text}, '.') THEN rpad({text}, 26, '0') ELSE {text} END"
    return f"{value}::VARCHAR"


def plain(value: Any) -> str:
    """Return a JSON value as the string that it is compared with."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


_BEGIN = datetime.fromtimestamp(0, UTC)


def micros_of(moment: datetime) -> int:
    """Return the microseconds since the epoch."""
    return (moment - _BEGIN) // timedelta(microseconds=1)


def moment_at(micros: int) -> datetime:
    """Return the time a number of microseconds after the epoch."""
    return _BEGIN + timedelta(microseconds=micros)


def moment_of(text: str, now_us: int) -> datetime | None:
    """Parse a time like `lockside.documents.times`; None for an empty text. Raises UserFault."""
    try:
        return times.moment_of(text, now_us)
    except ValueError as problem:
        raise UserFault(str(problem)) from None
