"""What subscriptions hear: a follower that writes a delivery for each match, together with its cursor.

It sends nothing: the couriers do. While there are no subscriptions, no event wakes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import msgspec

from lockside.documents.notification import NotifiedEvent as Event
from lockside.documents.notification import SubscriptionSpec
from lockside.documents.reading import from_store
from locksided import clock
from locksided.actors.messages import Decided
from locksided.core.scheduler import Scheduler
from locksided.followers.follower import Follower
from locksided.notifications import telling
from locksided.store import notifications, reads
from locksided.store.catalog import objects
from locksided.store.catalog.keys import ConfigId
from locksided.store.notifications import Listener, SubscriptionName
from locksided.store.rows import EventRow, JobRow
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.transaction import Transaction

STATUS, CREATED = "job.status", "notification.created"
_OWN = {
    "notification.dead": Event.NOTIFICATION_DEAD,
    "notification.disabled": Event.NOTIFICATION_DISABLED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What an event is told as; `subject` is what failures are counted of."""

    event: EventRow
    name: Event
    data: dict[str, Any]
    subject: str = ""

    @property
    def about(self) -> str | None:
        """The subscription that it is about, which is not told."""
        return None if self.event.kind == STATUS else self.event.data["subscription"]["id"]


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
        return Follower("notifications", frozenset({STATUS, *_OWN}), self._decide, self._concerns)

    def _concerns(self, event: EventRow) -> bool:
        if event.kind == CREATED:
            self._is_heard = True
        return self._is_heard and (event.kind == STATUS or event.kind in _OWN)

    async def _decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        told, listening = await self._store.read(partial(self._look, events))
        self._news()
        return Decided(partial(_write, told, listening))

    def _look(
        self, events: Sequence[EventRow], connection: Database
    ) -> tuple[list[Told], list[tuple[Listener, SubscriptionSpec]]]:
        listening = [(one, _spec(one.body)) for one in notifications.everything(connection)]
        listening = [(one, spec) for one, spec in listening if spec.state == "enabled"]
        if not listening:
            self._is_heard = notifications.is_any(connection)
            return [], []
        jobs = {event.job_id for event in events if event.kind == STATUS}
        rows = {row.id: row for row in reads.job_rows(connection, [one for one in jobs if one is not None])}
        return [told for event in events for told in self._told(connection, event, rows)], listening

    def _told(self, connection: Database, event: EventRow, rows: dict[int, JobRow]) -> list[Told]:
        """What an event is told as, nothing or one thing."""
        if event.kind != STATUS:
            return [Told(event, _OWN[event.kind], telling.own_data(event))]
        job = rows.get(event.job_id or 0)
        name = None if job is None else telling.name_of(event, job)
        if job is None or name is None:
            return []
        project_name = self._project_names.get(job.project, job.project)
        data = telling.job_data(event, job, project_name, _config_name(connection, job))
        return [Told(event, name, data, telling.subject_of(job))]


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


def _write(
    told: Sequence[Told], listening: Sequence[tuple[Listener, SubscriptionSpec]], tx: Transaction
) -> None:
    bodies: dict[tuple[int, str, int], int] = {}
    for one in told:
        for listener, spec in listening:
            is_its = one.event.project == listener.name.project and one.about != listener.name.id
            if is_its and one.event.seq > listener.since_seq:
                _tell(tx, listener.name, spec, one, bodies)


def _tell(
    tx: Transaction,
    name: SubscriptionName,
    spec: SubscriptionSpec,
    told: Told,
    bodies: dict[tuple[int, str, int], int],
) -> None:
    if not all(one.holds(told.data) for one in spec.filters):
        return
    named = _counted(tx, name, spec, told)
    if named is None or named.name not in spec.events:
        return
    place = (named.event.seq, named.name.value, named.data.get("failures", 0))
    if place not in bodies:
        bodies[place] = notifications.add_body(
            tx, telling.body_of(named.name.value, named.event.time_us, named.data)
        )
    notifications.add_delivery(
        tx,
        name,
        named.name.value,
        seq=named.event.seq,
        job_id=named.event.job_id,
        body_id=bodies[place],
        now_us=clock.now_us(),
    )


def _counted(tx: Transaction, name: SubscriptionName, spec: SubscriptionSpec, told: Told) -> Told | None:
    """What a subscription that counts failures hears of an end; None when it is too early or known."""
    counts = spec.after_failures > 1 or spec.repeat == "change" or Event.JOB_RECOVERED in spec.events
    if not counts or told.name not in telling.FAILED | telling.WELL:
        return told
    failures, is_told = notifications.failures_of(tx.connection, name, told.subject)
    if told.name in telling.WELL:
        notifications.count_failures(tx, name, told.subject, 0, is_told=False)
        if not is_told or Event.JOB_RECOVERED not in spec.events:
            return told
        return replace(told, name=Event.JOB_RECOVERED, data={**told.data, "failures": failures})
    failures += 1
    is_due = failures == spec.after_failures or (spec.repeat == "every" and failures > spec.after_failures)
    is_now_told = is_told or (is_due and told.name in spec.events)
    notifications.count_failures(tx, name, told.subject, failures, is_told=is_now_told)
    return told if is_due else None
