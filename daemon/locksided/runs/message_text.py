"""Texts for people, kept short."""

from datetime import UTC, datetime

MAX_MESSAGE_CHARACTERS = 4096
_TRIMMED = "[trimmed]"
_OMITTED = "… "


def moment(time_us: int) -> str:
    """Format a time for a sentence, to the second."""
    return f"{datetime.fromtimestamp(time_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def cut(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return the text; if it is too long, its end is replaced by "[trimmed]"."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - len(_TRIMMED)] + _TRIMMED


def last_of(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return the text; if it is too long, its beginning is replaced by "… ": the end matters most."""
    return text if len(text) <= limit else _OMITTED + text.removeprefix(_OMITTED)[len(_OMITTED) - limit :]
