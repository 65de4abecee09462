"""One step of a schedule: what is due is decided; jobs, rows and settled time are one transaction.

The calendar is evaluated in a thread. Then, while nobody else writes, the core's actor verifies that the
schedule is unchanged, reads its live jobs, and carries out the step; otherwise it is computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from lockside.documents.enums import MisfirePolicy, Status
from lockside.documents.reading import from_store
from lockside.documents.schedule import ScheduleSpec
from lockside.kinds import SCHEDULE
from locksided import clock, threads
from locksided.actors.messages import Decided, Exclusive
from locksided.api.service import Service
from locksided.core.errors import Conflict, Forbidden, Refused, Unavailable
from locksided.core.inputs import Submit
from locksided.core.model import Draft, Principal
from locksided.core.moments import Due, Standing, Terms, next_due_us, sort_due
from locksided.core.overlap import Firing, Live, overlap
from locksided.core.scheduler import Scheduler
from locksided.core.transitions import NOT_STARTED
from locksided.schedules.ledger import Step, write_step
from locksided.schedules.makers import current_owner
from locksided.schedules.making import JobMoment, creation_of, draft_of
from locksided.schedules.standing import ZoneIsGone, pause_of, settled_at, terms_of
from locksided.store import schedules
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Key
from locksided.store.sql import Database
from locksided.store.time_rows import MadeJob, MakerName, ScheduleRow
from locksided.store.transaction import Transaction

TRIES = 5

log = structlog.get_logger("schedules")


class Outdated(Conflict):
    """The schedule has changed since the step was computed, so it is computed again."""


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule as it is stored."""

    name: MakerName
    row: ScheduleRow
    version: int
    spec: ScheduleSpec
    decided: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due for a schedule at a time, and when something is due next."""

    found: Found
    terms: Terms
    due: Due
    now_us: int
    next_due_us: int | None


@dataclass(frozen=True, slots=True)
class Made:
    """The jobs to be created, or why there are none."""

    drafts: tuple[Draft, ...] = ()
    refusal: Refused | None = None


def read(connection: Database, name: MakerName) -> Found | None:
    """Return a schedule, None if there is none; for the store's thread."""
    row = schedules.find(connection, name)
    stored = objects.find(connection, Key(name.project, SCHEDULE, (name.id,)))
    if row is None or stored is None:
        return None
    decided = tuple(schedules.decided_behind(connection, name, row.settled_us))
    return Found(name, row, stored.version, from_store(stored.body, ScheduleSpec), decided)


class Settling:
    """Decides what is due, for the planner and for methods that change a schedule."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def find(self, name: MakerName) -> Found | None:
        """Return a schedule as it is stored."""
        return await self._service.store.read(partial(read, name=name))

    async def settle(self, name: MakerName, catch_up: MisfirePolicy | None = None) -> None:
        """Decide on all moments due now; those of a pause as if it ended now. Raises Unavailable."""
        refusal: Refused | None = None
        for _ in range(TRIES):
            plan = await self._plan(name, catch_up)
            if plan is None:
                return
            try:
                await self._service.scheduler.ask(Exclusive(partial(self._decide, plan, refusal)))
            except Outdated:
                continue
            except Unavailable:
                raise
            except Refused as problem:
                refusal = problem  # of the core: repeat the step without its jobs
            else:
                return
        log.warning("a schedule changes all the while", schedule=name.id, project=name.project)

    def is_due(self, found: Found, now_us: int) -> bool:
        """Return whether a due moment has no outcome. False for a broken schedule."""
        if found.row.broken is not None:
            return False
        try:
            terms = terms_of(found.spec, found.name, self._service.store.identity)
        except ZoneIsGone:
            return False
        due = sort_due(terms, Standing(found.row.settled_us, pause_of(found.row), found.decided), now_us)
        return bool(due.stretches or due.candidates)

    # -- what is due --------------------------------------------------------------------------------------

    async def _plan(self, name: MakerName, catch_up: MisfirePolicy | None) -> Plan | None:
        found = await self.find(name)
        if found is None or found.row.broken is not None:
            return None
        try:
            return await threads.run_sync(self._worked_out, found, clock.now_us(), catch_up)
        except ZoneIsGone as problem:
            await self._service.scheduler.ask(partial(note_broken, name=name, why=problem.message))
            return None

    def _worked_out(self, found: Found, now_us: int, catch_up: MisfirePolicy | None) -> Plan:
        """Compute the step, in a thread: years of moments may be due."""
        terms = terms_of(found.spec, found.name, self._service.store.identity)
        standing = Standing(found.row.settled_us, pause_of(found.row, catch_up), found.decided)
        due = sort_due(terms, standing, now_us)
        settled_us = found.row.settled_us if due.through_us is None else due.through_us
        pause = None if _is_over(found.row, now_us) else standing.pause
        return Plan(found, terms, due, now_us, next_due_us(terms, Standing(settled_us, pause)))

    # -- what becomes of it -------------------------------------------------------------------------------

    async def _decide(self, plan: Plan, refusal: Refused | None, _core: Scheduler) -> Decided:
        """Decide the step as one transaction; nothing is written between this and its commit."""
        found = plan.found
        now = await self._service.store.read(partial(_at_decision, name=found.name))
        if now is None or (now.row, now.version) != (found.row, found.version):
            raise Outdated("The schedule was changed meanwhile.")
        firing = self._overlap(plan, now)
        made = Made(refusal=refusal)
        if refusal is None and firing.makes:
            made = await self._made(plan, firing, now.good)
        step = _step(plan, firing, made.refusal)
        if not made.drafts:
            return Decided(partial(write_step, step=step, job_ids=()))
        work = Submit(made.drafts, _maker(found.row), instead_of=firing.terminates)
        return Decided(_nothing, work, lambda ids: partial(write_step, step=step, job_ids=tuple(ids)))

    @staticmethod
    def _overlap(plan: Plan, now: "_Now") -> Firing:
        spec, row = plan.found.spec, plan.found.row
        left = None if spec.max_firings is None else max(spec.max_firings - row.firings, 0)
        live = [Live(job.id, Status(job.status) not in NOT_STARTED) for job in now.live]
        return overlap(plan.due.candidates, live, spec.overlap.policy, spec.overlap.limit, left)

    async def _made(self, plan: Plan, firing: Firing, good: MadeJob | None) -> Made:
        """Return the drafts of all jobs of the step; if one is refused, all are: they are alike."""
        found, row = plan.found, plan.found.row
        before_us = row.fired_us
        drafts = []
        try:
            owner = await current_owner(self._service, row)
            creation = creation_of(self._service, owner, found.name)
            for candidate in firing.makes:
                if before_us is None:
                    before_us = plan.terms.calendar.before(candidate.first_us)
                moment = JobMoment(
                    found.name,
                    found.version,
                    candidate.moment_us,
                    candidate.moment_us + plan.terms.offset_us,
                    plan.now_us,
                    before_us,
                    None if good is None else good.schedule["moment"],
                )
                drafts.append(await draft_of(creation, found.spec, moment))
                before_us = candidate.moment_us
        except Unavailable:
            raise
        except Refused as refusal:
            return Made(refusal=refusal)
        return Made(tuple(drafts))


@dataclass(frozen=True, slots=True)
class _Now:
    """The data that a decision is based on."""

    row: ScheduleRow
    version: int
    live: Sequence[MadeJob]
    good: MadeJob | None


def _at_decision(connection: Database, name: MakerName) -> _Now | None:
    row = schedules.find(connection, name)
    stored = objects.find(connection, Key(name.project, SCHEDULE, (name.id,)))
    if row is None or stored is None:
        return None
    live = schedules.live(connection, name)
    return _Now(row, stored.version, live, schedules.newest_good(connection, name))


def _step(plan: Plan, firing: Firing, refusal: Refused | None) -> Step:
    """Return the step to be written."""
    found, due = plan.found, plan.due
    through_us = due.through_us
    next_us = plan.next_due_us
    stretches = due.stretches
    if firing.is_last:
        through_us = firing.fates[-1].candidate.moment_us if firing.fates else found.row.settled_us
        stretches = tuple(one for one in stretches if one.last_us <= through_us)
        next_us = None
    row = found.row if through_us is None else settled_at(found.row, max(through_us, found.row.settled_us))
    if _is_over(row, plan.now_us):
        row = msgspec.structs.replace(row, paused_us=None, paused_until_us=None, pause=None)
    return Step(
        name=found.name,
        before=found.row,
        after=msgspec.structs.replace(row, due_us=next_us),
        spec=found.spec,
        version=found.version,
        terms=plan.terms,
        stretches=stretches,
        fates=firing.fates,
        now_us=plan.now_us,
        refusal=refusal,
        is_forbidden=isinstance(refusal, Forbidden),
    )


def _is_over(row: ScheduleRow, now_us: int) -> bool:
    """Return whether a pause has reached its given end."""
    return row.paused_until_us is not None and row.paused_until_us <= now_us


def _maker(row: ScheduleRow) -> Principal:
    return Principal(row.owner_uid, row.owner_name, row.owner_gid)


def note_broken(tx: Transaction, name: MakerName, why: str) -> None:
    """Save that a schedule cannot be planned."""
    row = schedules.find(tx.connection, name)
    if row is not None:
        schedules.save(tx, msgspec.structs.replace(row, broken=why, due_us=None))


def _nothing(_tx: Transaction) -> None:
    """Write nothing: everything is written once the jobs have their ids."""
