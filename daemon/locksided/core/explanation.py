"""Why a job waits: the blockers of `admission`, each with its details."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from locksided.core.admission import blockers, pool_blockers
from locksided.core.candidates import before
from locksided.core.containers import Container
from locksided.core.jobs import Job, UnverifiedJob
from locksided.core.model import Dependency, ReasonKind
from locksided.core.parallelism import ParallelGate
from locksided.core.pools import Pool
from locksided.core.reasons import (
    ConfigLock,
    Dependencies,
    Draining,
    EngineQueue,
    Explanation,
    Held,
    Holder,
    NoExecutor,
    NoProgram,
    Parallelism,
    PhaseOrder,
    PoolFull,
    PoolPaused,
    Reason,
    Recovery,
    ResourceShort,
    StartTime,
    StoreUnavailable,
    TableLock,
)
from locksided.core.resources import Resource
from locksided.core.sorted_jobs import sort_key
from locksided.core.state import State

R = ReasonKind
_OF_POOLS = frozenset({R.POOL_FULL, R.POOL_PAUSED, R.NO_EXECUTOR})


def explain(state: State, job: Job, *, count: bool = False) -> Explanation:
    """Return all reasons why a job waits; with `count` also the number of jobs ahead of it in its pool.

    The job's reasons are followed by those of the unstarted containers above it, the nearest first.
    """
    if job.has_started:
        return Explanation(job.status, tuple(_running_reasons(state, job)), None)
    in_pool = count and job.stands_in_line and not isinstance(job, Container)
    ahead = _ahead_in_pool(state, job) if in_pool else None
    reasons = list(_reasons(state, job, ahead, count=count))
    for above in waiting_containers(job):
        reasons += [_inherited(job, above, reason) for reason in _reasons(state, above, None)]
    return Explanation(job.status, tuple(reasons), None if ahead is None else ahead + 1)


def _running_reasons(state: State, job: Job) -> Iterator[Reason]:
    run = job.run
    if run is not None and run.engine is not None:
        yield _engine_queue(job, run.engine)
    if run is None or run.claim is None or not run.waits_for_tables:
        return
    before = {table: state.tables.before(job, table) for table in run.claim.tables}
    others = {other.id: other.run for earlier in before.values() for other in earlier}
    holders = tuple(other for other, one in others.items() if one is not None and not one.waits_for_tables)
    yield TableLock(
        since_us=run.claim.since_us,
        tables=tuple(table for table, earlier in before.items() if earlier),
        holders=holders,
        ahead=len(others) - len(holders),
    )


def _engine_queue(job: Job, progress: Mapping[str, Any]) -> EngineQueue:
    return EngineQueue(
        since_us=progress["since_us"],
        pool=job.pool.id,
        engine=progress.get("engine") or job.pool.executor,
        scheduler_job_id=progress.get("schedulerJobId"),
        state=progress.get("remoteState"),
        engine_reason=progress.get("remoteReason"),
        why=progress["why"],
        estimated_start=progress.get("estimatedStart"),
    )


def waiting_containers(job: Job) -> Iterator[Container]:
    """Yield the containers above the job that have not started, the nearest first."""
    above = job.container
    while above is not None and not above.has_started:
        yield above
        above = above.container


def _reasons(state: State, job: Job, ahead: int | None, *, count: bool = False) -> Iterator[Reason]:
    """Yield what blocks the job itself, with a reason for each pool and resource that does."""
    walk = before(state, job) if job.stands_in_line else None
    for kind in blockers(state, job):
        if kind is R.RESOURCE:
            assert walk is not None
            yield from (_resource(state, job, *one, count=count) for one in walk.short(job))
        elif kind in _OF_POOLS:
            yield from (_pool_reason(job, *one, ahead) for one in pool_blockers(job, walk) if one[0] is kind)
            if kind is R.NO_EXECUTOR and not job.program.is_settled:
                yield _no_program(job)
        else:
            yield _reason(state, job, kind)


def _inherited(job: Job, above: Container, reason: Reason) -> Reason:
    return replace(reason, via=above.id, since_us=max(reason.since_us, job.created_us))


def _ahead_in_pool(state: State, job: Job) -> int:
    """Return how many jobs that wait in a line for one of its pools precede the job."""
    mine, pools = sort_key(job), set(job.demand.pools)
    return sum(
        1
        for other in state.jobs.values()
        if not pools.isdisjoint(other.demand.pools)
        and not other.has_started
        and other.stands_in_line
        and sort_key(other) < mine
    )


def _reason(state: State, job: Job, kind: ReasonKind) -> Reason:
    match kind:
        case R.CONFIG_LOCK:
            return _config_lock(job)
        case R.PARALLELISM:
            return _parallelism(job)
        case R.DEPENDENCY:
            jobs = tuple(Dependency(*one) for one in (job.pending or {}).items())
            return Dependencies(since_us=job.created_us, jobs=jobs)
        case R.PHASE:
            return _phase_order(state, job)
        case R.START_TIME:
            assert job.start_at_us is not None
            return StartTime(since_us=_start_time_since(job), at_us=job.start_at_us)
        case R.HELD:
            assert job.held is not None
            return Held(since_us=max(job.held.since_us, job.created_us), by=job.held.by)
        case R.DRAINING:
            assert state.draining is not None
            return Draining(since_us=_blocked_since(job, state.draining.since_us), by=state.draining.by)
        case R.STORE_UNAVAILABLE:
            trouble = state.store_trouble
            assert trouble is not None
            since_us = _blocked_since(job, trouble.since_us)
            return StoreUnavailable(since_us=since_us, cause=trouble.cause, remedy=trouble.remedy)
        case R.RECOVERY:
            return _recovery(state, job)
        case _:
            raise AssertionError(f"job {job.id} waits for a {kind} that nothing started")


def _recovery(state: State, job: Job) -> Recovery:
    block, run = job.block, job.run
    assert block is not None
    assert run is not None
    condition = state.recoveries.conditions[block.terms.condition]
    return Recovery(
        since_us=max(block.since_us, job.created_us),
        policy=block.terms.policy,
        condition=condition.id,
        tester=condition.tester,
        next_check_us=condition.next_check_us,
        is_checking=condition.is_checking,
        blocked_count=run.blocked_count,
        expires_us=block.expires_us,
        last=condition.last,
    )


def _blocked_since(job: Job, cause_us: int) -> int:
    return max(job.waiting_since_us, cause_us)


def _start_time_since(job: Job) -> int:
    """Return since when the start time blocks the job: a child's delay starts with its container."""
    return job.waiting_since_us if job.container is not None else job.created_us


def _config_lock(job: Job) -> ConfigLock:
    gate = job.gate
    assert gate is not None
    blocking = () if gate.admits(job) else gate.holders
    return ConfigLock(
        since_us=_blocked_since(job, _closed_since(job, blocking)),
        lock_key=gate.key,
        holders=tuple(map(_holder, blocking)),
        ahead=job.line.ahead(job) if job.line is not None else 0,
        has_ancestor=any(holder.id in job.lineage for holder in blocking),
    )


def _holder(job: Job) -> Holder:
    run = job.run
    assert run is not None
    return Holder(job.id, run.paused_since_us is not None, run.survivors)


def _closed_since(job: Job, blocking: Sequence[Job]) -> int:
    """Return when the holder that closed the gate started: the first, or the N-th for `shared:N`."""
    starts = sorted(holder.run.start_us for holder in blocking if holder.run is not None)
    return starts[min(max(job.lock_share, 1), len(starts)) - 1] if starts else job.waiting_since_us


def _parallelism(job: Job) -> Parallelism:
    gate = job.gate
    assert isinstance(gate, ParallelGate)
    running = tuple(child.id for child in gate.holders)
    starts = [child.run.start_us for child in gate.holders if child.run is not None]
    since_us = max(starts) if len(running) >= gate.limit else job.waiting_since_us
    return Parallelism(
        since_us=_blocked_since(job, since_us),
        container=gate.container.id,
        limit=gate.limit,
        running=running,
        ahead=job.line.ahead(job) if job.line is not None else 0,
    )


def _phase_order(state: State, job: Job) -> PhaseOrder:
    phases = [phase for other in job.pending or () if isinstance(phase := state.jobs[other], Container)]
    titles = tuple(phase.title or str(phase.id) for phase in phases)
    jobs = tuple(child_id for phase in phases for child_id in phase.children)
    return PhaseOrder(since_us=job.created_us, phases=titles, jobs=jobs)


def _no_program(job: Job) -> NoProgram:
    awaits = job.awaits if isinstance(job, UnverifiedJob) else None
    return NoProgram(since_us=job.waiting_since_us, pool=job.pool.id, cause=awaits)


def _resource(state: State, job: Job, resource: Resource, amount: int, *, count: bool) -> ResourceShort:
    mine = sort_key(job)
    waiting = (
        other
        for other in state.jobs.values()
        if resource in dict(other.demand.resources) and not other.has_started and other.stands_in_line
    )
    starts = [holder.run.start_us for holder in resource.holders if holder.run is not None]
    return ResourceShort(
        since_us=_blocked_since(job, max(starts, default=0)),
        resource=resource.id,
        capacity=resource.capacity,
        need=amount,
        free=resource.free,
        holders=tuple(holder.id for holder in resource.holders),
        ahead=sum(sort_key(other) < mine for other in waiting) if count else None,
        reserved_for=next((one.id for one in state.reserved if resource in dict(one.demand.resources)), None),
    )


def _pool_reason(job: Job, kind: ReasonKind, pool: Pool, ahead: int | None) -> Reason:
    if kind is R.POOL_PAUSED:
        since_us = _blocked_since(job, pool.paused_us)
        return PoolPaused(since_us=since_us, pool=pool.id, by=pool.paused_by, comment=pool.comment)
    if kind is R.NO_EXECUTOR:
        assert pool.trouble is not None
        since_us = _blocked_since(job, pool.trouble.since_us)
        return NoExecutor(since_us=since_us, pool=pool.id, cause=pool.trouble.cause)
    running = tuple(pool.slot_holders)
    return PoolFull(
        since_us=_blocked_since(job, pool.full_since_us),
        pool=pool.id,
        slots=pool.slots,
        running=running,
        ahead=ahead,
        has_ancestor=bool(running) and all(one in job.lineage for one in running),
    )
