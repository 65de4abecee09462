"""Schedules as they are stored, and what becomes of their moments."""

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from lockside.documents.base import ListPage, Out
from lockside.documents.enums import MomentOutcome, ScheduleStatus, Status
from lockside.documents.schedule import ScheduleSpec
from lockside.protocol.types.origins import PrincipalRef
from lockside.protocol.types.stored import Stored, stored_as

if TYPE_CHECKING:

    class StoredSchedule(ScheduleSpec, Stored, frozen=True, kw_only=True): ...

else:
    StoredSchedule = stored_as(ScheduleSpec)


class Paused(Out, frozen=True, kw_only=True):
    """A pause of a schedule.

    Attributes:
        by: Who paused it; `daemon` when it failed too often.
        time: Since when.
        comment: Why.
        until_time: When it ends by itself; null means never.
    """

    by: str | None = None
    time: str | None = None
    comment: str | None = None
    until_time: str | None = None


class Execution(Out, frozen=True, kw_only=True):
    """A job that a schedule made.

    Attributes:
        job_id: The job's id.
        execution_time: When it was made.
    """

    job_id: str
    execution_time: str | None = None


class Schedule(StoredSchedule, frozen=True, kw_only=True):
    """A stored schedule, and where it stands.

    Attributes:
        owner: As whom its jobs run.
        status: Where it stands.
        status_cause: Why it stands there.
        paused: Its pause; null when it is not paused.
        settled_time: All moments up to this one have an outcome.
        next_moment: The next moment that is to fire.
        next_due_time: When that moment is due.
        jitter_offset_seconds: How much later its moments are due.
        firings: How many jobs it has made.
        failures_in_row: How many jobs or firings failed since the last that did not.
        says: The calendar in an English sentence.
        executions: Its last 10 jobs, newest first.
        warnings: What is stored and has no effect.
    """

    owner: PrincipalRef | None = None
    status: ScheduleStatus | None = None
    status_cause: str | None = None
    paused: Paused | None = None
    settled_time: str | None = None
    next_moment: str | None = None
    next_due_time: str | None = None
    jitter_offset_seconds: float = 0.0
    firings: int = 0
    failures_in_row: int = 0
    says: str | None = None
    executions: list[Execution] = []
    change_description: str | None = None
    warnings: list[str] = []


class Schedules(ListPage, frozen=True, kw_only=True):
    """Several schedules."""

    schedules: list[Schedule]


class Refusal(Out, frozen=True, kw_only=True):
    """Why no job could be made.

    Attributes:
        kind: The kind of the error.
        message: What is wrong and what to do.
        path: The field at fault.
    """

    kind: str
    message: str
    path: str | None = None


class LedgerRow(Out, frozen=True, kw_only=True):
    """What became of a moment, or of several in a row of which the same became.

    Attributes:
        moment: The moment, the first of several.
        last_moment: The last of them.
        count: How many they are; null means that they were not counted.
        wall: What the clock on the wall showed at the moment; of a gap, the times that it left out.
        due_time: When the moment was due.
        decided_time: When it was decided; null while a pause lasts.
        lateness_seconds: How late that was.
        outcome: What became of it.
        cause: Why.
        job: Its job, or the job that runs for it too.
        job_status: The status of that job.
        version: The version of the schedule that decided.
        backfills: Further jobs of these moments, from backfills or by hand.
    """

    moment: str
    last_moment: str
    count: int | None = None
    wall: str | None = None
    due_time: str | None = None
    decided_time: str | None = None
    lateness_seconds: float | None = None
    outcome: MomentOutcome
    cause: str
    job: str | None = None
    job_status: Status | None = None
    version: int | None = None
    error: Refusal | None = None
    backfills: list[str] = []


class Ledger(ListPage, frozen=True, kw_only=True):
    """What became of a schedule's moments, newest first.

    Attributes:
        rows: The rows, newest first.
    """

    rows: list[LedgerRow]


class UpcomingMoment(Out, frozen=True, kw_only=True):
    """A moment to come.

    Attributes:
        wall: What the clock on the wall shows.
        utc_offset: How far that clock is ahead of UTC, as in `+02:00`.
        due_time: When it is due.
        note: What a change of the clocks or an excluded date does to it.
    """

    moment: str
    wall: str
    utc_offset: str
    due_time: str
    note: str | None = None


class Upcoming(Out, frozen=True, kw_only=True):
    """The next moments of a schedule.

    Attributes:
        moments: The moments, soonest first.
        says: The calendar in an English sentence.
    """

    moments: list[UpcomingMoment]
    says: str


class MomentJob(Out, frozen=True, kw_only=True):
    """A moment and its job.

    Attributes:
        job: The job's id; null in a dry run.
    """

    moment: str
    job: str | None = None


class LeftMoment(Out, frozen=True, kw_only=True):
    """A moment that a backfill leaves alone.

    Attributes:
        because: Why.
    """

    moment: str
    because: str


class Backfill(Out, frozen=True, kw_only=True):
    """What a backfill makes.

    Attributes:
        backfill: The backfill's id; null in a dry run, and when there is nothing to run.
        jobs: The moments that get a job.
        left: The moments that do not.
    """

    backfill: str | None = None
    jobs: list[MomentJob]
    left: list[LeftMoment]
    deduplicated: bool | UnsetType = UNSET


class StoppedBackfill(Out, frozen=True, kw_only=True):
    """What a stop of a backfill ended.

    Attributes:
        backfill: The backfill's id.
        jobs: The jobs that were asked to terminate.
    """

    backfill: str
    jobs: list[str]
    deduplicated: bool | UnsetType = UNSET
