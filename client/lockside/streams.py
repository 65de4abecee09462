"""Where one stands in a stream that the daemon gives in pages: a job's log, or the events.

Pure, for both clients.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UnsetType

from lockside.protocol.types.events import Event, EventLost, EventPage, EventPush, LostEvents
from lockside.protocol.types.logs import LogFrame, LogPage
from lockside.requests import Request, ask

FOLLOW_SECONDS = 25.0
PROGRESS = "job.progress"
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
        self._gap: EventLost | None = None

    def subscribe(self) -> dict[str, Any]:
        """Give the parameters of a subscription from here on."""
        return ask("event.subscribe", Any, after=self._after, **self._filters).params

    def subscribed(self, cursor: int) -> None:
        """Remember where a subscription began, so that the next one can begin there."""
        if self._after is None:
            self._after = cursor

    def take(self, method: str, params: Any) -> list[Event]:
        """Give the events of a notification; when it says that some were lost, `gap` leads to them."""
        if method == "event.lost":
            self._gap = msgspec.convert(params, EventLost)
            return []
        return self._step(msgspec.convert(params, EventPush).events)

    def gap(self) -> Request[EventPage] | None:
        """Give the call that reads the next events of a gap, or None when there is none (any more)."""
        if self._gap is None:
            return None
        place = {"after": self._gap.from_ - 1, "limit": min(self._gap.to - self._gap.from_ + 1, _PAGE)}
        return ask("event.list", EventPage, **place, **self._filters)

    def fill(self, page: EventPage) -> list[Event]:
        """Give the events of a gap; those that are kept no more come as one event of kind `event.lost`."""
        assert self._gap is not None
        missing = [] if isinstance(page.lost, UnsetType) else [_missing(page.lost)]
        found = [event for event in page.events if event.seq <= self._gap.to]
        is_read = len(found) < len(page.events) or not found or page.cursor >= self._gap.to
        if is_read:
            self._gap = None
        else:
            self._gap = msgspec.structs.replace(self._gap, from_=page.cursor + 1)
        return self._step([*missing, *found])

    def _step(self, events: list[Event]) -> list[Event]:
        """Those that were not given before; a job's progress is in no history and moves no cursor."""
        new = []
        for event in events:
            if event.kind == PROGRESS:
                new.append(event)
            elif self._after is None or event.seq > self._after:
                new.append(event)
                self._after = event.seq
        return new


def _missing(lost: LostEvents) -> Event:
    data = {"from": lost.from_, "to": lost.to}
    return Event(seq=lost.to, time="", kind="event.lost", data=data)
