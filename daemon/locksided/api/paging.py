"""The answers of lists: as many entries as fit into a line of the wire, and the start of the next page.

Every list on the wire is made here, so that none can be too long.
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
"""The size of an answer without its entries."""

_encode = msgspec.json.Encoder().encode


def listed(
    member: str,
    found: Slice[T],
    view: Callable[[T], Any],
    line_bytes: int,
    *,
    always: Iterable[View] = (),
) -> View:
    """Return the answer of a list, its entries encoded. `always` precede the entries of the first page."""
    texts, is_cut = first_of(
        (_encode(view(entry)) for entry in found.entries), len, max_bytes=line_bytes - AROUND_BYTES
    )
    has_more = bool(texts) and (is_cut or found.has_more)
    return {
        member: [*always, *map(Raw, texts)],
        "nextCursor": found.cursor_at(found.entries[len(texts) - 1]) if has_more else None,
    }


def listed_by_id(member: str, views: Iterable[View], request: PageRequest) -> View:
    """Return the answer of a list of these views, which are sorted by id."""
    (after,) = cursors.read(request.cursor, member, tuple[str]) or ("",)
    behind = [view for view in views if view["id"] > after]
    has_more = len(behind) > request.limit
    found = Slice(behind[: request.limit], has_more, lambda view: cursors.written(member, view["id"]))
    return listed(member, found, lambda view: view, request.max_bytes)


def in_lines(
    entries: Iterable[T], view: Callable[[T], Any], line_bytes: int
) -> Iterator[tuple[T, list[Raw]]]:
    """Yield the entries in as many parts as lines are needed: the last entry, and the encoded part."""
    left = list(entries)
    while left:
        page = listed("part", Slice(left, False, lambda _: ""), view, line_bytes)
        count = len(page["part"])
        yield left[count - 1], page["part"]
        left = left[count:]
