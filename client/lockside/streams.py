"""Where one stands in a stream that the daemon gives in pages: a job's log, or the events.

Pure, for both clients.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockside.protocol.types import Event, EventLost, EventPage, EventPush, LogFrame, LogPage
from lockside.requests import Request, ask

FOLLOW_SECONDS = 25.0
_PAGE = 1000


class LogPlace:
    """A place in a job's log: `next` gives the next page to ask for, `take` the frames of an answer."""

    def __init__(self, job: str, follow: bool, **filters: Any) -> None:
        self._job = job
        self._wait_seconds = FOLLOW_SECONDS if follow else None
        self._filters = filters
        self._offset = 0
        self._is_over = False

    def next(self) -> Request[LogPage] | None:
        """Give the call for the next page, or None at the end."""
        if self._is_over:
            return None
        place = {"id": self._job, "offset": self._offset, "limit": _PAGE, "wait_seconds": self._wait_seconds}
        return ask("job.log", LogPage, **place, **self._filters)

    def take(self, page: LogPage) -> list[LogFrame]:
        """Step behind a page and give its frames."""
        stood_still = page.next_offset == self._offset
        self._offset = page.next_offset
        self._is_over = stood_still and (page.is_complete or self._wait_seconds is None)
        return page.frames


class EventPlace:
    """A place in the events: what to subscribe with, and which gap to read when some were lost."""

    def __init__(self, after: int | None, **filters: Any) -> None:
        self._after = after
        self._filters = filters

    def subscribe(self) -> dict[str, Any]:
        """Give the parameters of a subscription from here on."""
        return ask("event.subscribe", Any, after=self._after, **self._filters).params

    def subscribed(self, cursor: int) -> None:
        """Remember where a subscription began, so that the next one can begin there."""
        if self._after is None:
            self._after = cursor

    def take(self, method: str, params: Any) -> list[Event] | Request[EventPage]:
        """Give the events of a notification, or the call that reads those it says were lost."""
        if method == "event.lost":
            lost = msgspec.convert(params, EventLost)
            return ask(
                "event.list", EventPage, after=lost.from_ - 1, limit=min(lost.to - lost.from_ + 1, 10_000)
            )
        return self._step(msgspec.convert(params, EventPush).events)

    def fill(self, page: EventPage) -> list[Event]:
        """Give the events of a gap, as far as they are still kept."""
        return self._step(page.events)

    def _step(self, events: list[Event]) -> list[Event]:
        new = [event for event in events if self._after is None or event.seq > self._after]
        if new:
            self._after = new[-1].seq
        return new
