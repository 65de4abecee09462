"""Which calls read a list, page by page. Pure; it uses the standard library alone."""

from __future__ import annotations

from lockside.kinds import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
"""The member of an answer that has the entries, and the daemon's default `limit` where it ends a list."""


class Pages:
    """The calls of one method that read as many entries as its `limit` says, however the daemon cuts them.

    `asked` has the parameters of the next call, and is None when no other is needed. A method that is no
    list takes one call.
    """

    def __init__(self, method: str, params: Json) -> None:
        self.method = method
        self.answer: Any = None
        self._member, default = LISTS.get(method, ("", None))
        self._left: int | None = params.get("limit", default)
        self.asked: Json | None = params | self._limit() if "limit" in params else params

    @classmethod
    def of_all(cls, method: str, params: Json) -> Pages:
        """Read a list to its end; `limit` is the most that one page has."""
        pages = cls(method, {"limit": PAGE} | params)
        pages._left = None
        return pages

    def take(self, page: Any) -> None:
        """Go on to the call that follows this answer."""
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
        """Add an answer to `answer`, which in the end is as if one call had been enough."""
        if self.answer is None:
            self.answer = page
            return
        entries = self.answer[self._member]
        entries += page[self._member]
        self.answer |= page | {self._member: entries}
