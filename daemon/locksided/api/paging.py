"""The answers of lists: as many entries as a line of the wire holds, and where the next page begins.

Every list on the wire is made here, so none can become too long to be answered.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from locksided.store import cursors
from locksided.store.paging import PageRequest, Slice, first_of

T = TypeVar("T")

View = dict[str, Any]

AROUND_BYTES = 1024
"""What an answer has beside its entries."""

_encode = msgspec.json.Encoder().encode


def listed(
    member: str,
    found: Slice[T],
    view: Callable[[T], Any],
    line_bytes: int,
    *,
    always: Iterable[View] = (),
) -> View:
    """The answer of a list, its entries encoded. `always` stand before the entries of the first page."""
    texts, is_cut = first_of(
        (_encode(view(entry)) for entry in found.entries), len, max_bytes=line_bytes - AROUND_BYTES
    )
    has_more = bool(texts) and (is_cut or found.has_more)
    return {
        member: [*always, *map(Raw, texts)],
        "nextCursor": found.cursor_at(found.entries[len(texts) - 1]) if has_more else None,
    }


def listed_by_id(member: str, views: Iterable[View], request: PageRequest) -> View:
    """The answer of a list of all these views, which are in the order of their ids."""
    (after,) = cursors.read(request.cursor, member, tuple[str]) or ("",)
    behind = [view for view in views if view["id"] > after]
    has_more = len(behind) > request.limit
    found = Slice(behind[: request.limit], has_more, lambda view: cursors.written(member, view["id"]))
    return listed(member, found, lambda view: view, request.max_bytes)


def in_lines(
    entries: Iterable[T], view: Callable[[T], Any], line_bytes: int
) -> Iterator[tuple[T, list[Raw]]]:
    """The entries in as many parts as they need lines: the last entry of each, and the part encoded."""
    left = list(entries)
    while left:
        page = listed("part", Slice(left, False, lambda _: ""), view, line_bytes)
        count = len(page["part"])
        yield left[count - 1], page["part"]
        left = left[count:]
