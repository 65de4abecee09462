"""The methods of schedules that differ from those of other kinds."""

from functools import partial
from typing import Any

import msgspec

from lockside.calendar.preview import preview
from lockside.calendar.zones import UnknownZoneError
from lockside.documents.enums import MisfirePolicy
from lockside.documents.schedule import ScheduleSpec
from lockside.kinds import SCHEDULE
from lockside.protocol.methods import schedules as p
from lockside.protocol.methods.job_makers import MakerAction
from locksided import clock, threads
from locksided.actors.messages import Repeated
from locksided.api.deduplication import dedup_mark, job_reference
from locksided.api.job_makers import MakerMethods
from locksided.api.job_reads import Wanted, answered_ids, job_views_of, marked
from locksided.api.paging import View
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.core import inputs as i
from locksided.core.errors import Conflict, Invalid
from locksided.schedules.backfills import Backfills
from locksided.schedules.changes import Unsettled, completed
from locksided.schedules.ledger import paused, tell
from locksided.schedules.listing import ledger_page, stand
from locksided.schedules.makers import current_owner, owner_at_put
from locksided.schedules.making import JobMoment, creation_of, draft_of
from locksided.schedules.settling import Found, Settling, read
from locksided.schedules.standing import jitter_offset_us, with_due
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import schedules
from locksided.store.time_rows import MakerName
from locksided.store.transaction import Transaction

TRIES = 5


class ScheduleMethods(MakerMethods):
    """`schedule.*`."""

    kind = SCHEDULE

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._settling = Settling(service)
        self._backfills = Backfills(service)

    # -- documents ----------------------------------------------------------------------------------------

    @handler
    async def put(self, call: Call, params: p.SchedulePut) -> View:
        """Store a schedule whose job its owner could create now."""
        spec = completed(params.schedule, self._service.settings)
        name = MakerName(params.project, spec.id)
        row = await self._service.store.read(partial(schedules.find, name=name))
        owner = await owner_at_put(self._service, call.principal, params.owner, row)
        creation = creation_of(self._service, owner, name)
        await draft_of(creation, spec, JobMoment(name, 1, clock.now_us(), now_us=clock.now_us()))
        return await self._put(call, params, owner)

    @handler
    async def list_all(self, call: Call, params: p.ScheduleListAll) -> View:
        """Return a page of the matching schedules."""
        return await self._listed(call, params, stand)

    # -- future and past moments --------------------------------------------------------------------------

    @handler
    async def next(self, _call: Call, params: p.ScheduleNext) -> View:
        """Return the future moments of a schedule, or of one that is not stored."""
        if (params.id is None) == (params.schedule is None):
            raise Invalid("Give either `id` or `schedule`.", path="$.id")
        from_us = None if params.since is None else clock.from_text(params.since)
        if params.schedule is not None:
            spec = params.schedule.in_zone(self._service.settings.schedules.timezone)
            name = MakerName(params.project, spec.id)
            offset_us = jitter_offset_us(spec, name, self._service.store.identity)
            start_us = clock.now_us() if from_us is None else from_us
            return await _previewed(spec, start_us, params.count, offset_us)
        found = await self._found(MakerName(params.project, params.id or ""))
        offset_us = jitter_offset_us(found.spec, found.name, self._service.store.identity)
        start_us = max(found.row.settled_us, clock.now_us()) if from_us is None else from_us
        return await _previewed(found.spec, start_us, params.count, offset_us, found.decided)

    @handler
    async def ledger(self, call: Call, params: p.ScheduleLedger) -> View:
        """Return the outcomes of moments."""
        async with call.connection.turn():
            return await ledger_page(self._service, params)

    # -- pauses -------------------------------------------------------------------------------------------

    @handler
    async def pause(self, call: Call, params: p.SchedulePause) -> View:
        """Pause a schedule until it is resumed, after deciding what was due before."""
        until_us = None if params.until_time is None else clock.from_text(params.until_time)
        if until_us is not None and until_us <= clock.now_us():
            raise Invalid("It must be in the future.", path="$.untilTime")
        who = actor(call.principal)

        def write(tx: Transaction, found: Found) -> None:
            row = found.row
            if row.paused_us is None:
                comment, by = params.comment, who.as_data()
                now_us = clock.now_us()
                row = paused(tx, row, now_us, who.user, comment, until_us=until_us, principal=by)
                schedules.save(tx, self._with_due(found, row))

        return await self._settled(call, params, write)

    @handler
    async def resume(self, call: Call, params: p.ScheduleResume) -> View:
        """End a pause; its moments are skipped, or caught up by the given policy."""
        name = MakerName(params.project, params.id)
        catch_up = params.catch_up if params.catch_up is not MisfirePolicy.SKIP else None
        who = actor(call.principal)

        def write(tx: Transaction, found: Found) -> None:
            if found.row.paused_us is not None:
                changes = {"paused_us": None, "paused_until_us": None, "pause": None, "failures": 0}
                row = msgspec.structs.replace(found.row, **changes)
                schedules.save(tx, self._with_due(found, row))
                tell(tx, name, "resumed", clock.now_us(), by=who.as_data(), catchUp=catch_up)

        return await self._settled(call, params, write, catch_up)

    async def _settled(
        self, call: Call, params: MakerAction, change: Any, catch_up: MisfirePolicy | None = None
    ) -> View:
        """Change the state of a schedule, after deciding what is due."""
        name = MakerName(params.project, params.id)
        await self._owned(call, name)

        def write(tx: Transaction, _name: MakerName) -> None:
            found = self._require(read(tx.connection, name), name)
            if self._settling.is_due(found, clock.now_us()):
                raise Unsettled(name)
            change(tx, found)

        for _ in range(TRIES):
            try:
                return await self._changed(call, params, write)
            except Unsettled:
                await self._settling.settle(name, catch_up)
        raise Conflict(f"Schedule {name.id} fires all the while: try again.")

    def _with_due(self, found: Found, row: Any) -> Any:
        return with_due(row, found.spec, self._service.store.identity)

    # -- jobs by hand -------------------------------------------------------------------------------------

    @handler
    async def run(self, call: Call, params: p.ScheduleRun) -> View:
        """Create a job now, even if other jobs of the schedule are live."""
        mark = dedup_mark(call, params, job_reference)
        repeated = await self._service.scheduler.done_before(mark)
        if repeated is None:
            found = await self._owned(call, MakerName(params.project, params.id))
            answer = await self._run(call, params, found)
        else:
            answer = repeated
        ids = answered_ids(answer) if isinstance(answer, Repeated) else answer
        (view,) = await job_views_of(self._service, ids, Wanted(call.principal))
        return marked(view, answer)

    async def _run(self, call: Call, params: p.ScheduleRun, found: Found) -> Any:
        moment_us = None if params.moment is None else clock.from_text(params.moment)
        if moment_us is not None:
            await self._require_settled(found, moment_us)
        moment = await self._backfills.moment_of(found, moment_us, manual=True)
        owner = await current_owner(self._service, found.row)
        draft = await draft_of(creation_of(self._service, owner, found.name), found.spec, moment)

        def also(ids: list[int]) -> Any:
            return partial(_note_jobs, name=found.name, moments=[moment_us], ids=ids)

        work = i.Submit((draft,), actor(call.principal))
        return await self._service.scheduler.ask(
            work, once=dedup_mark(call, params, job_reference), also=also
        )

    async def _require_settled(self, found: Found, moment_us: int) -> None:
        row = await self._service.store.read(partial(schedules.row_of, name=found.name, moment_us=moment_us))
        if row is None:
            text = (
                f"{clock.to_text(moment_us)} is no settled moment of {found.name.id}: see `schedule.ledger`."
            )
            raise Conflict(text, path="$.moment")

    @handler
    async def backfill(self, call: Call, params: p.ScheduleBackfill) -> View:
        """Create the jobs of past moments that have no successful one."""
        found = await self._owned(call, MakerName(params.project, params.id))
        return await self._backfills.backfill(call, params, found)

    @handler
    async def stop_backfill(self, call: Call, params: p.ScheduleStopBackfill) -> View:
        """Terminate the live jobs of a backfill."""
        return await self._backfills.stop(call, params)

    # -- rights -------------------------------------------------------------------------------------------

    async def _found(self, name: MakerName) -> Found:
        return self._require(await self._settling.find(name), name)

    async def _owned(self, call: Call, name: MakerName) -> Found:
        return self._steered(call, await self._settling.find(name), name)


def _note_jobs(
    tx: Transaction, name: MakerName, moments: list[int | None], ids: list[int], backfill: str | None = None
) -> None:
    """Record further jobs of moments."""
    for moment_us, job_id in zip(moments, ids, strict=True):
        if moment_us is not None:
            schedules.add_job(tx, name, moment_us, job_id, backfill)


async def _previewed(
    spec: ScheduleSpec, from_us: int, count: int, offset_us: int, decided: tuple[tuple[int, int], ...] = ()
) -> View:
    try:
        return await threads.run_sync(preview, spec, from_us, count, offset_us, decided)
    except UnknownZoneError as problem:
        raise Invalid(f"{problem}.", path="$.schedule.timezone") from None
