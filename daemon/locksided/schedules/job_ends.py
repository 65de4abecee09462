"""Applies the ends of jobs to their schedules: counts failures in a row, and pauses after too many.

It follows the log, so every end counts once. It is not woken by ends of other jobs.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from lockside.documents.enums import Status
from locksided import clock
from locksided.actors.broker import ended_jobs
from locksided.actors.messages import Decided
from locksided.core.scheduler import Scheduler
from locksided.followers.follower import Follower
from locksided.schedules.ledger import paused_if_failing
from locksided.schedules.settling import read
from locksided.schedules.standing import us
from locksided.store import schedules
from locksided.store.rows import EventRow, JobRow
from locksided.store.store import Store
from locksided.store.time_rows import MakerName
from locksided.store.transaction import Transaction

CREATED, STATUS, CLOCK_SET = "job.created", "job.status", "daemon.clockSet"


class Ends:
    """Follows the ends of the jobs created by schedules, and changes of the clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: set[int] = set()

    async def load(self) -> None:
        """Read which jobs are live; earlier ends are found after the cursor."""
        self._live.update(await self._store.read(schedules.live_of_all))

    def follower(self) -> Follower:
        return Follower("schedules", frozenset({STATUS, CLOCK_SET}), self._decide, self._concerns)

    def _concerns(self, events: Sequence[EventRow], kinds: frozenset[str]) -> bool:
        if CREATED in kinds:
            made = [event for event in events if event.kind == CREATED and "schedule" in event.data]
            self._live.update(event.job_id for event in made if event.job_id is not None)
        ended = self._live & ended_jobs(events) if self._live else set()
        self._live -= ended
        return bool(ended) or CLOCK_SET in kinds

    async def _decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        ended = ended_jobs(events)
        rows = [row for row in await self._store.job_rows(ended) if _counts(row)] if ended else []
        by_us = sum(us(event.data["seconds"]) for event in events if event.kind == CLOCK_SET)
        return Decided(partial(_write, ended=rows, by_us=by_us, now_us=clock.now_us()))


def _counts(row: JobRow) -> bool:
    """Return whether the job counts for its schedule: not part of a backfill, and not terminated."""
    if row.schedule_id is None or row.schedule is None or row.schedule["backfill"] is not None:
        return False
    return row.status in (Status.SUCCESS, Status.WARNING, Status.ERROR)


def _write(tx: Transaction, ended: Sequence[JobRow], by_us: int, now_us: int) -> None:
    if by_us:
        schedules.move_expectations(tx, by_us)
    for job in sorted(ended, key=lambda row: (row.end_us or 0, row.id)):
        found = read(tx.connection, MakerName(job.project, job.schedule_id or ""))
        if found is not None:
            failures = found.row.failures + 1 if job.status == Status.ERROR else 0
            row = msgspec.structs.replace(found.row, failures=failures)
            if failures:
                row = paused_if_failing(tx, row, found.spec, now_us, f"the last is job {job.id}")
            schedules.save(tx, row)
