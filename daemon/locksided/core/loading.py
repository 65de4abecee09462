"""Builds the core's state from what the store has: the same indexes that the steps keep, made anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from locksided.core import dispatch
from locksided.core.jobs import Hold, Job, Run
from locksided.core.model import Condition, JobType, OnLost, Status
from locksided.core.pools import Pool
from locksided.core.state import State
from locksided.core.turn import Turn


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """A pool as stored."""

    id: str
    slots: int | None
    executor: str = "local"
    description: str = ""
    paused_by: str | None = None
    paused_us: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The columns of a live job that the core needs."""

    id: int
    run_id: str
    project: str
    owner_uid: int
    type: str
    pool: str
    priority: int
    line_order: int
    lock_key: str | None
    lock_policy: str
    start_at_us: int | None
    held_by: str | None
    held_us: int | None
    status: str
    desired_status: str
    created_us: int
    ready_us: int
    start_us: int | None
    starts: int
    launches: int
    lost_count: int
    step: int
    start_token: str | None
    stages: Mapping[str, int]
    spawned: bool
    duration_us: int
    paused_us: int
    paused_since_us: int | None
    on_lost: str


def add_pool(state: State, record: PoolRecord) -> None:
    """Take over a stored pool."""
    pool = state.pools[record.id] = Pool(record.id, record.slots, record.executor)
    pool.description = record.description
    pool.paused_by = record.paused_by
    pool.paused_us = record.paused_us or 0
    pool.comment = record.comment


def add_job(state: State, record: JobRecord, pending: Mapping[int, Condition] | None = None) -> Job:
    """Take over a stored job that is not final."""
    job = Job(record.id, record.project, record.owner_uid, state.pool(record.pool), record.created_us)
    job.type = JobType(record.type)
    job.status = Status(record.status)
    job.priority = record.priority
    job.order = record.line_order
    job.entered_us = record.ready_us
    job.start_at_us = _start_time_to_come(record)
    job.on_lost = OnLost(record.on_lost)
    job.lineage = tuple(int(part) for part in record.run_id.split(".")[:-1])
    job.pending = dict(pending) if pending else None
    if record.held_by is not None:
        job.held = Hold(record.held_by, record.held_us or record.created_us)
    if record.lock_key is not None:
        job.gate = state.gate(record.project, record.lock_key)
        _, _, share = record.lock_policy.partition(":")
        job.lock_share = int(share or 0)
    if record.launches:
        job.run = _run(record)
    state.add(job)
    return job


def _start_time_to_come(record: JobRecord) -> int | None:
    """None when it had come already as the job last came to its place."""
    at_us = record.start_at_us
    return at_us if at_us is not None and not record.launches and at_us > record.ready_us else None


def _run(record: JobRecord) -> Run:
    run = Run()
    run.launches = record.launches
    run.starts = record.starts
    run.lost_count = record.lost_count
    run.step = record.step
    run.token = record.start_token
    run.spawned = record.spawned
    run.stop_asked = record.desired_status == Status.TERMINATING
    run.start_us = record.start_us or 0
    run.paused_us = record.paused_us
    run.paused_since_us = record.paused_since_us
    run.duration_us = record.duration_us
    run.stages = dict(record.stages)
    return run


def stand_in_lines(state: State, jobs: Iterable[Job], now_us: int) -> Turn:
    """Let the loaded jobs hold what they hold and stand where they stand. Nothing starts here.

    Answers the turn, whose saves are the statuses that were not up to date.
    """
    turn = Turn(state, now_us)
    for job in jobs:
        if job.has_started:
            state.occupy(job)
            job.pool.full_since_us = max(job.pool.full_since_us, job.run.start_us if job.run else 0)
        elif job.stands_in_line:
            line = state.line_of(job)
            line.add(job)
            turn.touch(line)
    dispatch.refresh_touched(turn)
    for job in state.jobs.values():
        if not job.has_started:
            dispatch.restate(turn, job)
    return turn


def set_draining(state: State, text: str | None) -> None:
    """Take over what is stored under `draining`: since when and by whom; None when nobody drains."""
    if text is not None:
        since_us, _, by = text.partition(" ")
        state.draining = Hold(by, int(since_us))
