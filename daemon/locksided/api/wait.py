"""`job.wait`: holds the call until jobs are final. Their changes wake it; it does not poll."""

from collections.abc import Iterable
from contextlib import AsyncExitStack

from lockside.protocol.methods import jobs as p
from lockside.protocol.words import Role
from locksided import clock
from locksided.actors.broker import Changes
from locksided.api.job_reads import Wanted, job_row, job_views, listed_jobs
from locksided.api.paging import View
from locksided.api.service import HandlerGroup, Service
from locksided.core import inputs as i
from locksided.core.errors import NotFound
from locksided.core.transitions import FINAL
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import cursors
from locksided.store.paging import Slice
from locksided.store.rows import JobRow

_ORDER = "waited"


class WaitMethods(HandlerGroup):
    """`job.wait`."""

    @handler
    async def wait(self, call: Call, params: p.JobWait) -> View:
        asked = _requested(params)
        ids = [self._service.job_id(text, path) for path, text in asked.items()]
        for_all = params.until == "all"
        if params.cursor is not None:
            async with call.connection.turn():
                return await self._answer(call, params, await self._rows(ids, asked))
        async with AsyncExitStack() as stack:
            ends = stack.enter_context(self._service.broker.ends_of(ids))
            enough = 0 if for_all else len(set(ids)) - 1
            async with call.connection.turn():
                rows = await self._rows(ids, asked)
                left = _open(rows)
                if len(left) <= enough:
                    return await self._answer(call, params, rows)
            del rows  # do not keep many rows while waiting
            if params.waiter_run_id is not None:
                await self._begin_as(call.principal, stack, params.waiter_run_id, (ids, for_all))
            with clock.move_on_after(params.timeout_seconds):
                await self._until_over(left, ends, enough)
        async with call.connection.turn():
            return await self._answer(call, params, await self._rows(ids, asked))

    async def _answer(self, call: Call, params: p.JobWait, rows: list[JobRow]) -> View:
        wanted = Wanted(call.principal, params.fields)
        if params.ids is None:
            return (await job_views(self._service, rows, wanted))[0]
        (begin,) = cursors.read(params.cursor, _ORDER, tuple[cursors.Integer]) or (0,)
        distinct = list({row.id: row for row in rows}.values())
        places = {row.id: place for place, row in enumerate(distinct, 1)}
        left = Slice(distinct[max(begin, 0) :], False, lambda row: cursors.written(_ORDER, places[row.id]))
        return await listed_jobs(self._service, left, wanted)

    async def _rows(self, ids: list[int], paths: Iterable[str]) -> list[JobRow]:
        """Return the current rows of the jobs. Raises NotFound."""
        rows = {row.id: row for row in await self._service.store.job_rows(ids)}
        for job_id, path in zip(ids, paths, strict=True):
            if job_id not in rows:
                raise NotFound(f"There is no job {job_id}.", path=path)
        return [rows[job_id] for job_id in ids]

    async def _begin_as(
        self, principal: Principal, stack: AsyncExitStack, run_id: str, awaited: tuple[list[int], bool]
    ) -> None:
        """Register with the core that a job is the waiter, so a cycle is refused instead of waiting for ever.

        Only its owner may do so: otherwise others could cause the job's own waits to be refused.
        """
        ids, for_all = awaited
        waiter_id = self._service.job_id(run_id.rpartition(".")[2], "$.waiterRunId")
        waiter = await self._service.store.job_row(waiter_id)
        if waiter is not None and waiter.owner_uid != principal.uid and principal.role is not Role.ADMIN:
            return
        await self._service.scheduler.ask(i.Wait(waiter_id, frozenset(ids), for_all))
        ended = i.StopWaiting(waiter_id, frozenset(ids), for_all)
        stack.callback(self._service.scheduler.tell, ended)

    async def _until_over(self, left: set[int], ends: Changes, enough: int) -> None:
        while len(left) > enough:
            left -= await ends.take() or set(await self._service.store.final_statuses(left))


async def until_final(service: Service, job_id: int, seconds: float) -> JobRow:
    """Return the job when it is final, or as it is after that many seconds of the machine's clock."""
    with service.broker.ends_of([job_id]) as ends:
        row = await job_row(service, job_id)
        with clock.real_move_on_after(seconds):
            while row.status not in FINAL:
                await ends.take()
                row = await job_row(service, job_id)
    return row


def _open(rows: Iterable[JobRow]) -> set[int]:
    """Return the ids of the jobs that are not final."""
    return {row.id for row in rows if row.status not in FINAL}


def _requested(params: p.JobWait) -> dict[str, str]:
    """Return the named jobs, by the field that names each."""
    if params.ids is None:
        return {"$.id": params.id or ""}
    return {f"$.ids[{place}]": text for place, text in enumerate(params.ids)}
