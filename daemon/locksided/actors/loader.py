"""Reads the core from the store: at the start, and again whenever a save failed."""

import gc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from sys import intern

from locksided import clock
from locksided.core.containers import Container
from locksided.core.loading import (
    ChildRecord,
    JobRecord,
    PoolRecord,
    add_child,
    add_job,
    add_pool,
    rebuild_lines,
    set_draining,
)
from locksided.core.model import Condition
from locksided.core.pools import Trouble
from locksided.core.scheduler import Scheduler
from locksided.core.state import DAY_US, State
from locksided.settings import Settings, default_slots
from locksided.store.rows import ChildRow, LiveJob
from locksided.store.store import Store

NOT_YET = "the keeper is not connected yet"


async def load_core(store: Store, settings: Settings) -> Scheduler:
    """The core as the store has it. Raises StoreUnavailable when it cannot be read."""
    retention_us = int(settings.jobs.retention_days * DAY_US)
    state = State(await store.last_job_id() + 1, settings.jobs.max_requeues, retention_us)
    for pool_id, pool in settings.pools.items():
        add_pool(state, PoolRecord(pool_id, pool.slots or default_slots()))
    for row in await store.pools():
        add_pool(
            state,
            PoolRecord(
                row.id,
                row.slots,
                row.executor,
                row.description or "",
                row.paused_by,
                row.paused_us,
                row.paused_comment,
            ),
        )
    for one in state.pools.values():
        one.trouble = Trouble(NOT_YET, clock.now_us())
    set_draining(state, await store.meta("draining"))
    with _no_collection():
        pending = await _pending(store, set(await store.live_ids()))
        jobs = [add_job(state, _record(row), pending.get(row.id)) async for row in store.live_jobs()]
        await _count_children(store, state)
        turn = rebuild_lines(state, jobs, clock.now_us())
    return Scheduler(state, turn.saves)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector from walking what is just being made, and then for ever from what will stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _count_children(store: Store, state: State) -> None:
    """Let the live containers know of their children that are final."""
    containers = [job.id for job in state.jobs.values() if isinstance(job, Container)]
    for row in await store.children_of(containers):
        if row.relation == "strong":
            add_child(state, _child(row))


async def _pending(store: Store, live: set[int]) -> dict[int, dict[int, Condition]]:
    """Whom the live jobs still wait for: the dependencies on jobs that are live themselves."""
    pending: dict[int, dict[int, Condition]] = defaultdict(dict)
    for dependency in await store.waits_of(live):
        if dependency.on_id in live:
            pending[dependency.job_id][dependency.on_id] = Condition(dependency.condition)
    return pending


def _child(row: ChildRow) -> ChildRecord:
    return ChildRecord(
        id=row.id,
        container_id=row.parent_id,
        status=row.status,
        end_cause=row.end_cause,
        behavior_on_error=row.behavior_on_error,
        attempt=row.attempt,
    )


def _record(row: LiveJob) -> JobRecord:
    return JobRecord(
        id=row.id,
        run_id=row.run_id,
        project=intern(row.project),
        owner_uid=row.owner_uid or 0,
        type=row.type,
        pool=row.pool or "default",
        priority=row.priority,
        line_order=row.line_order,
        lock_key=row.lock_key,
        lock_policy=row.lock_policy or "exclusive",
        start_at_us=row.start_at_us,
        held_by=row.held_by,
        held_us=row.held_us,
        status=row.status,
        desired_status=row.desired_status,
        created_us=row.created_us,
        ready_us=row.ready_us or row.created_us,
        start_us=row.start_us,
        starts=row.starts,
        launches=row.launches,
        lost_count=row.lost_count,
        step=row.step,
        start_token=row.start_token,
        stages=row.stages or {},
        spawned=bool(row.spawned),
        duration_us=row.duration_us,
        paused_us=row.paused_us,
        paused_since_us=row.paused_since_us,
        on_lost=row.on_lost or "requeue",
        relation=row.relation,
        behavior_on_error=row.behavior_on_error,
        delay_us=row.delay_us,
        parallelism=row.parallelism,
        retry=row.retry,
        result=row.result,
        name=row.name,
        component=row.component,
        config=row.config,
    )
