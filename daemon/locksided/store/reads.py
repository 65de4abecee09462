"""Reads of jobs, pools and facts, as functions of a connection: the reader's, or that of a transaction.

Lists of jobs by filter stand in joblist.py, events in events.py, the catalog in catalog/.
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
    """Have several reads see one commit. Inside a transaction they do anyway."""
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
    """Answer ids as the one parameter that stands for any number of them."""
    return msgspec.json.encode(list(ids)).decode()


def job_row(connection: sqlite3.Connection, job_id: int) -> JobRow | None:
    """Answer one job, or None."""
    rows = connection.execute(QUERIES["job_row"], (job_id,)).fetchall()
    return decoded(JobRow, rows)[0] if rows else None


def job_rows(connection: sqlite3.Connection, ids: Iterable[int]) -> list[JobRow]:
    """Answer those of `ids` that exist, in the order of ids."""
    return decoded(JobRow, connection.execute(QUERIES["job_rows"], (ids_text(ids),)).fetchall())


def run_rows(connection: sqlite3.Connection, ids: Iterable[int]) -> list[RunRow]:
    """Answer what runs of those of `ids` that exist have to know, in no order."""
    return decoded(RunRow, connection.execute(QUERIES["run_rows"], (ids_text(ids),)).fetchall())


JobsWithDocuments = tuple[list[JobRow], dict[str, bytes], list[Dependency]]
"""Jobs, their specifications and environments by hash, and whom they wait for."""


def jobs_with_documents(connection: sqlite3.Connection, ids: Iterable[int]) -> JobsWithDocuments:
    """Answer those of `ids` that exist with their documents and whom they wait for, all of one commit."""
    with snapshot(connection):
        return with_documents(connection, job_rows(connection, ids))


def with_documents(
    connection: sqlite3.Connection, rows: Sequence[JobRow], max_bytes: int | None = None
) -> JobsWithDocuments:
    """Answer the first of these jobs, with documents that fit into so many bytes together; one at least.

    Documents that jobs share count for each of them, as in the views that they are shown in.
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
    """Answer up to `limit` jobs that are not final with an id above `after`, in the order of ids."""
    found = connection.execute(QUERIES["live_jobs"], (after, limit)).fetchall()
    jobs = decoded(JobRecord, found)
    for job in jobs:
        object.__setattr__(job, "project", intern(job.project))  # a hundred thousand jobs share it
    return jobs


def live_ids(connection: sqlite3.Connection) -> list[int]:
    """Answer the ids of all jobs that are not final."""
    return [job_id for (job_id,) in connection.execute(QUERIES["live_ids"])]


def recovery_conditions(connection: sqlite3.Connection) -> list[ConditionRecord]:
    """All conditions that blocked jobs wait for."""
    return decoded(ConditionRecord, connection.execute(QUERIES["recovery_conditions"]).fetchall())


def final_statuses(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Answer the statuses of those of `ids` that are final; a purged job is missing."""
    return dict(connection.execute(QUERIES["final_statuses"], (ids_text(ids),)).fetchall())


def parts(connection: sqlite3.Connection, job_id: int) -> list[JobRow]:
    """Answer the phases, tasks, rows or attempts of a job in their order; its weak children are none."""
    return decoded(JobRow, connection.execute(QUERIES["parts"], (job_id,)).fetchall())


def children_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[ChildRecord]:
    """Answer what containers need to know of all their children, final ones included, in no order."""
    return decoded(ChildRecord, connection.execute(QUERIES["children_of"], (ids_text(ids),)).fetchall())


def retries(connection: sqlite3.Connection, job_id: int) -> list[JobRow]:
    """Answer the retries by hand of a job."""
    return decoded(JobRow, connection.execute(QUERIES["retries"], (job_id,)).fetchall())


@dataclass(frozen=True, slots=True)
class Documents:
    """What was read of jobs: their rows by id, and documents by hash."""

    rows: Mapping[int, RunRow]
    bodies: Mapping[str, bytes]


NOTHING_READ = Documents({}, {})


def documents_of(
    connection: sqlite3.Connection, ids: Iterable[int], is_known: Callable[[RunRow], bool]
) -> Documents:
    """Answer jobs with their documents, without those of jobs for which they are known.

    It never raises: what cannot be read now is read again by who needs it, and refused there if need be.
    """
    with suppress(sqlite3.Error):
        rows = {row.id: row for row in run_rows(connection, ids)}
        new = [row for row in rows.values() if not is_known(row)]
        hashes = _hashes_of(new)
        return Documents(rows, specs(connection, hashes) if hashes else {})
    return NOTHING_READ


def specs(connection: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, bytes]:
    """Answer the specifications and environments of these hashes that are still stored."""
    return dict(connection.execute(QUERIES["specs"], (_hashes_text(hashes),)).fetchall())


def _hashes_text(hashes: Iterable[str]) -> str:
    return msgspec.json.encode(list(hashes)).decode()


def dependencies_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[Dependency]:
    """Answer whom these jobs were asked to wait for."""
    return decoded(Dependency, connection.execute(QUERIES["dependencies_of"], (ids_text(ids),)).fetchall())


def waits_of(connection: sqlite3.Connection, ids: Iterable[int]) -> list[Dependency]:
    """Answer whom these jobs wait for, phases too that wait for other phases."""
    return decoded(Dependency, connection.execute(QUERIES["waits_of"], (ids_text(ids),)).fetchall())


def dependants_on(connection: sqlite3.Connection, ids: Iterable[int]) -> list[Dependency]:
    """Answer who waits for these jobs."""
    return decoded(Dependency, connection.execute(QUERIES["dependants_on"], (ids_text(ids),)).fetchall())


def last_job_id(connection: sqlite3.Connection) -> int:
    """Answer the highest id that was ever given, 0 at first."""
    (job_id,) = connection.execute(QUERIES["last_job_id"]).fetchone()
    return int(job_id)


def counts_by_status(connection: sqlite3.Connection) -> dict[str, int]:
    """Answer how many jobs have each status, over all projects; statuses without jobs are missing."""
    counts: Counter[str] = Counter()
    for status, count in connection.execute(QUERIES["counts_by_status"]):
        counts[status] += count
    return dict(counts)


def pools(connection: sqlite3.Connection) -> list[PoolRow]:
    """Answer all pools."""
    return decoded(PoolRow, connection.execute(QUERIES["pools"]).fetchall())


def pool(connection: sqlite3.Connection, pool_id: str) -> PoolRow | None:
    """Answer one pool, or None."""
    rows = connection.execute(QUERIES["pool"], (pool_id,)).fetchall()
    return decoded(PoolRow, rows)[0] if rows else None


def work_roots(connection: sqlite3.Connection) -> dict[int, str]:
    """Answer the work roots of the jobs that have one, by id."""
    return dict(connection.execute(QUERIES["work_roots"]))


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """Answer a fact about the daemon as a whole, or None."""
    found = connection.execute(QUERIES["meta"], (key,)).fetchone()
    return None if found is None else str(found[0])
