"""Where a page of any list ends: after so many entries, or before more bytes than one answer should have.

One entry is always on a page, however large it is: a list can be read to its end whatever is stored.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LINE_BYTES = 8 * 2**20
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is wanted: at most so many entries and about so many bytes, behind `cursor`."""

    limit: int = MAX_LIMIT
    cursor: str | None = None
    max_bytes: int = LINE_BYTES


FIRST_PAGE = PageRequest()


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The entries of a page, whether there are more, and what makes the cursor behind an entry."""

    entries: list[T]
    has_more: bool
    cursor_at: Callable[[T], str]


def first_of(
    entries: Iterable[T], size_of: Callable[[T], int], *, max_bytes: int, limit: int | None = None
) -> tuple[list[T], bool]:
    """Take entries until the page is full, and tell whether there are more.

    No more is read of the entries than the page holds and one beyond, so memory is bounded, too.
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
    """About how many bytes a row's texts have."""
    return sum(len(value) for value in row if isinstance(value, str | bytes))
