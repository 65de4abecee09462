"""What subscriptions hear: a follower that writes a delivery for each match, together with its cursor.

It sends nothing: the couriers do. While there are no subscriptions, no event wakes it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import msgspec

from lockside.documents.notification import NotifiedEvent as Event
from lockside.documents.notification import SubscriptionSpec
from lockside.documents.reading import from_store
from locksided import clock
from locksided.actors.messages import Decided
from locksided.core.scheduler import Scheduler
from locksided.followers.follower import Follower
from locksided.notifications import telling
from locksided.notifications.matching import Failures, Hearer, Matching, Message, Subject, Told
from locksided.store import deliveries, notifications, reads
from locksided.store.catalog import objects
from locksided.store.catalog.keys import ConfigId
from locksided.store.deliveries import Notice
from locksided.store.rows import EventRow, JobRow
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.transaction import Transaction

STATUS, CREATED = "job.status", "notification.created"
REST_SECONDS = 0.2
_OWN = {
    "notification.dead": Event.NOTIFICATION_DEAD,
    "notification.disabled": Event.NOTIFICATION_DISABLED,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a round comes to: messages with their bodies, and failures in a row as they are now."""

    messages: Sequence[tuple[Message, bytes]] = ()
    counted: Mapping[Subject, Failures] = field(default_factory=dict)


class Listening:
    """Follows what can be told while there are subscriptions."""

    def __init__(self, store: Store, project: tuple[str, str], news: Callable[[], None]) -> None:
        self._store = store
        self._project_names = dict([project])
        self._news = news
        self._is_heard = False

    async def load(self) -> None:
        """See whether there are any subscriptions."""
        self._is_heard = await self._store.read(notifications.is_any)

    def follower(self) -> Follower:
        """Who follows."""
        kinds = frozenset({STATUS, *_OWN})
        return Follower("notifications", kinds, self._decide, self._concerns, self._written, REST_SECONDS)

    def _written(self, has_deliveries: object) -> None:
        if has_deliveries:
            self._news()

    def _concerns(self, event: EventRow) -> bool:
        if event.kind == CREATED:
            self._is_heard = True
        return self._is_heard and (event.kind == STATUS or event.kind in _OWN)

    async def _decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        heard = await self._store.read(partial(self._look, events))
        return Decided(partial(_write, heard))

    def _look(self, events: Sequence[EventRow], connection: Database) -> "Heard":
        hearers = [Hearer.of(one, _spec(one.body)) for one in notifications.everything(connection)]
        hearers = [one for one in hearers if one.spec.state == "enabled"]
        if not hearers:
            self._is_heard = notifications.is_any(connection)
            return Heard()
        matching = Matching(hearers, partial(notifications.failures_of, connection))
        wanted = [event for event in events if _may_be_told(event, matching.wanted)]
        jobs = {event.job_id for event in wanted if event.kind == STATUS}
        rows = {row.id: row for row in reads.job_rows(connection, [one for one in jobs if one is not None])}
        for event in wanted:
            for told in self._told(connection, event, rows):
                matching.add(told)
        return Heard([(one, _body(one.told)) for one in matching.messages], matching.counted)

    def _told(self, connection: Database, event: EventRow, rows: dict[int, JobRow]) -> list[Told]:
        """What an event is told as, nothing or one thing."""
        if event.kind != STATUS:
            about = event.data["subscription"]["id"]
            return [Told(event, _OWN[event.kind], telling.own_data(event), about=about)]
        job = rows.get(event.job_id or 0)
        name = None if job is None else telling.name_of(event, job)
        if job is None or name is None:
            return []
        project_name = self._project_names.get(job.project, job.project)
        data = telling.job_data(event, job, project_name, _config_name(connection, job))
        return [Told(event, name, data, telling.subject_of(job))]


def _may_be_told(event: EventRow, wanted: Collection[Event]) -> bool:
    """Whether anybody may hear of it: most events are of no interest, and cost no look at their job."""
    names = telling.names_for(event.data["to"]) if event.kind == STATUS else {_OWN[event.kind]}
    return not names.isdisjoint(wanted)


@lru_cache(1024)
def _spec(text: str) -> SubscriptionSpec:
    """A stored document; most events find the same ones."""
    return from_store(msgspec.json.decode(text), SubscriptionSpec)


def _config_name(connection: Database, job: JobRow) -> str | None:
    if job.component is None or job.config is None:
        return None
    key = ConfigId(job.component, job.config, job.branch_id or "default", job.project).key()
    found = objects.find(connection, key)
    return None if found is None else found.body.get("name")


def _body(told: Told) -> bytes:
    return telling.body_of(told.name.value, told.event.time_us, told.data)


def _write(heard: Heard, tx: Transaction) -> bool:
    """Whether there is something to deliver."""
    now_us = clock.now_us()
    for (name, subject), (failures, is_told) in heard.counted.items():
        notifications.count_failures(tx, name, subject, failures, is_told=is_told)
    for message, body in heard.messages:
        event = message.told.event
        body_id = deliveries.add_body(tx, body)
        notice = Notice(event.project, message.told.name.value, event.seq, event.job_id, body_id)
        if message.at_once:
            deliveries.add_all(tx, notice, message.at_once, now_us)
        for subscription, seconds in message.gathered:
            deliveries.add_gathered(tx, notice, subscription, seconds, now_us)
    return bool(heard.messages)
