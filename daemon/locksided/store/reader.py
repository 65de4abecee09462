"""The verbs that read. Each is one hop to a reading connection and sees one commit.

What counts many jobs has a connection of its own, so that nobody else waits for it.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from locksided.store import asides, events, job_list, reads, retention, tables
from locksided.store.catalog import dedup, objects, states
from locksided.store.catalog.dedup import DedupKey
from locksided.store.catalog.keys import ConfigId, Key, Listing
from locksided.store.connection import DatabaseConnection
from locksided.store.events import EventFilter
from locksided.store.job_filter import JobFilter, JobPage
from locksided.store.job_list import GroupBy, JobList, JobStats
from locksided.store.paging import LINE_BYTES, PageRequest, Slice
from locksided.store.reads import JobsWithDocuments
from locksided.store.rows import (
    AsideRow,
    ChildRow,
    DedupRow,
    Dependency,
    EventRow,
    JobRow,
    LiveJob,
    PoolRow,
    StateRow,
    StoredRow,
    TableRow,
    TableVersionRow,
    UnpublishedRow,
    Version,
)
from locksided.store.tables import FoundTable, TableFilter

T = TypeVar("T")

CHUNK = 5000


class Reader:
    """Reads beside the writer; each raises StoreUnavailable when the disk cannot be read."""

    def __init__(self, quick: DatabaseConnection, patient: DatabaseConnection) -> None:
        self._quick = quick
        self._patient = patient

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run several reading functions as one; in reads.snapshot() they see the same commit."""
        return await self._quick.run(work)

    async def read_patiently(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run what may take long where nobody who is in a hurry waits for it."""
        return await self._patient.run(work)

    # Jobs

    async def job_row(self, job_id: int) -> JobRow | None:
        """Answer one job, or None."""
        return await self.read(lambda connection: reads.job_row(connection, job_id))

    async def job_rows(self, ids: Iterable[int]) -> list[JobRow]:
        """Answer those of `ids` that exist, in the order of ids."""
        return await self.read(lambda connection: reads.job_rows(connection, ids))

    async def list_jobs(self, wanted: JobFilter, page: JobPage = JobPage()) -> JobList:  # noqa: B008 - frozen
        """Answer one page of jobs; Invalid for a limit or cursor that cannot be."""
        connection = self._patient if page.count else self._quick
        return await connection.run(partial(job_list.list_jobs, wanted=wanted, page=page))

    async def job_stats(self, group_by: Iterable[GroupBy], wanted: JobFilter) -> list[JobStats]:
        """Answer counts and durations, group by group."""
        groups = tuple(dict.fromkeys(group_by))
        return await self._patient.run(partial(job_list.job_stats, group_by=groups, wanted=wanted))

    async def counts_by_status(self) -> dict[str, int]:
        """Answer how many jobs have each status; statuses without jobs are missing."""
        return await self._patient.run(reads.counts_by_status)

    async def live_ids(self) -> list[int]:
        """Answer the ids of all jobs that are not final."""
        return await self.read(reads.live_ids)

    async def live_jobs(self, chunk: int = CHUNK) -> AsyncIterator[LiveJob]:
        """Answer all jobs that are not final by id, read chunk by chunk; nothing may be applied meanwhile."""
        after = 0
        while found := await self.read(partial(reads.live_jobs, after=after, limit=chunk)):
            for job in found:
                yield job
            after = found[-1].id

    async def children(self, job_id: int) -> list[JobRow]:
        """Answer the jobs directly below a job."""
        return await self.read(lambda connection: reads.children(connection, job_id))

    async def children_of(self, ids: Iterable[int]) -> list[ChildRow]:
        """Answer what containers need to know of all their children, final ones included."""
        return await self.read(lambda connection: reads.children_of(connection, ids))

    async def retries(self, job_id: int) -> list[JobRow]:
        """Answer the retries by hand of a job."""
        return await self.read(lambda connection: reads.retries(connection, job_id))

    async def final_statuses(self, ids: Iterable[int]) -> dict[int, str]:
        """Answer the statuses of those of `ids` that are final; a purged job is missing."""
        return await self.read(lambda connection: reads.final_statuses(connection, ids))

    async def specs(self, hashes: Iterable[str]) -> dict[str, bytes]:
        """Answer the specifications and environments of these hashes that are still stored."""
        return await self.read(lambda connection: reads.specs(connection, hashes))

    async def with_documents(self, rows: Sequence[JobRow], max_bytes: int | None) -> JobsWithDocuments:
        """Answer the first of these jobs whose documents together fit into so many bytes, one at least."""
        return await self.read(partial(reads.with_documents, rows=rows, max_bytes=max_bytes))

    async def dependencies_of(self, ids: Iterable[int]) -> list[Dependency]:
        """Answer whom these jobs were asked to wait for."""
        return await self.read(lambda connection: reads.dependencies_of(connection, ids))

    async def waits_of(self, ids: Iterable[int]) -> list[Dependency]:
        """Answer whom these jobs wait for, phases too that wait for other phases."""
        return await self.read(lambda connection: reads.waits_of(connection, ids))

    async def dependants_on(self, ids: Iterable[int]) -> list[Dependency]:
        """Answer who waits for these jobs."""
        return await self.read(lambda connection: reads.dependants_on(connection, ids))

    async def last_job_id(self) -> int:
        """Answer the highest id that was ever given, 0 at first."""
        return await self.read(reads.last_job_id)

    async def expired_jobs(self, now_us: int, limit: int) -> list[int]:
        """Answer final jobs whose folder may go and is not yet marked as gone."""
        return await self.read(lambda connection: retention.expired_jobs(connection, now_us, limit))

    # Pools and facts

    async def pools(self) -> list[PoolRow]:
        """Answer all pools by id."""
        return await self.read(reads.pools)

    async def pool(self, pool_id: str) -> PoolRow | None:
        """Answer one pool, or None."""
        return await self.read(lambda connection: reads.pool(connection, pool_id))

    async def meta(self, key: str) -> str | None:
        """Answer a fact about the daemon as a whole, or None."""
        return await self.read(lambda connection: reads.meta(connection, key))

    # Events

    async def event_page(
        self, wanted: EventFilter, after: int, limit: int, max_bytes: int = LINE_BYTES
    ) -> Slice[EventRow]:
        """Answer a page of events with a number above `after`."""
        asked = partial(events.events_after, wanted=wanted, after=after, limit=limit, max_bytes=max_bytes)
        return await self.read(asked)

    async def events_after(self, wanted: EventFilter, after: int, limit: int) -> list[EventRow]:
        """Answer up to `limit` events with a number above `after`; none only when there are none."""
        return (await self.event_page(wanted, after, limit)).entries

    async def last_seq(self) -> int:
        """Answer the newest event's number, 0 if there never was one."""
        return await self.read(events.last_seq)

    async def latest_event_us(self) -> int | None:
        """The latest time of the newest events, None without any."""
        return await self.read(events.latest_us)

    async def oldest_seq(self) -> int | None:
        """Answer the oldest number that is still kept, None without events."""
        return await self.read(events.oldest_seq)

    # The catalog

    async def object(self, key: Key, version: int | None = None) -> StoredRow | None:
        """Answer an object of the catalog, or None; a version also of a deleted one."""
        return await self.read(lambda connection: objects.find(connection, key, version))

    async def objects(self, wanted: Listing, request: PageRequest = PageRequest()) -> Slice[StoredRow]:  # noqa: B008 - frozen
        """Answer a page of stored objects of one kind; Invalid for what is no cursor."""
        return await self.read(partial(objects.page, wanted=wanted, request=request))

    async def versions(self, key: Key, request: PageRequest = PageRequest()) -> Slice[Version]:  # noqa: B008 - frozen
        """Answer who changed an object, when and why, the newest first; NotFound if it never was."""
        return await self.read(partial(objects.versions, key=key, request=request))

    async def state(self, config_id: ConfigId, row: str | None = None) -> StateRow:
        """Answer the state; an empty one with version 0 if none was ever saved."""
        return await self.read(lambda connection: states.state(connection, config_id, row))

    async def asides(self) -> list[AsideRow]:
        """Answer the asides whose outcome is not delivered."""
        return await self.read(asides.asides)

    async def tables_by_key(self, keys: Iterable[str]) -> dict[str, FoundTable]:
        """Answer those of these tables that exist, by key."""
        return await self.read(lambda connection: tables.tables_by_key(connection, keys))

    async def tables_page(
        self, wanted: TableFilter, after: str, limit: int
    ) -> tuple[list[TableRow], dict[int, tuple[int | None, int]]]:
        """Answer tables behind a key, and their newest published and oldest kept versions."""

        def look(
            connection: sqlite3.Connection,
        ) -> tuple[list[TableRow], dict[int, tuple[int | None, int]]]:
            rows = tables.page(connection, wanted, after, limit)
            return rows, tables.kept_versions(connection, [row.number for row in rows])

        return await self.read(look)

    async def table_history(self, number: int, before: int, limit: int) -> list[TableVersionRow]:
        """Answer the versions of a table before one, the newest first."""
        return await self.read(lambda connection: tables.history(connection, number, before, limit))

    async def kept_versions(self, numbers: Iterable[int]) -> dict[int, tuple[int | None, int]]:
        """Answer of each table the newest version that is published, and the oldest that is kept."""
        return await self.read(lambda connection: tables.kept_versions(connection, numbers))

    async def lake_size(self) -> tuple[int, int]:
        """Answer how many tables there are, and how large their files are together."""
        return await self.read_patiently(tables.lake_size)

    async def unpublished(self, limit: int) -> list[UnpublishedRow]:
        """Answer commits that are not in the logs of their tables yet, of each table in order."""
        return await self.read(lambda connection: tables.unpublished(connection, limit))

    async def dedup(self, key: DedupKey) -> DedupRow | None:
        """Answer the first request under this deduplication id, or None."""
        return await self.read(lambda connection: dedup.dedup(connection, key))
