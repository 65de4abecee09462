"""Planning anew: when the rules of a zone changed, and when the clock was far ahead and was set back."""

from functools import partial

import structlog

from lockside.calendar import zones
from locksided import clock, threads
from locksided.api.service import Service
from locksided.schedules.ledger import tell
from locksided.schedules.settling import Found, read
from locksided.schedules.standing import GONE, ZoneIsGone, in_changed_zone, settled_at, us, with_due
from locksided.store import schedules
from locksided.store.time_rows import MakerName, ScheduleRow
from locksided.store.transaction import Transaction

log = structlog.get_logger("schedules")


class Replanning:
    """Compares what schedules were planned by with what holds now."""

    def __init__(self, service: Service) -> None:
        self._service = service

    # -- zones --------------------------------------------------------------------------------------------

    async def look_at_zones(self) -> None:
        """Plan those anew whose zone has other rules than when they were planned. Raises Unavailable."""
        zones.forget()
        planned_by = await self._service.store.read(schedules.zones)
        for name, digest in planned_by:
            now = await threads.run_sync(_digest, name)
            if now != digest:
                of_zone = partial(schedules.in_zone, zone=name, digest=digest)
                for one in await self._service.store.read(of_zone):
                    await self._service.scheduler.ask(partial(self._in_changed_zone, name=one))

    async def mend(self) -> None:
        """Try those again that could not be planned."""
        for name in await self._service.store.read(schedules.broken):
            await self._service.scheduler.ask(partial(self._in_changed_zone, name=name))

    def _in_changed_zone(self, tx: Transaction, name: MakerName) -> None:
        found = read(tx.connection, name)
        if found is None:
            return
        try:
            row = in_changed_zone(found.row, found.spec)
        except ZoneIsGone:
            row = found.row  # which is broken now
        self._save(tx, found, self._with_due(found, row), "zone")

    # -- the clock ----------------------------------------------------------------------------------------

    async def ahead_of_clock(self) -> list[MakerName]:
        """The schedules that are settled further ahead than the settings allow."""
        bound_us = clock.now_us() + us(self._service.settings.schedules.clock_back_hours * 3600)
        return await self._service.store.read(partial(schedules.ahead_of, moment_us=bound_us))

    async def take_back(self, name: MakerName) -> None:
        """Plan one anew from now on. Moments that have a job stay decided."""
        log.warning("a schedule is planned anew: the clock was ahead", schedule=name.id, project=name.project)
        await self._service.scheduler.ask(partial(self._take_back, name=name, now_us=clock.now_us()))

    def _take_back(self, tx: Transaction, name: MakerName, now_us: int) -> None:
        found = read(tx.connection, name)
        if found is None or found.row.settled_us <= now_us:
            return
        try:
            row = settled_at(found.row, now_us)
        except ZoneIsGone:
            return  # it is planned anew when the zone is back
        schedules.take_back(tx, name, now_us)
        self._save(tx, found, self._with_due(found, row), "clock")

    # -- both ---------------------------------------------------------------------------------------------

    def _with_due(self, found: Found, row: ScheduleRow) -> ScheduleRow:
        return with_due(row, found.spec, self._service.store.identity)

    def _save(self, tx: Transaction, found: Found, row: ScheduleRow, because: str) -> None:
        schedules.save(tx, row)
        told = {
            "from": clock.to_text(found.row.settled_us),
            "to": clock.to_text(row.settled_us),
            "because": because,
        }
        tell(tx, found.name, "replanned", clock.now_us(), **told)


def _digest(name: str) -> str:
    try:
        return zones.zone(name).digest
    except zones.UnknownZoneError:
        return GONE
