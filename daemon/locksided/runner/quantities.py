"""Sizes, durations and parallelism as people write them, checked where they stand in a plain object."""

from typing import Literal

from lockside.protocol import texts
from locksided.core.errors import Invalid
from locksided.runner.fields import as_integer, as_number

Parallelism = int | Literal["infinity"]

_MAX_PARALLELISM = 1_000_000


def size_bytes(value: object, path: str) -> int:
    """A size in bytes from a number of bytes or a text such as "1.5GB". Raises `Invalid`."""
    if not isinstance(value, str):
        return as_integer(value, path, least=1, most=texts.MAX_BYTES)
    try:
        return texts.memory_bytes(value)
    except ValueError as problem:
        raise Invalid(f"{path}: {problem}.", path=path) from None


def duration_seconds(value: object, path: str) -> float:
    """A duration above zero from a number of seconds or a text such as "02:30:00". Raises `Invalid`."""
    try:
        seconds = texts.duration_seconds(value) if isinstance(value, str) else as_number(value, path)
    except ValueError as problem:
        raise Invalid(f"{path}: {problem}.", path=path) from None
    if not 0 < seconds <= texts.MAX_SECONDS:
        raise Invalid(f"{path} must be more than 0 and at most {texts.MAX_SECONDS} seconds.", path=path)
    return float(seconds)


def parallelism(value: object, path: str) -> Parallelism:
    """How many rows may run at once, 0 for one after another; also from a text. Raises `Invalid`."""
    if not isinstance(value, str):
        return as_integer(value, path, least=0, most=_MAX_PARALLELISM)
    try:
        return texts.count(value)
    except ValueError as problem:
        raise Invalid(f"{path}: {problem}.", path=path) from None
