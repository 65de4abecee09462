"""Calls that are longer than one message: lists are read page by page, `catalog.apply` is sent in parts.
Pure; uses only the standard library.
"""

from __future__ import annotations

import os

from lockside.kinds import KINDS, with_files
from lockside.transport import encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.errors import LocksideError

    Json = dict[str, Any]

PAGE = 1000

LISTS = {
    "job.list": ("jobs", 100),
    "job.wait": ("jobs", None),
    "event.list": ("events", 1000),
    "schedule.ledger": ("rows", 100),
    "trigger.ledger": ("rows", 100),
    "recovery.list": ("conditions", 1000),
    "storage.table.list": ("tables", None),
    "storage.table.history": ("versions", None),
    "storage.file.list": ("files", None),
    "notification.deliveries": ("deliveries", 1000),
    "token.list": ("tokens", None),
    **{f"{kind.methods}.list": (kind.listed, None) for kind in KINDS.values()},
    **{f"{kind.methods}.versions": ("versions", None) for kind in KINDS.values() if kind.verbs},
}
"""The member of a result with the entries, and the daemon's default `limit` if it ends a list."""


class Pages:
    """The calls of one method that read as many entries as its `limit` says, for any size of the daemon's
    pages. `asked` has the parameters of the next call, or is None if no other is needed. A method that is not
    a list needs one call.
    """

    def __init__(self, method: str, params: Json) -> None:
        self.method = method
        self.answer: Any = None
        self._member, default = LISTS.get(method, ("", None))
        self._left: int | None = params.get("limit", default)
        self.asked: Json | None = params | self._limit() if "limit" in params else params

    @classmethod
    def of_all(cls, method: str, params: Json) -> Pages:
        """Read a list to its end; `limit` is the maximum size of one page."""
        pages = cls(method, {"limit": PAGE} | params)
        pages._left = None
        return pages

    def take(self, page: Any) -> None:
        """Process a page: set `asked` for the next call."""
        assert self.asked is not None
        cursor = page.get("nextCursor") if self._member and isinstance(page, dict) else None
        if cursor and self._left is not None:
            self._left -= len(page[self._member])
        if not cursor or self._left == 0:
            self.asked = None
            return
        self.asked = {name: value for name, value in self.asked.items() if name != "count"}
        self.asked |= {"cursor": cursor} | self._limit()

    def _limit(self) -> Json:
        """Return the limit of a page: the daemon refuses one above `PAGE`."""
        is_large = self._member and isinstance(self._left, int) and self._left > PAGE
        return {} if self._left is None else {"limit": PAGE if is_large else self._left}

    def join(self, page: Any) -> None:
        """Add a page to `answer`, which finally equals the result of a single call."""
        if self.answer is None:
            self.answer = page
            return
        entries = self.answer[self._member]
        entries += page[self._member]
        self.answer |= page | {self._member: entries}


PART_BYTES = 2**18

_KINDS = tuple(kind.plural for kind in with_files())


class Part:
    """The parameters of one `catalog.stage`, and the indexes of its objects in the whole request."""

    def __init__(self, common: Json) -> None:
        self.params = dict(common)
        self._first_places: dict[str, int] = {}

    def add(self, kind: str, place: int, item: Json) -> None:
        """Add an object."""
        self._first_places.setdefault(kind, place)
        self.params.setdefault(kind, []).append(item)

    def located(self, error: LocksideError) -> LocksideError:
        """Return an error of this part with the index of the wrong field in the whole request."""
        error.message = self._shifted(error.message)
        error.args = (error.message,)
        if error.path is not None:
            error.data["path"] = self._shifted(error.path)
        return error

    def _shifted(self, text: str) -> str:
        import re

        def shifted(found: re.Match[str]) -> str:
            return f"{found[1]}[{int(found[2]) + self._first_places.get(found[1], 0)}]"

        return re.sub(rf"\b({'|'.join(_KINDS)})\[(\d+)\]", shifted, text)


def cut(params: Json) -> tuple[list[Part], Json]:
    """Split the parameters of `catalog.apply` into parts to stage before it, and its remaining parameters.
    There are no parts if all is short, or already staged. Raises InvalidParams for values that are not JSON.
    """
    if params.get("draft"):
        return [], params
    draft = os.urandom(12).hex()
    common = {name: params[name] for name in ("project", "branchId") if name in params} | {"draft": draft}
    parts: list[Part] = []
    left_bytes = 0
    for kind in _KINDS:
        for place, item in enumerate(params.get(kind, ())):
            size_bytes = len(encoded(item))
            if size_bytes > left_bytes:
                parts.append(Part(common))
                left_bytes = PART_BYTES
            left_bytes -= size_bytes
            parts[-1].add(kind, place, item)
    if len(parts) <= 1:
        return [], params
    # A kind that was given stays given: `prune` deletes its objects that are not named.
    return parts, params | {"draft": draft} | {kind: [] for kind in _KINDS if kind in params}
