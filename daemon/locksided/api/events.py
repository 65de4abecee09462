"""The methods of events: what happened, in order, as a list or as a stream."""

import anyio

from lockside.protocol.methods import events as p
from lockside.protocol.types import events as t
from locksided import clock
from locksided.actors.broker import PROGRESS
from locksided.api.paging import View, in_lines, listed
from locksided.api.service import Service
from locksided.core.errors import Limit, NotFound
from locksided.server.calls import Call
from locksided.server.connection import ClientConnection
from locksided.server.handlers import handler
from locksided.store.events import EventFilter, seq_at
from locksided.store.rows import EventRow

PUSHED_AT_ONCE = 500
HELD_EVENTS = 10_000


class EventMethods:
    """`event.*`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._subscriptions: dict[ClientConnection, dict[str, EventSubscription]] = {}
        self._numbers = 0

    @handler
    async def list(self, call: Call, params: p.EventList) -> View:
        begin = seq_at(params.cursor)
        after = params.after or 0 if begin is None else begin
        store, line_bytes = self._service.store, self._service.line_bytes
        oldest = await store.oldest_seq()
        async with call.connection.turn():
            found = await store.event_page(self._filter(params), after, params.limit, line_bytes)
            answer = listed("events", found, event_view, line_bytes)
        count = len(answer["events"])
        answer["cursor"] = found.entries[count - 1].seq if count else max(after, 0)
        is_begun = begin is not None or params.after is not None
        if is_begun and oldest is not None and after + 1 < oldest:
            answer["lost"] = {"from": after + 1, "to": oldest - 1}
        return answer

    def _filter(self, params: p.EventFilters) -> EventFilter:
        job_id = None if params.job is None else self._service.job_id(params.job, "$.job")
        return EventFilter(params.project, tuple(params.kinds), job_id, params.run_id_prefix)

    @handler
    async def subscribe(self, call: Call, params: p.EventSubscribe) -> t.Subscription:
        wanted = self._filter(params)
        most = self._service.settings.limits.subscriptions
        if len(self._subscriptions.get(call.connection, ())) >= most:
            raise Limit(f"This connection has its {most} subscriptions: event.unsubscribe one of them.")
        cursor = params.after if params.after is not None else await self._service.store.last_seq()
        self._numbers += 1
        subscription = EventSubscription(str(self._numbers), wanted, cursor, self._service, call.connection)
        known = self._subscriptions.setdefault(call.connection, {})
        known[subscription.id] = subscription
        call.connection.start_soon(self._push, subscription, call.connection)
        return t.Subscription(subscription=subscription.id, cursor=cursor)

    async def _push(self, subscription: "EventSubscription", connection: ClientConnection) -> None:
        try:
            await subscription.run()
        finally:
            known = self._subscriptions.get(connection, {})
            known.pop(subscription.id, None)
            if not known:
                self._subscriptions.pop(connection, None)

    @handler
    async def unsubscribe(self, call: Call, params: p.EventUnsubscribe) -> t.Unsubscribed:
        known = self._subscriptions.get(call.connection, {})
        subscription = known.get(params.subscription)
        if subscription is None:
            raise NotFound(
                f"This connection has no subscription '{params.subscription}'.", path="$.subscription"
            )
        subscription.end()
        return t.Unsubscribed(subscription=params.subscription)


class EventSubscription:
    """One stream of events to one connection; it lives as long as the connection.

    It reads earlier events from the store, then takes committed ones. A reader that falls behind by more than
    is buffered is notified of the gap and continues after it.
    """

    def __init__(
        self, number: str, wanted: EventFilter, cursor: int, service: Service, connection: ClientConnection
    ) -> None:
        self.id = number
        self._wanted = wanted
        self._cursor = cursor
        self._service = service
        self._connection = connection
        self._held: list[EventRow] = []
        self._lost: tuple[int, int] | None = None
        self._arrived = anyio.Event()
        self._scope = anyio.CancelScope()

    def end(self) -> None:
        """Stop the stream."""
        self._scope.cancel()

    async def run(self) -> None:
        """Push until the connection ends."""
        with self._scope, self._service.broker.watching(self._take):
            await self._catch_up()
            while True:
                await self._arrived.wait()
                self._arrived = anyio.Event()
                await self._push_held()

    def _take(self, events: list[EventRow], _kinds: frozenset[str]) -> None:
        """Buffer committed events; called by the broker, never waits."""
        matching = [event for event in events if self._wanted.matches(event)]
        if not matching:
            return
        if len(self._held) + len(matching) > HELD_EVENTS:
            first = self._lost[0] if self._lost else (self._held or matching)[0].seq
            self._lost = (first, matching[-1].seq)
            self._held = []
        else:
            self._held += matching
        self._arrived.set()

    async def _catch_up(self) -> None:
        store = self._service.store
        oldest = await store.oldest_seq()
        if oldest is not None and self._cursor + 1 < oldest:
            await self._tell_lost(self._cursor + 1, oldest - 1)
            self._cursor = oldest - 1
        while events := await store.events_after(self._wanted, self._cursor, PUSHED_AT_ONCE):
            await self._push(events)

    async def _push_held(self) -> None:
        lost, self._lost = self._lost, None
        held, self._held = self._held, []
        if lost is not None:
            await self._tell_lost(*lost)
            self._cursor = lost[1]
        fresh = [event for event in held if event.seq > self._cursor or event.kind == PROGRESS]
        for start in range(0, len(fresh), PUSHED_AT_ONCE):
            await self._push(fresh[start : start + PUSHED_AT_ONCE])

    async def _push(self, events: list[EventRow]) -> None:
        for last, views in in_lines(events, event_view, self._service.line_bytes):
            await self._connection.room()
            self._cursor = max(self._cursor, last.seq)
            self._connection.notify("event", {"subscription": self.id, "events": views})

    async def _tell_lost(self, first: int, last: int) -> None:
        await self._connection.room()
        self._connection.notify("event.lost", {"subscription": self.id, "from": first, "to": last})


def event_view(event: EventRow) -> View:
    """Return one event in wire form."""
    return {
        "seq": event.seq,
        "time": clock.to_text(event.time_us),
        "kind": event.kind,
        "project": event.project,
        "job": None if event.job_id is None else str(event.job_id),
        "runId": event.run_id,
        "principal": event.principal,
        "data": event.data,
    }
