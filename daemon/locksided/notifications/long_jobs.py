"""Timers of jobs that may run or wait long, and how much of the time has passed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from lockside.documents.enums import Status
from lockside.documents.notification import NotifiedEvent as Event
from locksided.core.admission import blockers
from locksided.core.model import ReasonKind as R
from locksided.core.scheduler import Scheduler
from locksided.notifications import telling
from locksided.notifications.matching import Matching
from locksided.runs.specification import read_specification
from locksided.secrets.vault import Vault
from locksided.store import notification_timers, reads
from locksided.store.notification_timers import TimerRow
from locksided.store.rows import EventRow, JobRow, place_of
from locksided.store.sql import Database

_BEFORE_ITS_TIME = frozenset({R.DEPENDENCY, R.PHASE, R.START_TIME, R.HELD})
"""Reasons of jobs that could not start anyway."""


def timers_for(
    connection: Database, vault: Vault, matching: Matching, event: EventRow, job: JobRow
) -> Iterator[TimerRow]:
    """Yield the timers that an event of a job sets."""
    if telling.is_part(job):
        return
    if event.kind == "job.created":
        for one in matching.hearers(Event.JOB_WAITING_LONG):
            if event.seq > one.since_seq and one.name.project == event.project:
                least = one.spec.least(Event.JOB_WAITING_LONG) or 0.0
                yield TimerRow(
                    job.id, *one.name, Event.JOB_WAITING_LONG.value, event.seq, round(least * 1e6), None
                )
    elif event.data.get("to") == Status.PROCESSING:
        yield from _overtimes(connection, vault, matching, event, job)


def _overtimes(
    connection: Database, vault: Vault, matching: Matching, event: EventRow, job: JobRow
) -> Iterator[TimerRow]:
    name = telling.long_of(job)
    hearers = [
        one
        for one in matching.hearers(name)
        if event.seq > one.since_seq and one.name.project == event.project
    ]
    if not hearers:
        return

    @cache
    def rows_of(spec_hash: str) -> object:
        text = reads.specs(connection, [spec_hash])[spec_hash]
        return read_specification(vault.opened_text(text, place_of(job))).config_row_ids

    average_us = notification_timers.average_us(connection, job, rows_of)
    for one in hearers if average_us is not None else ():
        after_us = round((average_us or 0) * (1 + (one.spec.least(name) or 0.0)))
        yield TimerRow(job.id, *one.name, name.value, event.seq, after_us, average_us)


def ran_us(job: JobRow, now_us: int) -> int | None:
    """Return how long a job has run, without pauses; None if it is not running."""
    if job.status != Status.PROCESSING or job.start_us is None:
        return None
    paused_us = job.paused_us
    if job.paused_since_us is not None:
        paused_us += max(now_us - job.paused_since_us, 0)
    return job.duration_us + max(now_us - job.start_us - paused_us, 0)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a job has waited since it could start, 0 before that, and why it waits."""

    waited_us: int
    reasons: list[str]


def waits_of(core: Scheduler, job_ids: Iterable[int], now_us: int) -> dict[int, Wait]:
    """Return the waits of those jobs that have not started."""
    found = {}
    for job_id in job_ids:
        job = core.state.jobs.get(job_id)
        if job is not None and not job.has_started:
            reasons = list(blockers(core.state, job))
            is_early = not _BEFORE_ITS_TIME.isdisjoint(reasons) or not job.is_container_started
            waited_us = 0 if is_early else now_us - job.waiting_since_us
            found[job_id] = Wait(waited_us, [one.value for one in reasons])
    return found
