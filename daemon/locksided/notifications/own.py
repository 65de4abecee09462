"""Notifications requested by jobs themselves: a follower of jobs that named mail addresses or URLs.

While no such job is live, no event wakes it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lockside.documents.enums import JobType, Status
from lockside.documents.notification import BLOCKED, JobNotification, channel_of
from locksided import clock
from locksided.actors.broker import ended_jobs
from locksided.actors.messages import Decided
from locksided.core.scheduler import Scheduler
from locksided.followers.follower import Follower
from locksided.notifications import standing, telling
from locksided.notifications.names import Names
from locksided.notifications.recipients import origin_of, recipient_of
from locksided.notifications.writing import Backlog, Room
from locksided.runs.specification import read_specification
from locksided.settings import Settings
from locksided.store import deliveries, notifications, reads
from locksided.store.deliveries import OwnDelivery
from locksided.store.rows import EventRow, JobRow, place_of
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.transaction import Transaction

CREATED, STATUS, STAGE = "job.created", "job.status", "job.stage"
KINDS = frozenset({CREATED, STATUS, STAGE, "job.blocked"})


@dataclass(slots=True)
class Heard:
    """The result of a round: notifications with their bodies, and those requests that are used up."""

    told: list[tuple[EventRow, str, bytes, list[OwnDelivery]]] = field(default_factory=list)
    spent: set[tuple[int, int]] = field(default_factory=set)


class OwnNotifications:
    """Follows jobs that request notifications. `news` is called when there is something to deliver."""

    def __init__(self, store: Store, settings: Settings, backlog: Backlog, news: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._backlog = backlog
        self._news = news
        self._live: set[int] = set()

    async def load(self) -> None:
        """Read which such jobs are live; events of others are found after the cursor."""
        self._live.update(await self._store.read(notifications.live_notifying))

    def follower(self) -> Follower:
        return Follower(
            "jobNotifications", KINDS, self._decide, self._concerns, self._written, is_patient=True
        )

    def _concerns(self, events: Sequence[EventRow], kinds: frozenset[str]) -> bool:
        if CREATED in kinds:
            made = [event for event in events if event.kind == CREATED and event.data.get("notifies")]
            self._live.update(event.job_id for event in made if event.job_id is not None)
        if not self._live:
            return False
        is_any = any(event.job_id in self._live and event.kind in KINDS for event in events)
        self._live -= ended_jobs(events)
        return is_any

    def _written(self, has_deliveries: object) -> None:
        if has_deliveries:
            self._news()

    async def _decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        heard = await self._store.read(partial(self._look, events))
        return Decided(partial(_write, heard, self._backlog))

    def _look(self, events: Sequence[EventRow], connection: Database) -> Heard:
        ids = {event.job_id for event in events if event.job_id is not None}
        rows = {row.id: row for row in reads.job_rows(connection, ids) if row.notifies and _is_asked_for(row)}
        wanted = {row.id: self._wanted(connection, row) for row in rows.values()}
        heard = Heard(spent={(one, place) for one in rows for place in notifications.spent(connection, one)})
        names = Names(connection, self._settings)
        for event in events:
            if event.job_id in rows:
                _hear(heard, event, rows[event.job_id], wanted[event.job_id], names)
        return heard

    def _wanted(self, connection: Database, row: JobRow) -> Sequence[JobNotification]:
        bodies = reads.specs(connection, [row.spec_hash or ""])
        text = self._store.vault.opened_text(bodies[row.spec_hash or ""], place_of(row))
        return read_specification(text).notifications or ()


def _hear(
    heard: Heard, event: EventRow, row: JobRow, wanted: Sequence[JobNotification], names: Names
) -> None:
    word, is_status = _word(event), event.kind == STATUS
    places = [
        place
        for place, one in enumerate(wanted)
        if one.is_told(word, is_status=is_status) and (row.id, place) not in heard.spent
    ]
    if not places:
        return
    job = telling.as_at(row, event)
    name = telling.own_name(event, row)
    data = telling.job_data(event, job, names.of(row))
    values = _values(job, data)
    to = [_delivery(place, wanted[place], values) for place in places]
    heard.told.append((event, name, telling.body_of(name, event.time_us, data), to))
    heard.spent |= {(row.id, place) for place in places if not wanted[place].persistent}


def _is_asked_for(row: JobRow) -> bool:
    """Return whether it is neither an attempt nor a part of another job."""
    return row.relation != "strong" and row.type != JobType.PHASE


def _word(event: EventRow) -> str:
    """Return the status or stage that an event is about."""
    match event.kind:
        case "job.created":
            return Status.CREATED
        case "job.status":
            return str(event.data["to"])
        case "job.stage":
            return str(event.data["stage"])
        case _:
            return BLOCKED


def _delivery(place: int, wanted: JobNotification, values: Mapping[str, str]) -> OwnDelivery:
    url = wanted.filled(values)
    receiver = wanted.address if wanted.is_mail else origin_of(url)
    return OwnDelivery(place, channel_of(recipient_of(wanted, url)), receiver, url)


def _values(job: JobRow, data: Mapping[str, Any]) -> dict[str, str]:
    """Return the values for a URL, by placeholder; unknown values are missing."""
    shown, result = data["job"], job.result or {}
    archive = (result.get("artifacts") or {}).get("archive") or {}
    known = {
        "JOB_STATUS": shown["status"],
        "JOB_URL": shown["url"],
        "JOB_ID": shown["id"],
        "JOB_SYSTEM": shown["pool"],
        "JOB_NAME": shown["name"],
        "JOB_START_TIME": shown["startTime"],
        "JOB_END_TIME": shown["endTime"],
        "JOB_SUBMIT_TIME": shown["createdTime"],
        "JOB_ARCHIVE_PATH": archive.get("path"),
        "JOB_ARCHIVE_URL": archive.get("uri"),
        "JOB_ERROR": result.get("message") if shown["status"] == Status.ERROR else None,
    }
    return {name: str(value) for name, value in known.items() if value is not None}


def _write(heard: Heard, backlog: Backlog, tx: Transaction) -> bool:
    """Write the deliveries; returns whether there are any."""
    now_us = clock.now_us()
    connection, room = tx.reading(), Room(tx, backlog)
    for event, name, body, to in heard.told:
        notice = deliveries.add_notice(tx, name, event, body, now_us)
        for one in to[: room.take(event.project, len(to))]:
            deliveries.add_own(tx, event.project, notice, one, now_us)
        standing.have_project_secret(tx, event.project)
    for job_id, place in heard.spent:
        notifications.spend(connection, job_id, place)
    room.close()
    return bool(heard.told)
