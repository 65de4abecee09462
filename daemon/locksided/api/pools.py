"""The methods of pools. The core owns them; here their times and usage are added."""

from typing import Any

import msgspec

from lockside.protocol.methods import pools as p
from locksided import clock
from locksided.api.apply_checks import refuse
from locksided.api.deduplication import dedup_mark
from locksided.api.executors import pool_faults
from locksided.api.paging import View, listed_by_id
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup, Service
from locksided.backends.kinds import capabilities_of
from locksided.core import inputs as i
from locksided.core.pools import Pool
from locksided.core.scheduler import Scheduler
from locksided.pool_view import pool_view
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.rows import PoolRow


class PoolMethods(HandlerGroup):
    """`pool.*`."""

    @handler
    async def put(self, call: Call, params: p.PoolPut) -> View:
        pool = params.pool
        refuse(await pool_faults([("$.pool", msgspec.to_builtins(pool))]))
        slots = None if pool.slots == "infinity" else int(pool.slots)
        who = actor(call.principal)
        work = i.PutPool(
            *(pool.id, slots, pool.executor, pool.description or "", who),
            pool.options,
            msgspec.to_builtins(pool.backends),
            capabilities_of(pool.executor),
        )
        return await self._done(call, params, pool.id, work)

    @handler
    async def pause(self, call: Call, params: p.PoolPause) -> View:
        work = i.PausePool(params.id, params.comment, actor(call.principal))
        return await self._done(call, params, params.id, work)

    @handler
    async def resume(self, call: Call, params: p.PoolResume) -> View:
        return await self._done(call, params, params.id, i.ResumePool(params.id, actor(call.principal)))

    async def _done(self, call: Call, params: Any, pool_id: str, work: i.Input) -> View:
        answer = await self._service.scheduler.ask(
            work, once=dedup_mark(call, params, lambda _: {"pool": pool_id})
        )
        view = await self._view(pool_id)
        return view if answer is None else {**view, "deduplicated": True}

    @handler
    async def delete(self, call: Call, params: p.PoolDelete) -> View:
        work = i.DeletePool(params.id, actor(call.principal))
        await self._service.scheduler.ask(work, once=dedup_mark(call, params, lambda _: {"pool": params.id}))
        return {"id": params.id, "deletedTime": clock.to_text(clock.now_us())}

    @handler
    async def get(self, _call: Call, params: p.PoolGet) -> View:
        return await self._view(params.id)

    async def _view(self, pool_id: str) -> View:
        fullness = await self._service.scheduler.look(
            lambda core: pool_figures(core, core.state.pool(pool_id, "$.id"))
        )
        return {**fullness, **_stored(await self._service.store.pool(pool_id))}

    @handler
    async def list(self, _call: Call, params: p.PoolList) -> View:
        views = await pool_views(self._service)
        return listed_by_id("pools", views, self._service.page_request(params))


async def pool_views(service: Service) -> list[View]:
    """Return every pool, by id."""
    figures = await service.scheduler.look(
        lambda core: [pool_figures(core, pool) for _, pool in sorted(core.state.pools.items())]
    )
    rows = {row.id: row for row in await service.store.pools()}
    return [{**one, **_stored(rows.get(one["id"]))} for one in figures]


def pool_figures(core: Scheduler, pool: Pool) -> View:
    """Return a pool as the core knows it."""
    queued = sum(1 for job in core.state.jobs.values() if pool in job.demand.pools and not job.has_started)
    return {
        **pool_view(pool.snapshot()),
        "running": len(pool.running),
        "slotsTaken": pool.taken,
        "queued": queued,
        "engineQueued": sum(1 for job in pool.running.values() if job.run and job.run.engine is not None),
    }


def _stored(row: PoolRow | None) -> View:
    """Return what only the store knows; a pool of the settings has none of it."""
    if row is None:
        return {"version": None, "createdTime": None, "updatedTime": None, "changedBy": None}
    return {
        "version": row.version,
        "createdTime": clock.to_text(row.created_us),
        "updatedTime": clock.to_text(row.changed_us),
        "changedBy": row.changed_by,
    }
