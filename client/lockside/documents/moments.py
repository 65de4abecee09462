"""Moments as mappings name them: a time, or a span before now."""

import re
from datetime import UTC, datetime, timedelta

ADAPTIVE = "adaptive"
RELATIVE_TIME = re.compile(r"-?\s*(\d+)\s*(minute|hour|day|week|month)s?")
_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0}


def is_moment(text: str) -> bool:
    """Whether a text is a time: ISO 8601, seconds since the epoch, or before now as in `-2 days`."""
    try:
        moment_of(text, 0)
    except ValueError:
        return False
    return True


def moment_of(text: str, now_us: int) -> datetime | None:
    """A time: ISO 8601, Unix seconds, or `-N days` before now; None for none. Raises ValueError."""
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
