"""Matches events with subscriptions: a follower that writes a delivery for each match, with its cursor.

It sends nothing: the couriers do. While there are no subscriptions, no event wakes it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from lockside.documents.notification import NotifiedEvent as Event
from locksided.actors.messages import Write
from locksided.core.errors import Unavailable
from locksided.followers.follower import Follower
from locksided.notifications import telling
from locksided.notifications.long_jobs import timers_for
from locksided.notifications.matching import Failures, Matching, Message, Subject, Told, enabled
from locksided.notifications.names import Names
from locksided.notifications.writing import Backlog, body_of, write_messages
from locksided.settings import Settings
from locksided.store import notification_timers, notifications, reads
from locksided.store.events import last_seq
from locksided.store.notification_timers import TimerRow
from locksided.store.rows import EventRow, JobRow
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.transaction import Transaction

STATUS, JOB_CREATED = "job.status", "job.created"
_NAMES = {**telling.OF_JOBS, **telling.OTHERS}
_OF_JOBS = frozenset({STATUS, *telling.OF_JOBS})
_TOLD = frozenset({*_OF_JOBS, *telling.OTHERS})
_KINDS = _TOLD | {JOB_CREATED}


@dataclass(frozen=True, slots=True)
class Heard:
    """The result of a round: messages with their bodies, new counts of failures in a row, and timers.

    It is valid while no subscription changes after the event `seen_seq`.
    """

    seen_seq: int
    messages: Sequence[tuple[Message, bytes]] = ()
    counted: Mapping[Subject, Failures] = field(default_factory=dict)
    timers: Sequence[TimerRow] = ()


class Done(NamedTuple):
    """Whether a round has written deliveries, and timers."""

    has_deliveries: bool
    has_timers: bool


class News(NamedTuple):
    """What to call after deliveries, and after timers, were written."""

    deliveries: Callable[[], None]
    timers: Callable[[], None]


class Listening:
    """Follows events that can be notified of, while there are subscriptions."""

    def __init__(self, store: Store, settings: Settings, backlog: Backlog, news: News) -> None:
        self._store = store
        self._settings = settings
        self._backlog = backlog
        self._news = news
        self._is_heard = False
        self._hears_of_waiting = False

    async def load(self) -> None:
        """Read whether there are any subscriptions."""
        self._is_heard = self._hears_of_waiting = await self._store.read(notifications.is_any)

    def follower(self) -> Follower:
        return Follower(
            "notifications",
            _KINDS,
            beside=self._decide,
            concerns=self._concerns,
            written=self._written,
            is_patient=True,
        )

    def _written(self, done: Done) -> None:
        if done.has_deliveries:
            self._news.deliveries()
        if done.has_timers:
            self._news.timers()

    def _concerns(self, _events: Sequence[EventRow], kinds: frozenset[str]) -> bool:
        if not notifications.CHANGES.isdisjoint(kinds):
            self._is_heard = self._hears_of_waiting = True
        if self._hears_of_waiting and JOB_CREATED in kinds:
            return True
        return self._is_heard and not _TOLD.isdisjoint(kinds)

    async def _decide(self, events: Sequence[EventRow]) -> Write:
        heard = await self._store.read_patiently(partial(self._look, events))
        return partial(_write, heard, self._backlog)

    def _look(self, events: Sequence[EventRow], connection: Database) -> Heard:
        seen_seq = last_seq(connection)
        matching = Matching(enabled(connection), partial(notifications.failures_of, connection))
        self._hears_of_waiting = Event.JOB_WAITING_LONG in matching.wanted
        if not matching.wanted:
            self._is_heard = notifications.is_any(connection)
            return Heard(seen_seq)
        wanted = [event for event in events if _may_be_told(event, matching.wanted)]
        ids = {event.job_id for event in wanted if event.job_id is not None}
        rows = {row.id: row for row in reads.job_rows(connection, ids)}
        timers: list[TimerRow] = []
        names = Names(connection, self._settings)
        for event in wanted:
            job = rows.get(event.job_id or 0)
            for told in _notifications(names, event, job):
                matching.add(told)
            if job is not None:
                timers += timers_for(connection, self._store.vault, matching, event, job)
        return Heard(
            seen_seq, [(one, body_of(one.told)) for one in matching.messages], matching.counted, timers
        )


def _notifications(names: Names, event: EventRow, job: JobRow | None) -> list[Told]:
    """Return the notifications of an event: none or one."""
    if event.kind in telling.OTHERS:
        data = telling.other_data(event, names.of_project(event.project))
        about = event.data.get("subscription", {}).get("id")
        return [Told(event, telling.OTHERS[event.kind], data, about=about)]
    name = None if job is None or event.kind not in _OF_JOBS else telling.name_of(event, job)
    if job is None or name is None:
        return []
    return [Told(event, name, telling.job_data(event, job, names.of(job)), telling.subject_of(job))]


def _may_be_told(event: EventRow, wanted: Collection[Event]) -> bool:
    """Return whether a subscription could match: most events cannot, and cost no look at their job."""
    if event.kind == STATUS:
        return not telling.names_for(event.data["to"]).isdisjoint(wanted)
    return _NAMES.get(event.kind, Event.JOB_WAITING_LONG) in wanted


def _write(heard: Heard, backlog: Backlog, tx: Transaction) -> Done:
    if notifications.have_changed(tx, heard.seen_seq):
        raise Unavailable("Subscriptions have changed meanwhile.")
    for (name, subject), (failures, is_told) in heard.counted.items():
        notifications.count_failures(tx, name, subject, failures, is_told=is_told)
    for timer in heard.timers:
        notification_timers.add(tx, timer)
    is_dropping = write_messages(tx, heard.messages, backlog)
    return Done(bool(heard.messages), bool(heard.timers) or is_dropping)
