"""Reads of jobs, pools and facts, as functions of a connection: the reader's, or that of a transaction.

Lists of jobs by filter are in job_list.py, events in events.py, the catalog in catalog/.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from sys import intern

import msgspec

from locksided.core.loading import ChildRecord, ConditionRecord, JobRecord
from locksided.store.paging import first_of
from locksided.store.rows import Dependency, JobRow, PoolRow, RunRow, decoded
from locksided.store.sql import QUERIES


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several reads see one commit. Inside a transaction they do anyway."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def ids_text(ids: Iterable[int]) -> str:
    """Return ids as one parameter, for any number of them."""
    return msgspec.json.encode(list(ids)).decode()


def job_row(connection: sqlite3.Connection, job_id: int) -> JobRow | None:
    """Return one job, or None."""
    rows = connection.execute(QUERIES["job_row"], (job_id,)).fetchall()
    return decoded(JobRow, rows)[0] if rows else None


def job_rows(connection: sqlite3.Connection, ids: Iterable[int]) -> list[JobRow]:
    """Return those of `ids` that exist, ordered by id."""
    return decoded(JobRow, connection.execute(QUERIES["job_rows"], (ids_text(ids),)).fetchall())


def run_rows(connection: sqlite3.Connection, ids: Iterable[int]) -> list[RunRow]:
    """Return what runs of those of `ids` that exist must know, unordered."""
    return decoded(RunRow, connection.execute(QUERIES["run_rows"], (ids_text(ids),)).fetchall())


JobsWithDocuments = tuple[list[JobRow], dict[str, bytes], list[Dependency]]
"""Jobs, their specifications and environments by hash, and their dependencies."""


def jobs_with_documents(connection: sqlite3.Connection, ids: Iterable[int]) -> JobsWithDocuments:
    """Return those of `ids` that exist with their documents and dependencies, from one commit."""
    with snapshot(connection):
        return with_documents(connection, job_rows(connection, ids))


def with_documents(
    connection: sqlite3.Connection, rows: Sequence[JobRow], max_bytes: int | None = None
) -> JobsWithDocuments:
    """Return the first of these jobs whose documents fit into `max_bytes` together; at least one.

    A document shared by jobs counts for each of them, as in their views.
    """
    taken = list(rows)
    if max_bytes is not None:
        sizes = _document_bytes(connection, _hashes_of(rows))
        taken, _ = first_of(
            rows, lambda row: sum(sizes.get(one, 0) for one in _hashes_of((row,))), max_bytes=max_bytes
        )
    return (
        taken,
        specs(connection, _hashes_of(taken)),
        dependencies_of(connection, [row.id for row in taken]),
    )


def _hashes_of(rows: Iterable[JobRow | RunRow]) -> set[str]:
    return {one for row in rows for one in (row.spec_hash, row.env_hash) if one is not None}


def _document_bytes(connection: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, int]:
    return dict(connection.execute(QUERIES["spec_bytes"], (_hashes_text(hashes),)).fetchall())


def live_jobs(connection: sqlite3.Connection, after: int, limit: int) -> list[JobRecord]:
    """Return up to `limit` jobs that are not final with an id above `after`, ordered by id."""
    found = connection.execute(QUERIES["live_jobs"], (after, limit)).fetchall()
    jobs = decoded(JobRecord, found)
    for job in jobs:
        object.__setattr__(job, "project", intern(job.project))  # shared by up to a hundred thousand jobs
    return jobs


def live_ids(connection: sqlite3.Connection) -> list[int]:
    """Return the ids of all jobs that are not final."""
    return [job_id for (job_id,) in connection.execute(QUERIES["live_ids"])]


def recovery_conditions(connection: sqlite3.Connection) -> list[ConditionRecord]:
    """Return all conditions that blocked jobs wait for."""
    return decoded(ConditionRecord, connection.execute(QUERIES["recovery_conditions"]).fetchall())


def final_statuses(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return the statuses of those of `ids` that are final; a purged job is missing."""
    return dict(connection.execute(QUERIES["final_statuses"], (ids_text(ids),)).fetchall())


def parts(connection: sqlite3.Connection, job_id: int) -> list[JobRow]:
    """Return the phases, tasks, rows or attempts of a job in order, without its weak children."""
    return decoded(JobRow, connection.execute(QUERIES["parts"], (job_id,)).fetchall())


def children_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[ChildRecord]:
    """Return what containers must know of all their children, including final ones, unordered."""
    return decoded(ChildRecord, connection.execute(QUERIES["children_of"], (ids_text(ids),)).fetchall())


def retries(connection: sqlite3.Connection, job_id: int) -> list[JobRow]:
    """Return the retries by hand of a job."""
    return decoded(JobRow, connection.execute(QUERIES["retries"], (job_id,)).fetchall())


@dataclass(frozen=True, slots=True)
class Documents:
    """Data read for jobs: their rows by id, and documents by hash."""

    rows: Mapping[int, RunRow]
    bodies: Mapping[str, bytes]


NOTHING_READ = Documents({}, {})


def documents_of(
    connection: sqlite3.Connection, ids: Iterable[int], is_known: Callable[[RunRow], bool]
) -> Documents:
    """Return jobs with their documents, except the documents that are already known.

    It never raises: whoever needs what could not be read reads it again, and refuses if that fails.
    """
    with suppress(sqlite3.Error):
        rows = {row.id: row for row in run_rows(connection, ids)}
        new = [row for row in rows.values() if not is_known(row)]
        hashes = _hashes_of(new)
        return Documents(rows, specs(connection, hashes) if hashes else {})
    return NOTHING_READ


def specs(connection: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, bytes]:
    """Return the specifications and environments with these hashes that are still stored."""
    return dict(connection.execute(QUERIES["specs"], (_hashes_text(hashes),)).fetchall())


def _hashes_text(hashes: Iterable[str]) -> str:
    return msgspec.json.encode(list(hashes)).decode()


def dependencies_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[Dependency]:
    """Return the requested dependencies of these jobs."""
    return decoded(Dependency, connection.execute(QUERIES["dependencies_of"], (ids_text(ids),)).fetchall())


def waits_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[Dependency]:
    """Return the dependencies of these jobs, including those between phases."""
    return decoded(Dependency, connection.execute(QUERIES["waits_of"], (ids_text(ids),)).fetchall())


def dependants_on(connection: sqlite3.Connection, ids: Iterable[int]) -> list[Dependency]:
    """Return the dependencies of other jobs on these jobs."""
    return decoded(Dependency, connection.execute(QUERIES["dependants_on"], (ids_text(ids),)).fetchall())


def last_job_id(connection: sqlite3.Connection) -> int:
    """Return the highest id ever assigned, 0 if there was none."""
    (job_id,) = connection.execute(QUERIES["last_job_id"]).fetchone()
    return int(job_id)


def counts_by_status(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many jobs have each status, in all projects; statuses without jobs are missing."""
    counts: Counter[str] = Counter()
    for status, count in connection.execute(QUERIES["counts_by_status"]):
        counts[status] += count
    return dict(counts)


def pools(connection: sqlite3.Connection) -> list[PoolRow]:
    """Return all pools."""
    return decoded(PoolRow, connection.execute(QUERIES["pools"]).fetchall())


def pool(connection: sqlite3.Connection, pool_id: str) -> PoolRow | None:
    """Return one pool, or None."""
    rows = connection.execute(QUERIES["pool"], (pool_id,)).fetchall()
    return decoded(PoolRow, rows)[0] if rows else None


def work_roots(connection: sqlite3.Connection) -> dict[int, str]:
    """Return the work roots of the jobs that have one, by id."""
    return dict(connection.execute(QUERIES["work_roots"]))


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """Return a fact about the daemon as a whole, or None."""
    found = connection.execute(QUERIES["meta"], (key,)).fetchone()
    return None if found is None else str(found[0])
