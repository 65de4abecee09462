"""Stored schedules and the outcomes of their moments."""

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
        by: Who paused it; `daemon` if it failed too often.
        time: Since when.
        comment: The reason.
        until_time: When it ends automatically; null means never.
    """

    by: str | None = None
    time: str | None = None
    comment: str | None = None
    until_time: str | None = None


class Execution(Out, frozen=True, kw_only=True):
    """A job that a schedule created.

    Attributes:
        job_id: The job's id.
        execution_time: When it was created.
    """

    job_id: str
    execution_time: str | None = None


class Schedule(StoredSchedule, frozen=True, kw_only=True):
    """A stored schedule and its state.

    Attributes:
        owner: The user who owns its jobs.
        status: The status.
        status_cause: The reason for the status.
        paused: Its pause; null if it is not paused.
        settled_time: All moments up to this one have an outcome.
        next_moment: The next moment that will fire.
        next_due_time: When that moment is due.
        jitter_offset_seconds: How many seconds later its moments are due, by its jitter.
        firings: How many jobs it has created.
        failures_in_row: The number of consecutive failed jobs and firings.
        says: The calendar in an English sentence.
        executions: Its last 10 jobs, newest first.
        warnings: Sentences about fields that have no effect.
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
    """Why no job could be created.

    Attributes:
        kind: The kind of the error.
        message: What is wrong and what to do about it.
        path: The field at fault.
    """

    kind: str
    message: str
    path: str | None = None


class LedgerRow(Out, frozen=True, kw_only=True):
    """The outcome of a moment, or of several consecutive moments with the same outcome.

    Attributes:
        moment: The moment, the first of several.
        last_moment: The last of them.
        count: The number of moments; null means that they were not counted.
        wall: The local time of the moment; of a gap at a clock change, the times that were skipped.
        due_time: When the moment was due.
        decided_time: When the outcome was decided; null while a pause lasts.
        lateness_seconds: How late it was decided.
        outcome: The outcome.
        cause: The reason for it.
        job: Its job, or the job of another moment that also runs for it.
        job_status: The status of that job.
        version: The version of the schedule at the decision.
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
    """The outcomes of a schedule's moments, newest first.

    Attributes:
        rows: The rows, newest first.
    """

    rows: list[LedgerRow]


class UpcomingMoment(Out, frozen=True, kw_only=True):
    """A future moment.

    Attributes:
        wall: The local time.
        utc_offset: The offset of local time from UTC, as in `+02:00`.
        due_time: When it is due.
        note: The effect of a clock change or an excluded date.
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
    """A moment for which a backfill creates no job.

    Attributes:
        because: The reason.
    """

    moment: str
    because: str


class Backfill(Out, frozen=True, kw_only=True):
    """The jobs of a backfill.

    Attributes:
        backfill: The backfill's id; null in a dry run, or if there is nothing to run.
        jobs: The moments that get a job.
        left: The moments that get no job.
    """

    backfill: str | None = None
    jobs: list[MomentJob]
    left: list[LeftMoment]
    deduplicated: bool | UnsetType = UNSET


class StoppedBackfill(Out, frozen=True, kw_only=True):
    """The jobs of a stopped backfill.

    Attributes:
        backfill: The backfill's id.
        jobs: The jobs that were asked to terminate.
    """

    backfill: str
    jobs: list[str]
    deduplicated: bool | UnsetType = UNSET
