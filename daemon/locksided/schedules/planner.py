"""The planner: wakes when a schedule is due, and has the step decided. It decides nothing itself.

One timer serves all schedules: the database knows which is due next, so an idle one costs neither memory nor
a wake-up. Schedules are planned again when the rules of a zone changed, and when a clock that was far ahead
was set back.
"""

from functools import partial

import structlog

from lockside.calendar import zones
from locksided import clock, threads
from locksided.actors.broker import Broker
from locksided.actors.rounds import Rounds
from locksided.api.service import Service
from locksided.core.errors import Refused
from locksided.followers.follower import RECOVERED
from locksided.schedules.ledger import tell
from locksided.schedules.settling import Found, Settling, note_broken, read
from locksided.schedules.standing import GONE, ZoneIsGone, in_changed_zone, settled_at, us, with_due
from locksided.store import schedules
from locksided.store.errors import StoreUnavailable
from locksided.store.time_rows import MakerName, ScheduleRow
from locksided.store.transaction import Transaction

AT_ONCE = 100
BACK_FOR_SECONDS = 600.0

log = structlog.get_logger("planner")


class Planner:
    def __init__(self, service: Service, broker: Broker) -> None:
        self._service = service
        self._broker = broker
        self._settling = Settling(service)
        self._replanning = Replanning(service)
        self._rounds = Rounds("schedules")
        self._news = self._rounds.news
        self._back_timer: clock.Timer | None = None
        self._is_back_for_long = False

    async def run(self) -> None:
        """Plan until cancelled."""
        with self._broker.waking(self._news.set, "schedule.", *_NEWS):
            await self._begin()
            await self._rounds.run(self._service.scheduler, self._next_us, self._round)

    async def _begin(self) -> None:
        """Check whether zones changed while no daemon ran, and retry what could not be planned."""
        try:
            await self._replanning.mend()
            await self._replanning.look_at_zones()
        except (Refused, StoreUnavailable) as problem:
            log.warning("zones are not compared", cause=str(problem))

    async def _next_us(self) -> int | None:
        """Return when something is due next."""
        times = await self._service.store.read(schedules.next_times)
        return min((moment_us for moment_us in times if moment_us is not None), default=None)

    async def _round(self) -> None:
        await self._look_at_clock()
        while names := await self._due():
            for name in names:
                await self._settle(name)
        await tell_overdue(self._service)

    async def _due(self) -> list[MakerName]:
        asked = partial(schedules.due, now_us=clock.now_us(), limit=AT_ONCE)
        return await self._service.store.read(asked)

    async def _settle(self, name: MakerName) -> None:
        try:
            await self._settling.settle(name)
        except (Refused, StoreUnavailable):
            raise
        except Exception as fault:
            # It must end neither the daemon nor other schedules; the next start retries it.
            log.exception("a schedule failed", schedule=name.id, project=name.project)
            why = f"The daemon failed to decide on it ({type(fault).__name__})."
            await self._service.scheduler.ask(partial(note_broken, name=name, why=why))

    # -- a clock that was set back ------------------------------------------------------------------------

    async def _look_at_clock(self) -> None:
        """Plan again what is settled too far ahead, once the clock has been behind for long enough."""
        behind = await self._replanning.ahead_of_clock()
        if not behind:
            self._forget_clock()
        elif self._is_back_for_long:
            self._forget_clock()
            for name in behind:
                await self._replanning.take_back(name)
        elif self._back_timer is None:
            self._back_timer = clock.call_later(BACK_FOR_SECONDS, self._is_back)

    def _is_back(self) -> None:
        self._is_back_for_long = True
        self._news.set()

    def _forget_clock(self) -> None:
        if self._back_timer is not None:
            self._back_timer.cancel()
        self._back_timer = None
        self._is_back_for_long = False


_NEWS = frozenset({RECOVERED, "daemon.clockSet"})


AT_ONCE = 100


async def tell_overdue(service: Service) -> None:
    """Report each expected time that has passed, once. Raises Unavailable."""
    asked = partial(schedules.expected, now_us=clock.now_us(), limit=AT_ONCE)
    while overdue := await service.store.read(asked):
        await service.scheduler.ask(partial(_tell, overdue=overdue, now_us=clock.now_us()))


def _tell(tx: Transaction, overdue: list[tuple[MakerName, int]], now_us: int) -> None:
    connection = tx.reading()
    for name, moment_us in overdue:
        row = schedules.row_of(connection, name, moment_us)
        job_id = None if row is None else row.job_id
        moment = clock.to_text(moment_us)
        assert moment is not None
        if not schedules.has_ended_well(connection, name, moment, job_id):
            job = None if job_id is None else str(job_id)
            tell(tx, name, "overdue", now_us, moment=moment, job=job)
        schedules.forget_expectation(tx, name, moment_us)


class Replanning:
    """Compares what schedules were planned with to what holds now."""

    def __init__(self, service: Service) -> None:
        self._service = service

    # -- zones --------------------------------------------------------------------------------------------

    async def look_at_zones(self) -> None:
        """Plan schedules again whose zone has other rules than at their planning. Raises Unavailable."""
        zones.forget()
        planned_by = await self._service.store.read(schedules.zones)
        for name, digest in planned_by:
            now = await threads.run_sync(_digest, name)
            if now != digest:
                of_zone = partial(schedules.in_zone, zone=name, digest=digest)
                for one in await self._service.store.read(of_zone):
                    await self._service.scheduler.ask(partial(self._in_changed_zone, name=one))

    async def mend(self) -> None:
        """Retry those that could not be planned."""
        for name in await self._service.store.read(schedules.broken):
            await self._service.scheduler.ask(partial(self._in_changed_zone, name=name))

    def _in_changed_zone(self, tx: Transaction, name: MakerName) -> None:
        found = read(tx.connection, name)
        if found is None:
            return
        try:
            row = in_changed_zone(found.row, found.spec)
        except ZoneIsGone:
            row = found.row  # it is broken now
        self._save(tx, found, self._with_due(found, row), "zone")

    # -- the clock ----------------------------------------------------------------------------------------

    async def ahead_of_clock(self) -> list[MakerName]:
        """Return the schedules that are settled further ahead than the settings allow."""
        bound_us = clock.now_us() + us(self._service.settings.schedules.clock_back_hours * 3600)
        return await self._service.store.read(partial(schedules.ahead_of, moment_us=bound_us))

    async def take_back(self, name: MakerName) -> None:
        """Plan a schedule again from now on. Moments that have a job stay decided."""
        log.warning("a schedule is planned anew: the clock was ahead", schedule=name.id, project=name.project)
        await self._service.scheduler.ask(partial(self._take_back, name=name, now_us=clock.now_us()))

    def _take_back(self, tx: Transaction, name: MakerName, now_us: int) -> None:
        found = read(tx.connection, name)
        if found is None or found.row.settled_us <= now_us:
            return
        try:
            row = settled_at(found.row, now_us)
        except ZoneIsGone:
            return  # it is planned again when the zone is back
        schedules.take_back(tx, name, now_us)
        self._save(tx, found, self._with_due(found, row), "clock")

    # -- both ---------------------------------------------------------------------------------------------

    def _with_due(self, found: Found, row: ScheduleRow) -> ScheduleRow:
        return with_due(row, found.spec, self._service.store.identity)

    def _save(self, tx: Transaction, found: Found, row: ScheduleRow, because: str) -> None:
        schedules.save(tx, row)
        change = {
            "from": clock.to_text(found.row.settled_us),
            "to": clock.to_text(row.settled_us),
            "because": because,
        }
        tell(tx, found.name, "replanned", clock.now_us(), **change)


def _digest(name: str) -> str:
    try:
        return zones.zone(name).digest
    except zones.UnknownZoneError:
        return GONE
