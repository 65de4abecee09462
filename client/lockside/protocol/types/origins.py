# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""What made a job: a caller, another job, a schedule with its moment, a trigger with its causes."""

from lockside.documents.base import Out
from lockside.documents.enums import CreatorType


class Creator(Out, frozen=True, kw_only=True):
    """What created the job.

    Attributes:
        type: The kind of creator.
        id: The id of the creator, for instance of a row or a task.
    """

    type: CreatorType
    id: str | None = None


class CauseOfJob(Out, frozen=True, kw_only=True):
    """Something that a trigger heard.

    Attributes:
        kind: What it was: `job`, `table` or `file`.
        table: The table.
        version: The version of the table.
        job: The job that ended, or that wrote the table.
        path: The file.
        size_bytes: The size of the file.
        status: How the job ended.
    """

    kind: str
    table: str | None = None
    version: int | None = None
    job: str | None = None
    path: str | None = None
    size_bytes: int | None = None
    time: str | None = None
    status: str | None = None


class TriggerOfJob(Out, frozen=True, kw_only=True):
    """What a job is told of the causes for which a trigger made it.

    Attributes:
        id: The trigger's id.
        version: The version of the trigger.
        causes: What it heard.
        depth: How many triggers set each other off.
    """

    id: str
    version: int
    causes: list[CauseOfJob] = []
    depth: int = 1


class ScheduleOfJob(Out, frozen=True, kw_only=True):
    """What a job is told of the moment for which a schedule made it.

    Attributes:
        id: The schedule's id.
        version: The version of the schedule.
        moment: The moment; null for a run by hand without one.
        due_time: When the moment was due.
        lateness_seconds: How late the job was made.
        window_start: The moment of the job before.
        window_end: The moment.
        last_success_time: The moment of the newest job that ended well.
        backfill: The backfill that made the job.
        manual: Whether somebody asked for it.
    """

    id: str
    version: int
    moment: str | None = None
    due_time: str | None = None
    lateness_seconds: float = 0.0
    window_start: str | None = None
    window_end: str | None = None
    last_success_time: str | None = None
    backfill: str | None = None
    manual: bool = False
