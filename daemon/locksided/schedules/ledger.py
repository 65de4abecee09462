"""Writes a step: the state of the schedule after it, rows for all its moments, and the events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from lockside.calendar.calendars import Calendar
from lockside.documents.enums import MomentCause, MomentOutcome
from lockside.documents.schedule import ScheduleSpec
from locksided import clock
from locksided.core.errors import Refused
from locksided.core.moments import Stretch, Terms
from locksided.core.overlap import Fate, NewJob
from locksided.schedules.makers import DAEMON, fails_too_often
from locksided.schedules.making import overdue_at
from locksided.store import schedules
from locksided.store.time_rows import MakerName, MomentRow, ScheduleRow
from locksided.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a schedule, `before` and `after` it; the jobs get their ids with the commit.

    With a `refusal` no job could be created.
    """

    name: MakerName
    before: ScheduleRow
    after: ScheduleRow
    spec: ScheduleSpec
    version: int
    terms: Terms
    stretches: Sequence[Stretch]
    fates: Sequence[Fate]
    now_us: int
    refusal: Refused | None = None
    is_forbidden: bool = False


def write_step(tx: Transaction, step: Step, job_ids: Sequence[int]) -> None:
    """Write a step whose jobs have these ids."""
    rows = sorted(_rows(step, job_ids), key=lambda row: row.moment_us)
    schedules.record(tx, step.name, rows)
    _expect(tx, step, rows)
    _tell(tx, step, rows)
    after = _counted(step, rows, job_ids)
    if step.before.paused_us is not None and after.paused_us is None:
        tell(tx, step.name, "resumed", step.now_us, by=DAEMON)
    after = _paused_for_failures(tx, step, after)
    if after.due_us is None and step.before.due_us is not None and after.paused_us is None:
        tell(tx, step.name, "finished", step.now_us)
    schedules.save(tx, after)


def tell(tx: Transaction, name: MakerName, what: str, now_us: int, *, by: Any = None, **data: Any) -> None:
    """Add an event of a schedule."""
    principal = by if isinstance(by, Mapping) else None
    tx.event(now_us, f"schedule.{what}", name.project, principal=principal, data={"id": name.id, **data})


# -- rows -------------------------------------------------------------------------------------------------


def _rows(step: Step, job_ids: Sequence[int]) -> Iterator[MomentRow]:
    for stretch in step.stretches:
        yield _row(step, stretch, None)
    for fate in step.fates:
        job_id = _job_of(fate, job_ids)
        outcome, cause = _outcome_of(step, fate, job_id)
        own = Stretch(fate.candidate.moment_us, fate.candidate.moment_us, 1, outcome, cause)
        yield _row(step, own, job_id)
        for absorbed in fate.candidate.absorbs:
            shared = MomentOutcome.MERGED if outcome is MomentOutcome.FIRED else outcome
            because = MomentCause.MISFIRE if shared is MomentOutcome.MERGED else cause
            yield _row(step, absorbed.as_(shared, because), job_id)


def _job_of(fate: Fate, job_ids: Sequence[int]) -> int | None:
    if isinstance(fate.job, NewJob):
        return job_ids[fate.job.place] if job_ids else None
    return fate.job


def _outcome_of(step: Step, fate: Fate, job_id: int | None) -> tuple[MomentOutcome, Any]:
    """Return the candidate's fate, unless the job to be created was refused."""
    if job_id is not None or fate.job is None:
        return fate.outcome, fate.cause
    assert step.refusal is not None
    if step.refusal.kind == "disabled":
        return MomentOutcome.SKIPPED, MomentCause.DISABLED
    return MomentOutcome.FAILED, step.refusal.kind


def _row(step: Step, stretch: Stretch, job_id: int | None) -> MomentRow:
    failed = stretch.outcome is MomentOutcome.FAILED
    calendar = step.terms.calendar
    assert isinstance(calendar, Calendar)
    return MomentRow(
        moment_us=stretch.first_us,
        last_us=stretch.last_us,
        count=stretch.count,
        wall=stretch.wall or calendar.entry(stretch.first_us).wall.isoformat(),
        due_us=stretch.first_us + step.terms.offset_us,
        decided_us=step.now_us,
        outcome=stretch.outcome,
        cause=stretch.cause,
        job_id=job_id,
        version=step.version,
        error=step.refusal.as_data() if failed and step.refusal is not None else None,
    )


def _counted(step: Step, rows: Sequence[MomentRow], job_ids: Sequence[int]) -> ScheduleRow:
    """Return the row with the firings and failures of the step added."""
    fired = [row.moment_us for row in rows if row.outcome == MomentOutcome.FIRED]
    failed = sum(isinstance(fate.job, NewJob) for fate in step.fates) if _has_failed(rows) else 0
    return msgspec.structs.replace(
        step.after,
        firings=step.after.firings + len(job_ids),
        failures=step.after.failures + failed,
        fired_us=max(fired) if fired else step.after.fired_us,
    )


def _has_failed(rows: Sequence[MomentRow]) -> bool:
    return any(row.outcome == MomentOutcome.FAILED for row in rows)


def _paused_for_failures(tx: Transaction, step: Step, row: ScheduleRow) -> ScheduleRow:
    """Return the row, paused if its owner may no longer run it, or if too many firings failed."""
    if step.refusal is None or row.failures == step.before.failures:
        return row
    if step.is_forbidden:
        return paused(tx, row, step.now_us, DAEMON, step.refusal.message)
    return paused_if_failing(tx, row, step.spec, step.now_us, f"the last was refused: {step.refusal.message}")


def paused_if_failing(
    tx: Transaction, row: ScheduleRow, spec: ScheduleSpec, now_us: int, last: str
) -> ScheduleRow:
    """Return the row, paused if more firings in a row failed than the schedule allows."""
    if not fails_too_often(row, spec):
        return row
    return paused(tx, row, now_us, DAEMON, f"{row.failures} in a row failed; {last}")


def paused(
    tx: Transaction,
    row: ScheduleRow,
    now_us: int,
    by: str,
    comment: str | None,
    *,
    until_us: int | None = None,
    principal: Mapping[str, Any] | None = None,
) -> ScheduleRow:
    """Return the row of a schedule that is paused from now on."""
    name = MakerName(row.project, row.id)
    until = clock.to_text(until_us)
    tell(tx, name, "paused", now_us, by=principal, comment=comment, untilTime=until)
    return msgspec.structs.replace(
        row,
        paused_us=now_us,
        paused_until_us=until_us,
        pause={"by": by, "comment": comment},
        due_us=until_us if row.disabled_us is None else None,
    )


def _expect(tx: Transaction, step: Step, rows: Sequence[MomentRow]) -> None:
    """Store when the moments that were to run will be overdue."""
    for row in rows:
        overdue_us = overdue_at(step.spec, row.last_us, step.terms.offset_us)
        if overdue_us is not None and row.outcome != MomentOutcome.SKIPPED:
            schedules.expect(tx, step.name, row.last_us, overdue_us)


def _tell(tx: Transaction, step: Step, rows: Sequence[MomentRow]) -> None:
    """Add one event for each outcome, however many moments have it."""
    for outcome in MomentOutcome:
        alike = [row for row in rows if row.outcome == outcome]
        if alike:
            jobs = dict.fromkeys(str(row.job_id) for row in alike if row.job_id is not None)
            counts = [row.count for row in alike]
            tell(
                tx,
                step.name,
                outcome.value,
                step.now_us,
                moment=clock.to_text(alike[0].moment_us),
                lastMoment=clock.to_text(alike[-1].last_us),
                count=None if None in counts else sum(count or 0 for count in counts),
                causes=list(dict.fromkeys(row.cause for row in alike)),
                jobs=list(jobs),
                latenessSeconds=max(step.now_us - alike[-1].due_us, 0) / clock.SECOND_US,
                error=alike[-1].error,
            )
