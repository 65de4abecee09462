"""Creating, changing and deleting pools and resources; pausing and resuming pools."""

from typing import Any

from locksided.core.actions import ReachExecutor
from locksided.core.containers import Container
from locksided.core.errors import Conflict
from locksided.core.inputs import (
    ChangePools,
    DeletePool,
    PausePool,
    PutPool,
    ResumePool,
)
from locksided.core.jobs import Job
from locksided.core.pool_trouble import trouble_of_executor
from locksided.core.pools import OF_LOCAL, Pool, Site, site_of
from locksided.core.resources import Resource, ResourceChanged, ResourceKey, ResourceTerms
from locksided.core.saves import DeletePool as ForgetPool
from locksided.core.saves import PutPool as SavePool
from locksided.core.state import State
from locksided.core.turn import Turn


def resource_changed(turn: Turn, report: ResourceChanged) -> None:
    """Apply the newest document. A deleted resource that live jobs need is kept with a capacity of 0."""
    state, key = turn.state, (report.project, report.resource_id)
    if report.terms is not None:
        keep_to(state, report.terms)
    elif key in state.resources:
        if needed_by(state, key):
            state.resources[key].keep_to(ResourceTerms(*key, 0))
        else:
            del state.resources[key]


def keep_to(state: State, terms: ResourceTerms) -> None:
    """Apply a document to the resource."""
    state.resources.setdefault(terms.key, Resource(*terms.key)).keep_to(terms)


def needed_by(state: State, key: ResourceKey) -> list[int]:
    """Return the live jobs that need the resource."""
    return [job.id for job in state.jobs.values() if any(one == key for one, _ in job.demand.key.resources)]


def refuse_deletion(state: State, key: ResourceKey) -> None:
    """Raise Conflict when live jobs need the resource."""
    jobs = [str(job_id) for job_id in needed_by(state, key)]
    if jobs:
        raise Conflict(
            f"Jobs that have not ended need the resource '{key[1]}': {', '.join(jobs[:5])}"
            f"{' …' * (len(jobs) > 5)}. Let them end or terminate them first.",
            path="$.id",
            jobs=jobs[:20],
        )


def put_pool(turn: Turn, request: PutPool) -> None:
    """Create or replace a pool. Lowering its slots stops no job."""
    pool = turn.state.pools.get(request.pool_id)
    site = site_of(request.executor, request.options, request.backends)
    if pool is None:
        pool = turn.state.pools[request.pool_id] = Pool(request.pool_id, request.slots, site)
        pool.paused_us = turn.now_us
        pool.trouble = trouble_of_executor(turn, pool)
    elif _place_of(pool.site) != _place_of(site):
        _refuse_to_move(pool)
        pool.site = site
        pool.trouble = trouble_of_executor(turn, pool)
    else:
        pool.site = site
    pool.capabilities = OF_LOCAL if site is None else request.capabilities
    if site is not None:
        turn.actions.append(ReachExecutor(site.executor))
    _set_slots(turn, pool, request.slots)
    pool.description = request.description
    stamp = {
        "created_us": turn.now_us,
        "changed_us": turn.now_us,
        "changed_by": request.principal.as_data(),
    }
    _save_pool(turn, pool, **stamp)
    turn.pool_event("pool.put", pool)


def _place_of(site: Site | None) -> tuple[str, str] | None:
    """Return what must not change while jobs run in the pool."""
    return None if site is None else (site.executor, site.work_root)


def _refuse_to_move(pool: Pool) -> None:
    if pool.running:
        raise Conflict(
            f"{len(pool.running)} jobs run in the pool '{pool.id}', so its executor and its workRoot must "
            "stay: pause the pool and let them end first, or make another pool.",
            jobs=[str(job_id) for job_id in list(pool.running)[:20]],
        )


def _set_slots(turn: Turn, pool: Pool, slots: int | None) -> None:
    was_paused, was_full = pool.is_paused, pool.is_full
    pool.slots = slots
    if pool.is_paused and not was_paused:
        pool.paused_us = turn.now_us
    if pool.is_full and not was_full:
        pool.full_since_us = turn.now_us


def _save_pool(turn: Turn, pool: Pool, **stamp: Any) -> None:
    values = {
        **stamp,
        "slots": pool.slots,
        "executor": pool.executor,
        "options": None if pool.site is None else pool.site.options,
        "backends": None if pool.site is None else pool.site.backends,
        "capabilities": None if pool.capabilities is None else sorted(pool.capabilities),
        "description": pool.description,
        "paused": pool.paused_by is not None,
        "paused_by": pool.paused_by,
        "paused_us": pool.paused_us if pool.is_paused else None,
        "paused_comment": pool.comment,
    }
    turn.saves.append(SavePool(pool.id, values))


def delete_pool(turn: Turn, request: DeletePool) -> None:
    """Delete a pool that no live job names."""
    pool = _deletable(turn, request)
    del turn.state.pools[pool.id]
    turn.saves.append(ForgetPool(pool.id))
    turn.pool_event("pool.deleted", pool)


def change_pools(turn: Turn, request: ChangePools) -> None:
    """Create, replace and delete pools; refused as a whole when one of them must stay."""
    for one in request.deletes:
        _deletable(turn, one)
    for pool in request.puts:
        put_pool(turn, pool)
    for one in request.deletes:
        delete_pool(turn, one)


def _deletable(turn: Turn, request: DeletePool) -> Pool:
    pool = turn.state.pool(request.pool_id, "$.id")
    if pool.id == "default":
        raise Conflict("The pool 'default' always exists. Pause it, or set its slots to 0.", path="$.id")
    named = [str(job.id) for job in turn.state.jobs.values() if pool.id in _pools_of(job)]
    if named:
        raise Conflict(
            f"Jobs that have not ended name the pool '{pool.id}': {', '.join(named[:5])}"
            f"{' …' * (len(named) > 5)}. Let them end or terminate them first.",
            path="$.id",
            jobs=named[:20],
        )
    return pool


def _pools_of(job: Job) -> tuple[str, ...]:
    """Return the pools that the job names. A container names one for its children and takes no slot."""
    return (job.pool_id,) if isinstance(job, Container) else job.demand.key.pools


def pause_pool(turn: Turn, request: PausePool) -> None:
    """Start no jobs of this pool until it is resumed, even after a restart."""
    pool = turn.state.pool(request.pool_id, "$.id")
    if pool.paused_by is None:
        pool.paused_us = turn.now_us
    pool.paused_by = request.principal.user
    pool.comment = request.comment
    _save_pool(turn, pool)
    turn.pool_event("pool.paused", pool)


def resume_pool(turn: Turn, request: ResumePool) -> None:
    """Let the jobs of a paused pool start again."""
    pool = turn.state.pool(request.pool_id, "$.id")
    if pool.paused_by is None:
        return
    pool.paused_by = pool.comment = None
    _save_pool(turn, pool)
    turn.pool_event("pool.resumed", pool)
