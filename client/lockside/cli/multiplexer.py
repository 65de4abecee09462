"""Many concurrent calls on one connection, and events as they happen, for live views. It only reads, so
outstanding calls are sent again when the daemon comes back; a subscription continues after the last event
that was seen. Nothing here polls: `next` sleeps until something arrives.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from time import monotonic

from lockside.cli.session import Json, Session
from lockside.errors import ConnectionLost, LocksideError, NotReachable, Unavailable, from_wire
from lockside.pages import Pages
from lockside.session import run
from lockside.transport import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

EVENTS = "events"
LOST = "lost"
# Below the daemon's default limit per connection.
_MOST_UNANSWERED = 240


class Arrival:
    """Something that arrived: the answer to the call with this tag, or `EVENTS`, or `LOST` if some were
    missed. `value` raises the daemon's error if the call was refused.
    """

    __slots__ = ("_error", "_value", "tag")

    def __init__(self, tag: Hashable, value: Any, error: LocksideError | None = None) -> None:
        self.tag = tag
        self._value = value
        self._error = error

    @property
    def value(self) -> Any:
        """The result, or the list of events; raises LocksideError."""
        if self._error is not None:
            raise self._error
        return self._value


class Multiplexer:
    """`ask` sends calls, `watch` subscribes to events, `next` returns what arrives."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection: Connection = session.link.connect()
        self._arrivals: list[Arrival] = []
        self._unsent: list[tuple[Hashable, Pages]] = []
        self._asked: dict[int, tuple[Hashable, Pages]] = {}
        self._watched: Json | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.link.drop(self._connection)

    def ask(self, tag: Hashable, method: str, /, **params: Any) -> None:
        """Send a call; `next` returns its answer with this tag. Parameters that are None are not sent."""
        self._ask(tag, Pages(method, self._session.engine.given(method, params)))

    def _ask(self, tag: Hashable, pages: Pages) -> None:
        self._unsent.append((tag, pages))
        self._send()

    def watch(self, **filters: Any) -> None:
        """Subscribe to the events that match the filters of `event.subscribe`, from now on."""
        self._watched = filters
        self.ask(self._watching, "event.subscribe", **filters)

    def next(self, timeout: float | None = None) -> Arrival | None:
        """Return what arrives next, or None after the timeout; survives a restart of the daemon."""
        deadline = None if timeout is None else monotonic() + timeout
        while not self._arrivals:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            try:
                message = self._connection.receive(left)
                if message is None:
                    return None
                self._take(message)
            except (NotReachable, Unavailable) as error:
                self._reconnect(error)
        return self._arrivals.pop(0)

    def _watching(self) -> None:
        """Serve as the tag of the answer to the subscription, which is internal."""

    def _reconnect(self, cause: LocksideError) -> None:
        """Wait for the daemon and send all unanswered calls again."""
        absence = self._session.engine.absence()
        self._session.link.drop(self._connection)
        while run(absence.goes_on(cause)):
            try:
                self._connection = self._session.link.connect()
            except (NotReachable, Unavailable) as error:
                cause = error
                continue
            self._resend()
            return
        raise ConnectionLost("The daemon went away and did not come back.")

    def _resend(self) -> None:
        calls = [*self._asked.values(), *self._unsent]
        open_calls = [call for call in calls if call[0] != self._watching]
        self._asked, self._unsent = {}, []
        if self._watched is not None:
            self.ask(self._watching, "event.subscribe", **self._watched)
        for tag, pages in open_calls:
            self._ask(tag, pages)

    def _send(self) -> None:
        """Send queued calls up to the daemon's limit of open calls."""
        while self._unsent and len(self._asked) < _MOST_UNANSWERED:
            tag, pages = self._unsent.pop(0)
            assert pages.asked is not None
            with suppress(ConnectionLost):  # It is sent again when `next` notices the loss.
                self._connection.send(pages.method, pages.asked)
            self._asked[self._connection.last_id] = tag, pages

    def _take(self, message: Json) -> None:
        if "method" in message:
            self._handle_notification(message["method"], message.get("params") or {})
            return
        asked = self._asked.get(message.get("id", 0))
        if asked is None:
            return
        error = from_wire(message["error"]) if message.get("error") else None
        if isinstance(error, Unavailable):
            raise error  # The daemon is stopping: open calls are sent again to the next one.
        del self._asked[message["id"]]
        self._send()
        tag, pages = asked
        if error is not None:
            self._arrivals.append(Arrival(tag, None, error))
        elif tag == self._watching and self._watched is not None:
            self._watched.setdefault("after", message["result"]["cursor"])
        else:
            self._take_page(tag, pages, message.get("result"))

    def _take_page(self, tag: Hashable, pages: Pages, page: Any) -> None:
        pages.take(page)
        pages.join(page)
        if pages.asked is None:
            self._arrivals.append(Arrival(tag, pages.answer))
        else:
            self._ask(tag, pages)

    def _handle_notification(self, method: str, params: Json) -> None:
        if method == "event.lost":
            self._arrivals.append(Arrival(LOST, params))
            return
        found = params.get("events") or []
        if found and self._watched is not None:
            self._watched["after"] = max(self._watched.get("after", 0), found[-1].get("seq") or 0)
        self._arrivals.append(Arrival(EVENTS, found))
