"""A firing: its causes, the job, the ledger's row and the trigger's state change in one transaction.

One timer serves all triggers, and the database knows which is next.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from lockside.documents.enums import MomentCause, MomentOutcome, Status
from lockside.documents.reading import from_store
from lockside.documents.trigger import TriggerSpec
from lockside.kinds import TRIGGER
from locksided import clock
from locksided.actors.messages import Decided, Exclusive
from locksided.actors.rounds import Rounds
from locksided.api.job_drafts import Origin, draft
from locksided.api.service import Service
from locksided.core.errors import Forbidden, Refused, Unavailable
from locksided.core.inputs import Submit
from locksided.core.model import Principal
from locksided.core.moments import Candidate
from locksided.core.overlap import Firing, Live, NewJob, overlap
from locksided.core.saves import UpdateJob
from locksided.core.scheduler import Scheduler
from locksided.core.transitions import NOT_STARTED
from locksided.core.triggers import MOST_OF_A_FIRING
from locksided.followers.follower import RECOVERED
from locksided.schedules.makers import DAEMON, current_owner
from locksided.store import triggers
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Key
from locksided.store.sql import Database
from locksided.store.time_rows import CauseRow, FiringRow, MakerName, TriggerRow
from locksided.store.transaction import Transaction
from locksided.triggers.hearing import Hearing
from locksided.triggers.standing import paused, paused_if_failing, planned, tell


class Loop(Refused):
    """Triggers have caused each other too many times in a row."""

    kind = "loop"


class NothingToFire(Refused):
    """The trigger is no longer due."""


@dataclass(frozen=True, slots=True)
class Found:
    """A trigger as it is stored, with the causes of its next firing and its live jobs."""

    name: MakerName
    row: TriggerRow
    version: int
    spec: TriggerSpec
    causes: list[CauseRow]
    live: list[tuple[int, str, dict[str, Any]]]


def read(connection: Database, name: MakerName) -> Found | None:
    """Return a trigger, None if there is none; for the store's thread."""
    stored = objects.find(connection, Key(name.project, TRIGGER, (name.id,)))
    row = triggers.find(connection, name)
    if row is None or stored is None:
        return None
    causes = triggers.causes(connection, name, MOST_OF_A_FIRING)
    live = triggers.live(connection, name)
    return Found(name, row, stored.version, from_store(stored.body, TriggerSpec), causes, live)


class Firings:
    """Fires triggers, when they are due or by hand."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def find(self, name: MakerName) -> Found | None:
        """Return a trigger as it is stored."""
        return await self._service.store.read(partial(read, name=name))

    async def fire(self, name: MakerName, *, by_hand: bool = False) -> int | None:
        """Fire a trigger with its current causes; returns the job that runs for them, if any."""
        refusal: Refused | None = None
        for _ in range(2):
            try:
                work = Exclusive(partial(self._decide, name, refusal, by_hand))
                made: list[int] | int | None = await self._service.scheduler.ask(work)
            except (Unavailable, NothingToFire):
                raise
            except Refused as problem:
                refusal = problem
            else:
                return made[0] if isinstance(made, list) else made
        return None

    async def _decide(
        self, name: MakerName, refusal: Refused | None, by_hand: bool, _core: Scheduler
    ) -> Decided:
        found = await self.find(name)
        if found is None or not (by_hand or _is_due(found.row)):
            raise NothingToFire("The trigger is not due.")
        firing = _overlap(found, by_hand)
        made = refusal
        drafts: tuple[Any, ...] = ()
        if made is None and firing.makes:
            try:
                drafts = (await self._draft(found),)
            except Unavailable:
                raise
            except Refused as problem:
                made = problem
        write = partial(_write, found=found, firing=firing, refusal=made)
        if not drafts:
            return Decided(partial(write, job_ids=()))
        maker = Principal(found.row.owner_uid, found.row.owner_name, found.row.owner_gid)
        work = Submit(drafts, maker, instead_of=firing.terminates)
        return Decided(_nothing, work, lambda ids: partial(write, job_ids=tuple(ids)))

    async def _draft(self, found: Found) -> Any:
        trigger = trigger_of(found)
        most = self._service.settings.triggers.max_depth
        if trigger["depth"] > most:
            raise Loop(f"Triggers have set each other off {most} times: break the circle, then resume it.")
        owner = await current_owner(self._service, found.row)
        origin = Origin("trigger", found.name.id, trigger=trigger)
        return await draft(self._service, found.spec.request, owner, found.name.project, origin)


def trigger_of(found: Found) -> dict[str, Any]:
    """Return what a job learns of its causes."""
    return {
        "id": found.name.id,
        "version": found.version,
        "causes": [one.heard for one in found.causes],
        "depth": max((one.depth for one in found.causes), default=0) + 1,
    }


def _is_due(row: TriggerRow) -> bool:
    return row.due_us is not None and row.due_us <= clock.now_us()


def _overlap(found: Found, by_hand: bool) -> Firing:
    """Decide whether it gets a job of its own; a firing by hand always does."""
    live = [Live(job_id, Status(status) not in NOT_STARTED) for job_id, status, _ in found.live]
    candidate = Candidate(0, MomentCause.TIME)
    rule = found.spec.overlap
    return overlap([candidate], [] if by_hand else live, rule.policy, rule.limit)


def _nothing(_tx: Transaction) -> None:
    """Write nothing: everything is written once the job has its id."""


def _write(
    tx: Transaction, found: Found, firing: Firing, refusal: Refused | None, job_ids: Sequence[int]
) -> int | None:
    """Take the causes, record their outcome, and plan the next firing; returns the job."""
    (fate,) = firing.fates
    job_id = job_ids[0] if job_ids else None if isinstance(fate.job, NewJob) else fate.job
    outcome: str = fate.outcome if refusal is None else MomentOutcome.FAILED
    because: str = fate.cause if refusal is None else refusal.kind
    if fate.outcome is MomentOutcome.MERGED and job_id is not None:
        _merge(tx, found, job_id)
    last = found.causes[-1].number if found.causes else None
    error = None if refusal is None else refusal.as_data()
    causes = [one.heard for one in found.causes]
    row = FiringRow(last, clock.now_us(), outcome, because, job_id, found.version, causes, error)
    triggers.record(tx, found.name, row)
    if last is not None:
        triggers.forget_causes(tx, found.name, last)
    shown = None if job_id is None else str(job_id)
    tell(tx, found.name, outcome, count=len(causes), job=shown, cause=because, error=error)
    planned(tx, _after(tx, found, refusal, bool(job_ids)), found.spec)
    return job_id


def _merge(tx: Transaction, found: Found, job_id: int) -> None:
    """Add the causes to a job that has not started."""
    [trigger] = [trigger for one, _, trigger in found.live if one == job_id]
    more = trigger_of(found)
    causes, depth = [*trigger["causes"], *more["causes"]], max(trigger["depth"], more["depth"])
    tx.save(UpdateJob(job_id, {"trigger": {**trigger, "causes": causes, "depth": depth}}))


def _after(tx: Transaction, found: Found, refusal: Refused | None, is_made: bool) -> TriggerRow:
    row = msgspec.structs.replace(
        found.row, fired_us=clock.now_us(), firings=found.row.firings + is_made, due_us=None
    )
    if refusal is None:
        return row
    row = msgspec.structs.replace(row, failures=row.failures + 1)
    if isinstance(refusal, Forbidden | Loop):
        return paused(tx, row, DAEMON, refusal.message)
    return paused_if_failing(tx, row, found.spec, f"the last says: {refusal.message}")


AT_ONCE = 100


class TriggerPlanner:
    """Runs until cancelled; woken when a follower has stored causes."""

    def __init__(self, service: Service, hearing: Hearing) -> None:
        self._service = service
        self._firings = Firings(service)
        self._rounds = Rounds("triggers", hearing.news)

    async def run(self) -> None:
        """Fire what is due until cancelled."""
        with self._service.broker.waking(self._rounds.news.set, "trigger.", RECOVERED):
            await self._rounds.run(self._service.scheduler, self._next_us, self._round)

    async def _next_us(self) -> int | None:
        return await self._service.store.read(triggers.next_us)

    async def _round(self) -> None:
        await self._service.scheduler.look(lambda _: None)  # events being handled are saved then
        asked = partial(triggers.due, limit=AT_ONCE)
        while names := await self._service.store.read(partial(asked, now_us=clock.now_us())):
            for name in names:
                with suppress(NothingToFire):  # it was changed meanwhile
                    await self._firings.fire(name)
