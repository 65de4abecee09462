"""Builds the core's state from what the store has: the same indexes that the steps keep, made anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import JobType, OnError, OnLost, Status
from locksided.core import dispatch
from locksided.core.families import Container
from locksided.core.jobs import DoubtedJob, Hold, Job, Run, Terms, terms
from locksided.core.model import Condition, RetryPolicy
from locksided.core.pools import Pool
from locksided.core.state import State
from locksided.core.transitions import FINAL, STARTED
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
    relation: str | None = None
    behavior_on_error: str | None = None
    delay_us: int | None = None
    parallelism: int | str | None = None
    retry: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    name: str | None = None
    component: str | None = None
    config: str | None = None


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """A strong child as its container counts it."""

    id: int
    container_id: int
    status: str
    end_cause: str | None
    behavior_on_error: str | None
    attempt: int


def add_pool(state: State, record: PoolRecord) -> None:
    """Take over a stored pool."""
    pool = state.pools[record.id] = Pool(record.id, record.slots, record.executor)
    pool.description = record.description
    pool.paused_by = record.paused_by
    pool.paused_us = record.paused_us or 0
    pool.comment = record.comment


def add_job(state: State, record: JobRecord, pending: Mapping[int, Condition] | None = None) -> Job:
    """Take over a stored job that is not final. A container must come before its children."""
    job = _container(state, record) if record.type != JobType.STANDARD else _standard(state, record)
    job.status = Status(record.status)
    job.priority = record.priority
    job.order = record.line_order
    job.entered_us = record.ready_us
    job.start_at_us = _start_time_to_come(record)
    job.terms = _terms(record)
    job.pending = dict(pending) if pending else None
    if record.held_by is not None:
        job.held = Hold(record.held_by, record.held_us or record.created_us)
    _join_family(state, job, record)
    if record.lock_key is not None:
        job.gate = state.gate(record.project, record.lock_key)
    if record.launches or (isinstance(job, Container) and job.has_started):
        job.run = _run(record)
    if job.start_at_us is not None and job.container is None and record.delay_us is not None:
        state.delayed.add(job.id)
    state.add(job)
    return job


def _terms(record: JobRecord) -> Terms:
    on_error = OnError(record.behavior_on_error) if record.behavior_on_error is not None else None
    share = record.lock_policy.partition(":")[2] if record.lock_key is not None else ""
    return terms(int(share or 0), OnLost(record.on_lost), on_error)


def _standard(state: State, record: JobRecord) -> Job:
    """Whether the program of one that has not started was there is not stored: it is looked for again."""
    kind = Job if Status(record.status) in STARTED else DoubtedJob
    return kind(record.id, record.project, record.owner_uid, state.pool(record.pool), record.created_us)


def _container(state: State, record: JobRecord) -> Container:
    type_ = JobType(record.type)
    container = Container(
        record.id, record.project, record.owner_uid, state.no_pool, record.created_us, type_
    )
    container.pool_id = record.pool
    container.limit_to(record.parallelism if isinstance(record.parallelism, int) else None)
    container.result = record.result
    if type_ is JobType.PHASE:
        container.title = record.name
    if record.retry is not None:
        container.policy = RetryPolicy.from_data(record.retry)
        container.about = {"component": record.component, "config": record.config}
    return container


def _join_family(state: State, job: Job, record: JobRecord) -> None:
    job.lineage = tuple(int(part) for part in record.run_id.split(".")[:-1])
    if record.relation == "strong":
        container = state.jobs[job.lineage[-1]]
        assert isinstance(container, Container), f"job {job.id} is a strong child of what is no container"
        job.container = container
        job.lineage = container.child_lineage
        job.gate = container.rows
        if record.delay_us is not None and not container.has_started:
            container.delays[job.id] = record.delay_us
    if isinstance(job, Container):
        job.child_lineage = (*job.lineage, job.id)


def add_child(state: State, record: ChildRecord) -> None:
    """Let a live container count one of its strong children; those that live are known already."""
    container = state.jobs.get(record.container_id)
    if not isinstance(container, Container):
        return
    if container.type is JobType.RETRY:
        container.attempts = max(container.attempts, record.attempt + 1)
        return
    status = Status(record.status)
    if status in FINAL:
        on_error = OnError(record.behavior_on_error) if record.behavior_on_error is not None else None
        container.tally.add(record.id, status, record.end_cause or "", on_error)


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
