"""Backfills: create the jobs of past moments that have none, or none that ended well, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from secrets import token_hex
from typing import Any

from lockside.calendar.calendars import moments_between
from lockside.calendar.walltimes import first_moment_us
from lockside.documents.schedule import ScheduleSpec
from lockside.documents.times import time_us
from lockside.protocol.methods import schedules as p
from locksided import clock, threads
from locksided.actors.messages import Decided, Exclusive, Repeated
from locksided.api.deduplication import dedup_mark
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.core.errors import Invalid, Limit, NotFound
from locksided.core.inputs import Submit
from locksided.core.scheduler import Scheduler
from locksided.core.transitions import FINAL
from locksided.schedules.ledger import tell
from locksided.schedules.makers import check_may_steer, current_owner
from locksided.schedules.making import JobMoment, creation_of, draft_of
from locksided.schedules.settling import Found, read
from locksided.schedules.standing import known_zone, terms_of
from locksided.server.calls import Call
from locksided.store import schedules
from locksided.store.time_rows import MakerName
from locksided.store.transaction import Transaction

View = dict[str, Any]

MOST_MOMENTS = 100_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The moments that get a job, in the order of their jobs; and the others, with the reason."""

    moments: list[int]
    left: list[tuple[int, str]]


class Backfills:
    """Creates backfills, and stops them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def backfill(self, call: Call, params: p.ScheduleBackfill, found: Found) -> View:
        """Create the jobs; with `dryRun` only return them. Raises Limit with the number of jobs."""
        first_us, last_us = _bounds(found, params)
        if params.dry_run:
            return _answer(None, await self._choose(params, found, first_us, last_us), None)
        made: View = {}

        async def decide(_core: Scheduler) -> Decided:
            chosen = await self._choose(params, found, first_us, last_us)
            backfill = f"{found.name.id}-{token_hex(4)}"
            drafts = await self._drafts(params, found, chosen.moments, backfill)
            if not drafts:
                made.update(_answer(None, chosen, None))
                return Decided(lambda _tx: [])
            who = actor(call.principal)

            def also(ids: list[int]) -> Any:
                made.update(_answer(backfill, chosen, ids))
                return partial(_note, name=found.name, backfill=backfill, chosen=chosen, ids=ids, who=who)

            return Decided(lambda _tx: None, Submit(tuple(drafts), who), also)

        def reference(_answer: Any) -> View:
            return {"jobs": [one["job"] for one in made["jobs"]], "answer": made}

        done = await self._service.scheduler.ask(Exclusive(decide), once=dedup_mark(call, params, reference))
        return {**done.reference["answer"], "deduplicated": True} if isinstance(done, Repeated) else made

    async def stop(self, call: Call, params: p.ScheduleStopBackfill) -> View:
        """Terminate the live jobs of a backfill, in one step."""
        store = self._service.store
        rows = await store.read(partial(schedules.jobs_of_backfill, backfill=params.backfill))
        if not rows:
            raise NotFound(f"There is no backfill {params.backfill}.", path="$.backfill")
        job = await store.job_row(rows[0][0])
        if job is not None and job.schedule_id is not None:
            found = await store.read(partial(read, name=MakerName(job.project, job.schedule_id)))
            if found is not None:
                check_may_steer(self._service, found.row, call.principal)
        ids = tuple(job_id for job_id, _ in rows)
        alive = await self._service.scheduler.look(
            lambda core: [job_id for job_id in ids if job_id in core.state.jobs]
        )
        work = Submit((), actor(call.principal), instead_of=tuple(alive))
        answer = {"backfill": params.backfill, "jobs": [str(job_id) for job_id in alive]}
        done = await self._service.scheduler.ask(
            work, once=dedup_mark(call, params, lambda _: {"answer": answer})
        )
        return {**done.reference["answer"], "deduplicated": True} if isinstance(done, Repeated) else answer

    # -- which moments ------------------------------------------------------------------------------------

    async def _choose(self, params: p.ScheduleBackfill, found: Found, first_us: int, last_us: int) -> Chosen:
        jobs = await self._service.store.read(
            partial(schedules.jobs_between, name=found.name, first_us=first_us, last_us=last_us)
        )
        most = self._service.settings.schedules.max_backfill
        return await threads.run_sync(_chosen, found.spec, params, jobs, (first_us, last_us), most)

    async def _drafts(
        self, params: p.ScheduleBackfill, found: Found, moments: Sequence[int], backfill: str
    ) -> list[Any]:
        owner = await current_owner(self._service, found.row)
        creation = creation_of(self._service, owner, found.name)
        changes: dict[str, Any] = {"priority": params.priority}
        if params.pool is not None:
            changes |= {"pool": params.pool, "pools": None}
        drafts = []
        for moment_us in moments:
            moment = await self.moment_of(found, moment_us, backfill=backfill)
            drafts.append(await draft_of(creation, found.spec, moment, changes))
        return drafts

    async def moment_of(
        self, found: Found, moment_us: int | None, *, backfill: str | None = None, manual: bool = False
    ) -> JobMoment:
        """Return what a job learns of a past moment: its window is that of the calendar."""
        terms = terms_of(found.spec, found.name, self._service.store.identity)
        good = await self._service.store.read(partial(schedules.newest_good, name=found.name))
        return JobMoment(
            found.name,
            found.version,
            moment_us,
            None if moment_us is None else moment_us + terms.offset_us,
            clock.now_us(),
            None if moment_us is None else terms.calendar.before(moment_us),
            None if good is None else good.schedule["moment"],
            backfill,
            manual,
        )


def _bounds(found: Found, params: p.ScheduleBackfill) -> tuple[int, int]:
    """Return the first and the last moment in question, none after the settled time."""
    first_us = _time_of(params.since, found.spec, "$.from", is_end=False)
    last_us = _time_of(params.to, found.spec, "$.to", is_end=True)
    if last_us < first_us:
        raise Invalid("It must not be before `from`.", path="$.to")
    return first_us, min(last_us, found.row.settled_us)


def _time_of(text: str, spec: ScheduleSpec, path: str, *, is_end: bool) -> int:
    """Parse a time; for a local date return its first moment, or its last one with `is_end`."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
        if day is None:
            return time_us(text)
    except ValueError as problem:
        raise Invalid(f'{problem}, or a local date such as "2026-01-31".', path=path) from None
    rules = known_zone(spec.zone_name).rules
    if is_end:
        return first_moment_us(datetime.combine(day + timedelta(days=1), time()), rules) - 1
    return first_moment_us(datetime.combine(day, time()), rules)


def _chosen(
    spec: ScheduleSpec,
    params: p.ScheduleBackfill,
    jobs: Sequence[tuple[int, int, int, str]],
    bounds: tuple[int, int],
    most: int,
) -> Chosen:
    """Choose the moments without a job that is live or ended well; with `again` all. Run in a thread."""
    calendar, (first_us, last_us) = spec.calendar(), bounds
    if first_us <= last_us and calendar.count(first_us, last_us, MOST_MOMENTS) is None:
        raise Limit(f"There are more than {MOST_MOMENTS} moments: take a shorter time.", path="$.from")
    chosen = Chosen([], [])
    exclusions = spec.exclusions()
    for moment_us in moments_between(calendar, first_us - 1, last_us):
        because = None if params.again else _good_job(jobs, moment_us)
        if any(start <= moment_us < end for start, end in exclusions):
            because = "its date is excluded"
        if because is None:
            chosen.moments.append(moment_us)
        else:
            chosen.left.append((moment_us, because))
    if len(chosen.moments) > most:
        raise Limit(
            f"It would make {len(chosen.moments)} jobs; at most {most} are allowed "
            "(setting schedules.max_backfill): take a shorter time.",
            path="$.from",
            count=len(chosen.moments),
        )
    if params.order == "backward":
        chosen.moments.reverse()
    return chosen


def _good_job(jobs: Sequence[tuple[int, int, int, str]], moment_us: int) -> str | None:
    """Return why a moment needs no job: one of its jobs is live, or ended well."""
    for first_us, last_us, job_id, status in jobs:
        if first_us <= moment_us <= last_us and (status not in FINAL or status in ("success", "warning")):
            return f"job {job_id} is {status}"
    return None


def _answer(backfill: str | None, chosen: Chosen, ids: Sequence[int] | None) -> View:
    jobs = [None] * len(chosen.moments) if ids is None else [str(job_id) for job_id in ids]
    return {
        "backfill": backfill,
        "jobs": [
            {"moment": clock.to_text(moment_us), "job": job}
            for moment_us, job in zip(chosen.moments, jobs, strict=True)
        ],
        "left": [{"moment": clock.to_text(one), "because": because} for one, because in chosen.left],
    }


def _note(
    tx: Transaction, name: MakerName, backfill: str, chosen: Chosen, ids: Sequence[int], who: Any
) -> Sequence[int]:
    for moment_us, job_id in zip(chosen.moments, ids, strict=True):
        schedules.add_job(tx, name, moment_us, job_id, backfill)
    first_us, last_us = min(chosen.moments), max(chosen.moments)
    span = {"moment": clock.to_text(first_us), "lastMoment": clock.to_text(last_us), "count": len(ids)}
    tell(tx, name, "backfilled", clock.now_us(), by=who.as_data(), backfill=backfill, **span)
    return ids
