"""The methods of triggers that differ from those of other kinds."""

from collections.abc import Callable
from functools import partial

import msgspec

from lockside.kinds import TRIGGER
from lockside.protocol.methods import triggers as p
from lockside.protocol.methods.job_makers import MakerAction
from locksided import clock
from locksided.api.job_drafts import Origin, draft
from locksided.api.job_makers import MakerMethods
from locksided.api.job_reads import Wanted, job_views_of
from locksided.api.paging import View, listed
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.core.errors import Conflict, NotFound, Refused
from locksided.schedules.makers import owner_at_put
from locksided.schedules.making import in_maker
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import triggers
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Key
from locksided.store.paging import Slice
from locksided.store.sql import Database
from locksided.store.time_rows import FiringRow, MakerName
from locksided.store.transaction import Transaction
from locksided.triggers.firing import Firings, Found, read, trigger_of
from locksided.triggers.standing import paused, planned, stand, tell


class TriggerMethods(MakerMethods):
    """`trigger.*`."""

    kind = TRIGGER

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._firings = Firings(service)

    @handler
    async def put(self, call: Call, params: p.TriggerPut) -> View:
        """Store a trigger whose job its owner could create now."""
        spec, name = params.trigger, MakerName(params.project, params.trigger.id)
        row = await self._service.store.read(partial(triggers.find, name=name))
        owner = await owner_at_put(self._service, call.principal, params.owner, row)
        trigger = {"id": name.id, "version": 1, "causes": [], "depth": 1}
        try:
            origin = Origin("trigger", name.id, trigger=trigger)
            await draft(self._service, spec.request, owner, params.project, origin)
        except Refused as refusal:
            raise in_maker(refusal, TRIGGER.word) from None
        return await self._put(call, params, owner)

    @handler
    async def list_all(self, call: Call, params: p.TriggerListAll) -> View:
        """Return a page of the matching triggers."""
        return await self._listed(call, params, stand)

    @handler
    async def pause(self, call: Call, params: p.TriggerPause) -> View:
        """Pause it until it is resumed."""
        who = actor(call.principal)

        def change(tx: Transaction, found: Found) -> None:
            if found.row.paused_us is None:
                row = paused(tx, found.row, who.user, params.comment, who.as_data())
                triggers.save(tx, row)

        return await self._steer(call, params, change)

    @handler
    async def resume(self, call: Call, params: p.TriggerResume) -> View:
        """End a pause; the causes received in it are dropped, or fire once."""
        who = actor(call.principal)

        def change(tx: Transaction, found: Found) -> None:
            if found.row.paused_us is None:
                return
            row = msgspec.structs.replace(found.row, paused_us=None, pause=None, failures=0)
            tell(tx, found.name, "resumed", principal=who.as_data(), catchUp=params.catch_up)
            if params.catch_up is None or not found.causes:
                triggers.forget_causes(tx, found.name)
                planned(tx, row, found.spec)
            else:
                triggers.save(tx, msgspec.structs.replace(row, due_us=clock.now_us()))

        return await self._steer(call, params, change)

    async def _steer(
        self, call: Call, params: MakerAction, change: Callable[[Transaction, Found], None]
    ) -> View:
        await self._owned(call, MakerName(params.project, params.id))

        def write(tx: Transaction, name: MakerName) -> None:
            change(tx, self._require(read(tx.connection, name), name))

        return await self._changed(call, params, write)

    @handler
    async def run(self, call: Call, params: p.TriggerRun) -> View:
        """Fire a trigger now, with its current causes."""
        found = await self._owned(call, MakerName(params.project, params.id))
        job_id = await self._firings.fire(found.name, by_hand=True)
        if job_id is None:
            text = f"No job could be made: see `trigger.ledger` of {found.name.id}."
            raise Conflict(text, path="$.id", causes=len(trigger_of(found)["causes"]))
        (view,) = await job_views_of(self._service, [job_id], Wanted(call.principal))
        return view

    @handler
    async def ledger(self, call: Call, params: p.TriggerLedgerGet) -> View:
        """Return the outcomes of causes."""
        name = MakerName(params.project, params.id)
        request = self._service.page_request(params)

        def page(connection: Database) -> Slice[FiringRow]:
            if not objects.was_ever(connection, Key(name.project, TRIGGER, (name.id,))):
                raise NotFound(f"There is no trigger {name.id}.", path="$.id")
            return triggers.firings(connection, name, request)

        async with call.connection.turn():
            found = await self._service.store.read(page)
            ids = [row.job_id for row in found.entries if row.job_id is not None]
            statuses = {job.id: job.status for job in await self._service.store.job_rows(ids)}
            return listed("rows", found, partial(_firing_view, statuses), request.max_bytes)

    async def _owned(self, call: Call, name: MakerName) -> Found:
        return self._steered(call, await self._firings.find(name), name)


def _firing_view(statuses: dict[int, str], row: FiringRow) -> View:
    return {
        "decidedTime": clock.to_text(row.decided_us),
        "outcome": row.outcome,
        "cause": row.because,
        "job": None if row.job_id is None else str(row.job_id),
        "jobStatus": None if row.job_id is None else statuses.get(row.job_id),
        "version": row.version,
        "causes": row.causes,
        "error": row.error,
    }
