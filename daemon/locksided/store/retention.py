"""Removal of data: expired environments, purged jobs, old events and deduplication ids; but no folders."""

import sqlite3

from locksided.core.errors import InvalidTransition, NotFound
from locksided.core.saves import SetMeta
from locksided.store.events import least_cursor
from locksided.store.reads import job_row, last_job_id
from locksided.store.rows import JobRow
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction

DAY_US = 86_400 * 1_000_000
KEEP_EVENTS_US = 30 * DAY_US
KEEP_EVENTS_COUNT = 100_000
KEEP_DEDUP_US = 7 * DAY_US
LIVE = frozenset(("created", "waiting", "processing", "terminating"))


def expired_jobs(connection: sqlite3.Connection, now_us: int, limit: int) -> list[int]:
    """Return final jobs whose folder has expired and is not yet marked as removed, the oldest first."""
    return [job_id for (job_id,) in connection.execute(QUERIES["expired_jobs"], (now_us, limit))]


def mark_cleaned(tx: Transaction, job_id: int, now_us: int) -> None:
    """Record that a job's folder was removed, and with it its list of failed records.

    Its environment is deleted unless another job has the same one.
    """
    connection = tx.reading()
    environment, _ = connection.execute(QUERIES["environment_of"], (job_id,)).fetchone() or (None, None)
    connection.execute(QUERIES["mark_cleaned"], {"id": job_id, "now_us": now_us})
    connection.execute(QUERIES["forget_records_of"], (job_id,))
    _delete_specs(connection, environment)


def purge_job(tx: Transaction, job_id: int) -> list[int]:
    """Delete a final job, its strong descendants and all rows about them but events; returns the deleted ids.

    Ids are never reused. Dependencies on the deleted jobs are removed. NotFound if there is no such job;
    InvalidTransition if one of them is not final.
    """
    connection = tx.reading()
    job = job_row(connection, job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}.", path="$.id")
    doomed = _with_descendants(connection, job_id, job.status)
    _refuse_while_counted(connection, job)
    highest = last_job_id(connection)
    for each in doomed:
        specs = connection.execute(QUERIES["environment_of"], (each,)).fetchone()
        connection.execute(QUERIES["take_records_back"], {"job_id": each})
        connection.execute(QUERIES["delete_job"], (each,))
        _delete_specs(connection, *specs)
    tx.save(SetMeta("last_purged_id", str(highest)))
    return doomed


def prune_events(
    tx: Transaction,
    now_us: int,
    *,
    limit: int,
    keep_us: int = KEEP_EVENTS_US,
    keep_count: int = KEEP_EVENTS_COUNT,
) -> int:
    """Delete up to `limit` events that are older than `keep_us` and not among the newest `keep_count`.

    Returns the number. The newest event is always kept, and so are events not yet decided on by a follower.
    """
    keep = {"keep_count": max(keep_count, 1), "before_us": now_us - keep_us}
    (through,) = tx.connection.execute(QUERIES["newest_prunable"], keep).fetchone()
    if (cursor := least_cursor(tx.reading())) is not None:
        through = min(through, cursor)
    return tx.connection.execute(QUERIES["delete_events"], {"through": through, "limit": limit}).rowcount


def prune_dedup(tx: Transaction, now_us: int, *, keep_us: int = KEEP_DEDUP_US) -> int:
    """Delete deduplication ids older than `keep_us` whose job no longer exists; returns the number."""
    return tx.reading().execute(QUERIES["prune_dedup"], (now_us - keep_us,)).rowcount


def _refuse_while_counted(connection: sqlite3.Connection, job: JobRow) -> None:
    """Refuse a child of a live container, which still counts it."""
    if job.relation != "strong" or job.parent_id is None:
        return
    container = job_row(connection, job.parent_id)
    if container is not None and container.status in LIVE:
        raise InvalidTransition(
            f"job {job.id} is part of job {container.id}, which is {container.status}: "
            "purge it when that is final"
        )


def _with_descendants(connection: sqlite3.Connection, job_id: int, status: str) -> list[int]:
    """Return a job and its descendants in containers, the job first. Raises InvalidTransition."""
    found, doomed = [(job_id, status)], []
    while found:
        each, its_status = found.pop()
        if its_status in LIVE:
            raise InvalidTransition(
                f"job {each} is {its_status}: only final jobs are purged; terminate it first"
            )
        doomed.append(each)
        found.extend(connection.execute(QUERIES["strong_children"], (each,)))
    return doomed


def _delete_specs(connection: sqlite3.Connection, *hashes: str | None) -> None:
    for spec_hash in hashes:
        if spec_hash is not None:
            connection.execute(QUERIES["delete_spec_unless_used"], {"hash": spec_hash})
