"""The reading methods. Each takes one hop to a reading connection and sees one commit.

The functions of the same names in `reads` and its neighbours document the results. Methods that count many
jobs have a connection of their own, so that no other reader waits for them.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from locksided.core.loading import JobRecord
from locksided.store import asides, endings, events, job_list, reads, retention, tables
from locksided.store.catalog import dedup, objects, states
from locksided.store.connection import DatabaseConnection
from locksided.store.endings import Endings
from locksided.store.events import EventFilter
from locksided.store.job_filter import JobFilter, JobPage
from locksided.store.job_list import GroupBy, JobList, JobStats
from locksided.store.rows import EventRow, RunRow

P = ParamSpec("P")
T = TypeVar("T")
Function = Callable[Concatenate[sqlite3.Connection, P], T]

CHUNK = 5000


def _verb(function: Function[P, T]) -> Callable[Concatenate["Reader", P], Awaitable[T]]:
    """Turn a function of a connection into a method of the reader."""

    async def read(reader: "Reader", /, *args: P.args, **named: P.kwargs) -> T:
        return await reader.read(lambda connection: function(connection, *args, **named))

    return read


class Reader:
    """Reads beside the writer; every method raises StoreUnavailable when the disk cannot be read."""

    def __init__(self, quick: DatabaseConnection, patient: DatabaseConnection) -> None:
        self._quick = quick
        self._patient = patient

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run several reading functions as one; in reads.snapshot() they see the same commit."""
        return await self._quick.run(work)

    async def read_patiently(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work that may take long on a separate connection, where it does not delay others."""
        return await self._patient.run(work)

    job_row = _verb(reads.job_row)
    job_rows = _verb(reads.job_rows)
    live_ids = _verb(reads.live_ids)
    parts = _verb(reads.parts)
    children_of = _verb(reads.children_of)
    retries = _verb(reads.retries)
    final_statuses = _verb(reads.final_statuses)
    specs = _verb(reads.specs)
    with_documents = _verb(reads.with_documents)
    dependencies_of = _verb(reads.dependencies_of)
    waits_of = _verb(reads.waits_of)
    dependants_on = _verb(reads.dependants_on)
    last_job_id = _verb(reads.last_job_id)
    expired_jobs = _verb(retention.expired_jobs)
    pools = _verb(reads.pools)
    pool = _verb(reads.pool)
    meta = _verb(reads.meta)
    event_page = _verb(events.events_after)
    last_seq = _verb(events.last_seq)
    latest_event_us = _verb(events.latest_us)
    oldest_seq = _verb(events.oldest_seq)
    object = _verb(objects.find)
    versions = _verb(objects.versions)
    objects = _verb(objects.page)
    state = _verb(states.state)
    asides = _verb(asides.asides)
    recovery_conditions = _verb(reads.recovery_conditions)
    dedup = _verb(dedup.dedup)
    tables_by_key = _verb(tables.tables_by_key)
    tables_page = _verb(tables.page)
    table_history = _verb(tables.history)
    kept_versions = _verb(tables.kept_versions)
    unpublished = _verb(tables.unpublished)

    async def run_row(self, job_id: int) -> RunRow | None:
        """Return what a run must know of that job, or None."""
        rows = await self.read(lambda connection: reads.run_rows(connection, [job_id]))
        return rows[0] if rows else None

    async def list_jobs(self, wanted: JobFilter, page: JobPage = JobPage()) -> JobList:  # noqa: B008 - frozen
        """Return one page of jobs; Invalid for an invalid limit or cursor."""
        connection = self._patient if page.count else self._quick
        return await connection.run(partial(job_list.list_jobs, wanted=wanted, page=page))

    async def job_stats(
        self, group_by: Iterable[GroupBy], wanted: JobFilter, newest: int | None = None
    ) -> list[JobStats]:
        """Return counts and durations of all matching jobs or of the newest ones, group by group."""
        groups = tuple(dict.fromkeys(group_by))
        ask = partial(job_list.job_stats, group_by=groups, wanted=wanted, newest=newest)
        return await self._patient.run(ask)

    async def lake_size(self) -> tuple[int, int]:
        """Return the number of tables, and the total size of their files."""
        return await self._patient.run(tables.lake_size)

    async def ended_since(self, seq: int | None) -> Endings:
        """Return how jobs ended after an event, or all of them (None); see `Endings`."""
        return await self._patient.run(partial(endings.ended_since, seq=seq))

    async def live_jobs(self, chunk: int = CHUNK) -> AsyncIterator[JobRecord]:
        """Yield all jobs that are not final by id, read chunk by chunk; nothing may be written meanwhile."""
        after = 0
        while found := await self.read(partial(reads.live_jobs, after=after, limit=chunk)):
            for job in found:
                yield job
            after = found[-1].id

    async def events_after(self, wanted: EventFilter, after: int, limit: int) -> list[EventRow]:
        """Return up to `limit` events with a number above `after`; empty only if there are none."""
        return (await self.event_page(wanted, after, limit)).entries
