"""Timers for notifications about long jobs, and average durations of jobs."""

from collections.abc import Callable
from typing import NamedTuple

from lockside.documents.enums import JobType
from locksided.store.notifications import SubscriptionName
from locksided.store.rows import JobRow
from locksided.store.sql import QUERIES, Database
from locksided.store.transaction import Transaction

RUNS_OF_AN_AVERAGE, FEWEST_RUNS = 20, 3
RUNS_LOOKED_AT = 200


class TimerRow(NamedTuple):
    """A notification about a job that has run or waited for `after_us`; `seq` is the first event."""

    job_id: int
    project: str
    subscription: str
    event: str
    seq: int
    after_us: int
    average_us: int | None

    @property
    def name(self) -> SubscriptionName:
        """The subscription that is notified."""
        return SubscriptionName(self.project, self.subscription)


def add(tx: Transaction, row: TimerRow) -> None:
    """Set a timer, once for each job, subscription and event; none if the job no longer exists."""
    tx.connection.execute(QUERIES["put_notification_timer"], row._asdict())


def everything(connection: Database) -> list[TimerRow]:
    """Return all timers."""
    return [TimerRow(*row) for row in connection.execute(QUERIES["notification_timers"])]


def forget(tx: Transaction, row: TimerRow) -> bool:
    """Delete a timer; False if that was done before."""
    return tx.connection.execute(QUERIES["delete_notification_timer"], row[:4]).rowcount == 1


def average_us(connection: Database, job: JobRow, rows_of: Callable[[str], object]) -> int | None:
    """Return the average duration of the last similar jobs; None if there are too few.

    They have the same configuration and ran the same rows, which `rows_of` returns for a specification;
    without a configuration they have the same specification. A phase is compared with its other runs.
    """
    values = {
        "project": job.project,
        "component": job.component,
        "branch": job.branch_id or "",
        "mode": job.mode,
        "type": job.type,
        "spec_hash": job.spec_hash,
        "before": job.id,
        "phase": job.creator_id if job.type == JobType.PHASE else None,
    }
    if job.config is None:
        found = connection.execute(
            QUERIES["good_runs_of_spec"], {**values, "limit": RUNS_OF_AN_AVERAGE}
        ).fetchall()
    else:
        values = {**values, "config": job.config, "limit": RUNS_LOOKED_AT}
        wanted = rows_of(job.spec_hash or "")
        runs = connection.execute(QUERIES["good_runs_of_config"], values).fetchall()
        found = [run for run in runs if run[0] == job.spec_hash or rows_of(run[0]) == wanted]
    durations = [duration_us for _, duration_us in found[:RUNS_OF_AN_AVERAGE]]
    return sum(durations) // len(durations) if len(durations) >= FEWEST_RUNS else None
