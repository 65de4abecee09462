"""What triggers hear: a follower of the ends of jobs that keeps each as a cause, together with its cursor."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from lockside.documents.enums import JobType, Status
from lockside.documents.reading import from_store
from lockside.documents.trigger import Condition, TriggerSpec
from locksided import clock
from locksided.actors.messages import Decided
from locksided.core.scheduler import Scheduler
from locksided.core.transitions import FINAL
from locksided.followers.follower import Follower
from locksided.schedules.standing import us
from locksided.store import triggers
from locksided.store.rows import EventRow, JobRow
from locksided.store.store import Store
from locksided.store.time_rows import CauseRow
from locksided.store.transaction import Transaction
from locksided.store.triggers import Listening, TriggerName
from locksided.triggers.standing import planned

STATUS, CLOCK_SET = "job.status", "daemon.clockSet"
_OF_CONTAINERS = frozenset({"container", "retry"})


class Hearing:
    """Follows the ends of jobs while there are triggers."""

    def __init__(self, store: Store) -> None:
        self.news = asyncio.Event()
        """Set when causes are about to be saved."""
        self._store = store
        self._has_triggers = False

    async def load(self) -> None:
        """See whether there are any triggers; without them no end of a job wakes anybody."""
        self._has_triggers = bool(await self._store.read(triggers.everything))

    def follower(self) -> Follower:
        """Who follows."""
        return Follower("triggers", frozenset({STATUS, CLOCK_SET}), self._decide, self._concerns)

    def _concerns(self, event: EventRow) -> bool:
        if event.kind == "trigger.created":
            self._has_triggers = True
        return event.kind == CLOCK_SET or (
            self._has_triggers and event.kind == STATUS and event.data["to"] in FINAL
        )

    async def _decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        ends = {event.job_id: event for event in events if event.kind == STATUS and event.data["to"] in FINAL}
        rows = await self._store.job_rows(job_id for job_id in ends if job_id is not None)
        listening = await self._store.read(triggers.everything) if rows else []
        ended = [(ends[row.id], row) for row in rows if _is_whole(row)]
        self.news.set()
        by_us = sum(us(event.data["seconds"]) for event in events if event.kind == CLOCK_SET)
        return Decided(partial(_write, listening=listening, ended=ended, by_us=by_us))


def _is_whole(row: JobRow) -> bool:
    """Whether it is neither an attempt, nor a row, nor a phase."""
    is_part = row.relation == "strong" and row.creator_type in _OF_CONTAINERS
    return not is_part and row.type != JobType.PHASE


def _write(
    tx: Transaction,
    listening: Sequence[Listening],
    ended: Sequence[tuple[EventRow, JobRow]],
    by_us: int,
) -> None:
    if by_us:
        triggers.move(tx, by_us)
    for trigger in listening:
        spec = from_store(trigger.body, TriggerSpec)
        heard = [
            (event, job, met)
            for event, job in sorted(ended, key=lambda one: one[0].seq)
            if event.seq > trigger.since_seq and job.project == trigger.project
            for met in [_met(spec.on, job)]
            if met
        ]
        if heard:
            _hear(tx, TriggerName(trigger.project, trigger.id), spec, heard)


def _hear(
    tx: Transaction,
    name: TriggerName,
    spec: TriggerSpec,
    heard: Iterable[tuple[EventRow, JobRow, list[int]]],
) -> None:
    row = triggers.find(tx.connection, name)
    if row is None or row.is_disabled:
        return
    for event, job, met in heard:
        told = triggers.above(tx.connection, [int(part) for part in job.run_id.split(".")])
        if any(one["id"] == name.id for one in told):
            continue  # it comes from this trigger's own job
        depth = max((one["depth"] for one in told), default=0)
        triggers.hear(tx, name, CauseRow(event.seq, clock.now_us(), met, _cause(event, job), depth))
    planned(tx, row, spec)


def _met(conditions: Sequence[Condition], job: JobRow) -> list[int]:
    """The places of the conditions that the end of a job meets."""
    return [place for place, one in enumerate(conditions) if _meets(one, job)]


def _meets(condition: Condition, job: JobRow) -> bool:
    meant = condition.job
    return (
        job.component == meant.component
        and (meant.config is None or job.config == meant.config)
        and (meant.branch_id is None or (job.branch_id or "default") == meant.branch_id)
        and Status(job.status) in condition.status
    )


def _cause(event: EventRow, job: JobRow) -> dict[str, Any]:
    return {
        "kind": "job",
        "table": None,
        "version": None,
        "job": str(job.id),
        "path": None,
        "sizeBytes": None,
        "time": clock.to_text(event.time_us),
        "status": job.status,
    }
