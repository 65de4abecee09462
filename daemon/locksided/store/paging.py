"""The end of a page of any list: after a number of entries, or before exceeding a number of bytes.

A page has at least one entry, however large: every list can be read to its end.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LINE_BYTES = 8 * 2**20
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The wanted part of a list: at most `limit` entries and about `max_bytes` bytes, after `cursor`."""

    limit: int = MAX_LIMIT
    cursor: str | None = None
    max_bytes: int = LINE_BYTES


FIRST_PAGE = PageRequest()


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The entries of a page, whether there are more, and what returns the cursor after an entry."""

    entries: list[T]
    has_more: bool
    cursor_at: Callable[[T], str]


def first_of(
    entries: Iterable[T], size_of: Callable[[T], int], *, max_bytes: int, limit: int | None = None
) -> tuple[list[T], bool]:
    """Take entries until the page is full, and return whether there are more.

    At most one entry more than the page holds is read, so memory is bounded, too.
    """
    taken: list[T] = []
    size_bytes = 0
    for entry in entries:
        size_bytes += size_of(entry)
        if taken and (size_bytes > max_bytes or len(taken) == limit):
            return taken, True
        taken.append(entry)
    return taken, False


def row_bytes(row: Sequence[Any]) -> int:
    """Return roughly the number of bytes in a row's texts."""
    return sum(len(value) for value in row if isinstance(value, str | bytes))
