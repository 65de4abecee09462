"""Builds the core's state from stored records, with the same indexes that steps maintain."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockside.documents.enums import CheckOutcome, JobType, OnError, OnLost, Status
from locksided.core import dispatch, pool_control
from locksided.core.containers import Container, cause_of
from locksided.core.jobs import HeldBy, Job, Run, Terms, UnverifiedJob, terms
from locksided.core.model import Condition, Needs, RetryPolicy
from locksided.core.pools import Pool, Trouble, site_of
from locksided.core.recoveries import Block, CheckResult, RecoveryCondition
from locksided.core.resources import ResourceTerms, Share
from locksided.core.saves import Save
from locksided.core.state import State
from locksided.core.table_locks import TableClaim
from locksided.core.transitions import FINAL, STARTED
from locksided.core.turn import Turn

DEFAULT_POOL = "default"


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """A stored pool."""

    id: str
    slots: int | None
    executor: str = "local"
    description: str = ""
    paused_by: str | None = None
    paused_us: int | None = None
    comment: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    backends: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The columns of a live job that the core needs, as they are stored."""

    id: int
    run_id: str
    project: str
    owner_uid: int | None
    type: str
    pool: str | None
    priority: int
    line_order: int
    lock_key: str | None
    lock_policy: str | None
    start_at_us: int | None
    held_by: str | None
    held_us: int | None
    status: str
    desired_status: str
    created_us: int
    ready_us: int | None
    start_us: int | None
    starts: int
    launches: int
    lost_count: int
    preempted_count: int
    step: int
    start_token: str | None
    stages: Mapping[str, int] | None
    spawned: int | bool
    duration_us: int
    paused_us: int
    paused_since_us: int | None
    paused_by: str | None
    on_lost: str | None
    relation: str | None = None
    behavior_on_error: str | None = None
    delay_us: int | None = None
    parallelism: int | str | None = None
    retry: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    name: str | None = None
    component: str | None = None
    config: str | None = None
    claim: Mapping[str, Any] | None = None
    reads: Sequence[str] | None = None
    pools: Sequence[str] | None = None
    needs: Mapping[str, int] | None = None
    resources: Mapping[str, Any] | None = None
    message: str | None = None
    block: Mapping[str, Any] | None = None
    blocked_count: int = 0
    blocked_us: int | None = None


@dataclass(frozen=True, slots=True)
class ConditionRecord:
    """A stored condition that blocks jobs."""

    id: str
    project: str
    tester: str
    asks: int | bool
    next_check_us: int
    pause_us: int
    checks: int
    last: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """A child as its container counts it, final or not."""

    id: int
    parent_id: int
    status: str
    end_cause: str | None
    behavior_on_error: str | None
    attempt: int
    relation: str | None = "strong"
    message: str | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LoadedState:
    """Everything a core is loaded from. `trouble` is why no pool can start anything yet.

    `pending` has the dependencies between live jobs. Containers precede their children.
    """

    next_id: int
    max_requeues: int
    retention_us: int
    now_us: int
    pools: tuple[PoolRecord, ...] = ()
    trouble: str | None = None
    draining: str | None = None
    next_serial: int = 1
    jobs: tuple[JobRecord, ...] = ()
    pending: Mapping[int, Mapping[int, Condition]] = field(default_factory=dict)
    children: tuple[ChildRecord, ...] = ()
    conditions: tuple[ConditionRecord, ...] = ()
    resources: tuple[ResourceTerms, ...] = ()
    reserve_us: int | None = 600_000_000


def restore(loaded: LoadedState) -> tuple[State, list[Save]]:
    """Return the state, and the saves that correct statuses that were not up to date."""
    state = without_jobs(loaded)
    jobs = [add_job(state, record, loaded.pending.get(record.id)) for record in loaded.jobs]
    for child in loaded.children:
        add_child(state, child)
    return state, rebuild_lines(state, jobs, loaded.now_us).saves


def without_jobs(loaded: LoadedState) -> State:
    """Return the state without its jobs, for callers that add them one by one."""
    state = State(loaded.next_id, loaded.max_requeues, loaded.retention_us)
    state.next_serial = loaded.next_serial
    state.reserve_us = loaded.reserve_us
    for one in loaded.resources:
        pool_control.keep_to(state, one)
    for record in loaded.pools:
        pool = _add_pool(state, record)
        pool.trouble = None if loaded.trouble is None else Trouble(loaded.trouble, loaded.now_us)
    if loaded.draining is not None:
        since_us, _, by = loaded.draining.partition(" ")
        state.draining = HeldBy(by, int(since_us))
    for condition in loaded.conditions:
        state.recoveries.add(_condition(condition))
    return state


def _condition(record: ConditionRecord) -> RecoveryCondition:
    last = record.last
    result = last and CheckResult(last["time_us"], CheckOutcome(last["outcome"]), last["message"])
    condition = RecoveryCondition(record.id, record.project, record.tester, asks=bool(record.asks))
    condition.next_check_us = record.next_check_us
    condition.pause_us = record.pause_us
    condition.checks = record.checks
    condition.last = result or None
    return condition


def _add_pool(state: State, record: PoolRecord) -> Pool:
    pool = state.pools[record.id] = Pool(
        record.id, record.slots, site_of(record.executor, record.options, record.backends)
    )
    if pool.site is not None and record.capabilities is not None:
        pool.capabilities = frozenset(record.capabilities)
    pool.description = record.description
    pool.paused_by = record.paused_by
    pool.paused_us = record.paused_us or 0
    pool.comment = record.comment
    return pool


def add_job(state: State, record: JobRecord, pending: Mapping[int, Condition] | None = None) -> Job:
    """Add a stored job that is not final. A container must be added before its children."""
    job = _container(state, record) if record.type != JobType.STANDARD else _standard_job(state, record)
    job.status = Status(record.status)
    job.priority = record.priority
    job.order = record.line_order
    job.ready_us = record.ready_us or record.created_us
    job.start_at_us = _pending_start_time(record)
    job.terms = _terms(record)
    job.pending = dict(pending) if pending else None
    if record.held_by is not None:
        job.held = HeldBy(record.held_by, record.held_us or record.created_us)
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
    share = (record.lock_policy or "").partition(":")[2] if record.lock_key is not None else ""
    reads = record.type == JobType.STANDARD and bool(record.reads)
    return terms(int(share or 0), OnLost(record.on_lost or OnLost.REQUEUE), on_error, reads_tables=reads)


def _standard_job(state: State, record: JobRecord) -> Job:
    """Create a standard job. Whether its program exists is not stored: it is checked again before a start."""
    kind = Job if Status(record.status) in STARTED else UnverifiedJob
    first, needs = record.pool or DEFAULT_POOL, Needs.from_data(record.needs)
    known = {one.id for one in state.resources_of(record.project)}
    for name in {name for name, _ in needs.resources} - known:  # deleted before the job was saved
        pool_control.keep_to(state, ResourceTerms(record.project, name, 0))
    demand = state.demand_of(record.project, tuple(record.pools or (first,)), needs)
    job = kind(record.id, record.project, record.owner_uid or 0, demand, record.created_us)
    job.pool = state.pool(first)
    return job


def _container(state: State, record: JobRecord) -> Container:
    type_ = JobType(record.type)
    container = Container(
        record.id, record.project, record.owner_uid or 0, state.no_demand, record.created_us, type_
    )
    container.pool_id = record.pool or DEFAULT_POOL
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
    """Let a live container count a strong child that is final, or an attempt."""
    container = state.jobs.get(record.parent_id)
    if not isinstance(container, Container):
        return
    if container.type is JobType.RETRY:
        container.attempts = max(container.attempts, record.attempt + 1)
        return
    status = Status(record.status)
    if status in FINAL:
        on_error = OnError(record.behavior_on_error) if record.behavior_on_error is not None else None
        cause = cause_of(record.id, record.error, record.message)
        container.tally.add(record.id, status, record.end_cause or "", on_error, cause)


def _pending_start_time(record: JobRecord) -> int | None:
    """Return the start time; None if it had already come when the job last became ready."""
    at_us = record.start_at_us
    return (
        at_us
        if at_us is not None and not record.launches and at_us > (record.ready_us or record.created_us)
        else None
    )


def _run(record: JobRecord) -> Run:
    run = Run()
    run.launches = record.launches
    run.starts = record.starts
    run.lost_count = record.lost_count
    run.preempted_count = record.preempted_count
    run.step = record.step
    run.token = record.start_token
    run.spawned = bool(record.spawned)
    run.stop_asked = record.desired_status == Status.TERMINATING
    run.start_us = record.start_us or 0
    run.paused_us = record.paused_us
    run.paused_since_us = record.paused_since_us
    run.paused_by = record.paused_by
    run.claim = None if record.claim is None else TableClaim.from_data(record.claim)
    run.shares = {name: Share.from_data(one) for name, one in (record.resources or {}).items()}
    run.duration_us = record.duration_us
    run.stages = dict(record.stages or {})
    run.blocked_count, run.blocked_us = record.blocked_count, record.blocked_us
    if record.block is not None:
        run.block = Block.from_data(record.block, record.result, record.message)
    return run


def rebuild_lines(state: State, jobs: Iterable[Job], now_us: int) -> Turn:
    """Rebuild holders and lines from the loaded jobs. Nothing starts here.

    The saves of the returned turn correct statuses that were not up to date.
    """
    turn = Turn(state, now_us)
    state.tables.rebuild(state.jobs.values())
    for job in jobs:
        if job.has_started:
            state.occupy(job)
            job.pool.full_since_us = max(job.pool.full_since_us, job.run.start_us if job.run else 0)
        elif job.stands_in_line:
            line = state.line_of(job)
            line.add(job)
            turn.mark_line(line)
        elif job.block is not None:
            state.recoveries.join(job)
    dispatch.refresh_dirty_lines(turn)
    for job in state.jobs.values():
        if not job.has_started:
            dispatch.update_status(turn, job)
    return turn
