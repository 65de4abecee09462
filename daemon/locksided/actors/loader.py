"""Loads the core from the store: at the start, and again whenever a save failed."""

import gc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from locksided import clock
from locksided.catalog.resources import reserve_us, resource_terms
from locksided.core.containers import Container
from locksided.core.loading import (
    ChildRecord,
    JobRecord,
    LoadedState,
    PoolRecord,
    add_child,
    add_job,
    rebuild_lines,
    without_jobs,
)
from locksided.core.model import Condition
from locksided.core.scheduler import Scheduler
from locksided.core.state import DAY_US, State
from locksided.core.table_waits import SERIAL
from locksided.recording import ObservedScheduler, Recording
from locksided.settings import Settings, default_slots
from locksided.store.rows import PoolRow
from locksided.store.store import Store

NOT_YET = "the keeper is not connected yet"


async def load_core(store: Store, settings: Settings, recordings: Path | None = None) -> Scheduler:
    """Load the core from the store. Raises StoreUnavailable when it cannot be read.

    With the debug settings it checks itself, and is recorded in the folder `recordings`.
    """
    loaded = await _without_jobs(store, settings)
    state = without_jobs(loaded)
    is_recorded = settings.debug.record_inputs and recordings is not None
    records: list[JobRecord] = []  # kept only for a recording: very many jobs take much memory
    with _no_collection():
        pending = await _pending(store, set(await store.live_ids()))
        jobs = []
        async for record in store.live_jobs():
            jobs.append(add_job(state, record, pending.get(record.id)))
            if is_recorded:
                records.append(record)
        children = await _count_children(store, state)
        saves = rebuild_lines(state, jobs, loaded.now_us).saves
    if not (is_recorded or settings.debug.check_invariants):
        return Scheduler(state, saves)
    recording = None
    if is_recorded and recordings is not None:
        whole = replace(loaded, jobs=tuple(records), pending=pending, children=tuple(children))
        recording = Recording(recordings, whole)
    return ObservedScheduler(state, saves, recording, checks=settings.debug.check_invariants)


async def _without_jobs(store: Store, settings: Settings) -> LoadedState:
    """Load everything except the jobs. A stored pool replaces that of the settings."""
    pools = {id_: PoolRecord(id_, pool.slots or default_slots()) for id_, pool in settings.pools.items()}
    return LoadedState(
        next_id=await store.last_job_id() + 1,
        max_requeues=settings.jobs.max_requeues,
        retention_us=int(settings.jobs.retention_days * DAY_US),
        now_us=clock.now_us(),
        pools=tuple((pools | {row.id: _pool(row) for row in await store.pools()}).values()),
        trouble=NOT_YET,
        draining=await store.meta("draining"),
        resources=tuple(await store.read(resource_terms)),
        reserve_us=reserve_us(settings),
        next_serial=int(await store.meta(SERIAL) or 1),
        conditions=tuple(await store.recovery_conditions()),
    )


def _pool(row: PoolRow) -> PoolRecord:
    return PoolRecord(
        row.id,
        row.slots,
        row.executor,
        row.description or "",
        row.paused_by,
        row.paused_us,
        row.paused_comment,
        row.options or {},
        row.backends or {},
        row.capabilities,
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from visiting new objects, and afterwards those that stay for good."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _count_children(store: Store, state: State) -> list[ChildRecord]:
    """Let the live containers count their final children; returns all strong children."""
    containers = [job.id for job in state.jobs.values() if isinstance(job, Container)]
    children = [one for one in await store.children_of(containers) if one.relation == "strong"]
    for child in children:
        add_child(state, child)
    return children


async def _pending(store: Store, live: set[int]) -> dict[int, dict[int, Condition]]:
    """Return the dependencies of live jobs on jobs that are live as well."""
    pending: dict[int, dict[int, Condition]] = defaultdict(dict)
    for dependency in await store.waits_of(live):
        if dependency.on_id in live:
            pending[dependency.job_id][dependency.on_id] = Condition(dependency.condition)
    return pending
