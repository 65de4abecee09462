"""The events that triggers react to: a follower stores each as a cause, together with its cursor."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

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
from locksided.store.time_rows import CauseRow, MakerName
from locksided.store.transaction import Transaction
from locksided.store.triggers import Listening
from locksided.triggers.standing import paused_if_failing, planned

DEFAULT_BRANCH = "default"
_NOTHING = dict.fromkeys(("table", "version", "job", "path", "sizeBytes", "status"))


@dataclass(frozen=True, slots=True)
class Heard:
    """A possible cause, in the form of `cause` on the wire, with the conditions it meets.

    `seq` is that of its event, None for a file. `jobs` caused it: a job and its ancestors.
    """

    seq: int | None
    cause: dict[str, Any]
    meets: Callable[[Condition], bool]
    jobs: Sequence[int] = ()


def job_ended(event: EventRow, job: JobRow) -> Heard:
    """Return the cause for a job that ended."""
    cause = {"kind": "job", "job": str(job.id), "status": job.status, "time": clock.to_text(event.time_us)}
    return Heard(event.seq, _NOTHING | cause, partial(_meets_job, job), _lineage(job))


def table_changed(event: EventRow, job: JobRow | None) -> Heard:
    """Return the cause for a new visible version of a table, written by a job."""
    table, version, branch = (event.data[name] for name in ("table", "version", "branchId"))
    writer = None if event.job_id is None else str(event.job_id)
    cause = {"kind": "table", "table": table, "version": version, "job": writer}

    def meets(condition: Condition) -> bool:
        return bool(condition.table == table) and (condition.branch_id or DEFAULT_BRANCH) == branch

    time = {"time": clock.to_text(event.time_us)}
    return Heard(event.seq, _NOTHING | cause | time, meets, () if job is None else _lineage(job))


def file_appeared(path: str, size_bytes: int, time_us: int, meets: Callable[[Condition], bool]) -> Heard:
    """Return the cause for a file that has settled."""
    cause = {"kind": "file", "path": path, "sizeBytes": size_bytes, "time": clock.to_text(time_us)}
    return Heard(None, _NOTHING | cause, meets)


def keep(tx: Transaction, name: MakerName, spec: TriggerSpec, heard: Iterable[Heard]) -> None:
    """Store the causes that meet a condition of a trigger, and plan its next firing."""
    row = triggers.find(tx.connection, name)
    if row is None or row.is_disabled:
        return
    is_news = False
    for one in heard:
        met = [place for place, condition in enumerate(spec.on) if one.meets(condition)]
        ancestors = triggers.above(tx.connection, one.jobs) if met and one.jobs else []
        if not met or any(above["id"] == name.id for above in ancestors):
            continue  # or it comes from a job of this trigger
        depth = max((above["depth"] for above in ancestors), default=0)
        triggers.hear(tx, name, CauseRow(one.seq, clock.now_us(), met, one.cause, depth))
        is_news = True
    if is_news:
        planned(tx, row, spec)


def _lineage(job: JobRow) -> list[int]:
    return [int(part) for part in job.run_id.split(".")]


def _meets_job(job: JobRow, condition: Condition) -> bool:
    meant = condition.job
    return (
        meant is not None
        and job.component == meant.component
        and (meant.config is None or job.config == meant.config)
        and (meant.branch_id is None or (job.branch_id or DEFAULT_BRANCH) == meant.branch_id)
        and Status(job.status) in (condition.status or ())
    )


STATUS, TABLE, CLOCK_SET = "job.status", "table.changed", "daemon.clockSet"
_OF_CONTAINERS = frozenset({"container", "retry"})
_COUNTED = frozenset({Status.SUCCESS, Status.WARNING, Status.ERROR})


class Hearing:
    """Follows ends of jobs and versions of tables while there are triggers.

    `news` is set when causes are about to be saved.
    """

    def __init__(self, store: Store, news: asyncio.Event) -> None:
        self.news = news
        self._store = store
        self._has_triggers = False

    async def load(self) -> None:
        """Read whether there are any triggers; without them no event wakes the follower."""
        self._has_triggers = bool(await self._store.read(triggers.everything))

    def follower(self) -> Follower:
        return Follower("triggers", frozenset({STATUS, TABLE, CLOCK_SET}), self._decide, self._concerns)

    def _concerns(self, events: Sequence[EventRow], kinds: frozenset[str]) -> bool:
        if "trigger.created" in kinds:
            self._has_triggers = True
        return CLOCK_SET in kinds or (self._has_triggers and any(map(_is_heard, events)))

    async def _decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        concerning = [event for event in events if _is_heard(event)]
        rows = {
            row.id: row
            for row in await self._store.job_rows({event.job_id for event in concerning if event.job_id})
        }
        heard = [(event, one) for event in concerning if (one := _heard(event, rows.get(event.job_id or 0)))]
        ended = [row for row in rows.values() if row.trigger_id is not None and row.status in _COUNTED]
        listening = await self._store.read(triggers.everything) if heard else []
        self.news.set()
        by_us = sum(us(event.data["seconds"]) for event in events if event.kind == CLOCK_SET)
        return Decided(partial(_write, listening=listening, heard=heard, ended=ended, by_us=by_us))


def _is_heard(event: EventRow) -> bool:
    return event.kind == TABLE or (event.kind == STATUS and event.data["to"] in FINAL)


def _heard(event: EventRow, job: JobRow | None) -> Heard | None:
    """Return an event as a possible cause; None if its job is gone or is a part of another."""
    if event.kind == TABLE:
        return table_changed(event, job)
    return job_ended(event, job) if job is not None and _is_whole(job) else None


def _is_whole(row: JobRow) -> bool:
    """Return whether it is neither an attempt, nor a row, nor a phase."""
    is_part = row.relation == "strong" and row.creator_type in _OF_CONTAINERS
    return not is_part and row.type != JobType.PHASE


def _write(
    tx: Transaction,
    listening: Sequence[Listening],
    heard: Sequence[tuple[EventRow, Heard]],
    ended: Sequence[JobRow],
    by_us: int,
) -> None:
    if by_us:
        triggers.move(tx, by_us)
    for trigger in listening:
        own = [
            one for event, one in heard if event.seq > trigger.since_seq and event.project == trigger.project
        ]
        if own:
            keep(tx, MakerName(trigger.project, trigger.id), from_store(trigger.body, TriggerSpec), own)
    for job in sorted(ended, key=lambda row: (row.end_us or 0, row.id)):
        if _is_whole(job):
            _count(tx, job)


def _count(tx: Transaction, job: JobRow) -> None:
    """Count the failures in a row of the trigger that created a job; too many pause it."""
    found = triggers.with_document(tx.connection, MakerName(job.project, job.trigger_id or ""))
    if found is None:
        return
    row, body = found
    failures = row.failures + 1 if job.status == Status.ERROR else 0
    if failures == row.failures:
        return
    row = msgspec.structs.replace(row, failures=failures)
    spec = from_store(body, TriggerSpec)
    if failures:
        row = paused_if_failing(tx, row, spec, f"the last is job {job.id}")
    triggers.save(tx, row)
