"""A GELF message and its record for the keeper. Pure.

A visibility for each of the eight levels determines what of a message is shown.
"""

import json
import zlib
from math import isfinite
from typing import Any, NamedTuple

from locksided.keeper import strictjson

MAX_MESSAGE_BYTES = 1024 * 1024
"""The limit of one message, decompressed."""
MAX_DEPTH = 32
"""The limit of a record."""
MAX_DIGITS = 18
TEXT_LEVEL = 6
"""The level of text that is not GELF."""
DEFAULT_LEVEL = 1
"""The level of a message without one, as specified by GELF."""
LEVELS = range(8)

NONE, NORMAL, VERBOSE, CAMOUFLAGE = "n", "s", "v", "c"
"""The part of a message that is stored: nothing, its short text, all of it, or all of it for admins only."""
CAMOUFLAGED = "Application error."
"""The text that others see of a message for admins."""
VISIBILITIES = frozenset((NONE, NORMAL, VERBOSE, CAMOUFLAGE))


class TooLarge(ValueError):
    """A message exceeds the size limit."""


class Record(NamedTuple):
    """The stored part of a message. If it is `for_admins`, nobody else sees its text and fields."""

    level: int
    text: str
    fields: dict[str, Any]
    for_admins: bool = False


def unpacked(data: bytes) -> bytes:
    """Return a message decompressed from zlib or gzip, or unchanged if it is neither. Raises TooLarge."""
    if data[:1] != b"\x78" and data[:2] != b"\x1f\x8b":
        return data
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        found = unpacking.decompress(data, MAX_MESSAGE_BYTES + 1)
    except zlib.error:
        return data
    if len(found) > MAX_MESSAGE_BYTES:
        raise TooLarge
    return found if unpacking.eof else data


def record_of(message: bytes, visibilities: str) -> Record | None:
    """Return the stored part of a message by the visibility of its level; None if nothing is stored."""
    document = _read(message)
    level = TEXT_LEVEL if document is None else _level(document.get("level"))
    visibility = visibilities[level]
    if visibility == NONE:
        return None
    if document is None:
        text = message.decode("utf-8", "replace")
        return Record(level, text, {}, visibility == CAMOUFLAGE)
    if visibility == NORMAL:
        return Record(level, document["short_message"], {})
    full = document.get("full_message")
    text = full if isinstance(full, str) and full else document["short_message"]
    fields = {name: value for name, value in document.items() if name.startswith("_")}
    return Record(level, text, fields, visibility == CAMOUFLAGE)


def _read(message: bytes) -> dict[str, Any] | None:
    """Return the object of a GELF message; None for other data."""
    if strictjson.is_deeper(message, MAX_DEPTH - 1):
        return None
    try:
        document = _decode(message.decode())
    except (ValueError, RecursionError):
        return None
    is_gelf = isinstance(document, dict) and isinstance(document.get("short_message"), str)
    return document if is_gelf else None


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if isfinite(number) else digits


_decode = json.JSONDecoder(parse_constant=str, parse_float=_float, parse_int=_integer).decode
"""Numbers that other readers could not represent stay strings."""


def _level(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) == 1:
        value = int(value)
    return value if type(value) is int and value in LEVELS else DEFAULT_LEVEL
