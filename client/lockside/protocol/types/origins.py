"""Whose a job is, and what made it: a caller, another job, a schedule or trigger and what set it off."""

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.documents.enums import CreatorType, Status
from lockside.protocol.types.results import Counts


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


class ProjectRef(Out, frozen=True, kw_only=True):
    """A project by its id; the name is the id.

    Attributes:
        id: The project's id.
        name: The project's name.
    """

    id: str
    name: str


class PrincipalRef(Out, frozen=True, kw_only=True):
    """The user who asked, as the kernel reports.

    Attributes:
        uid: The user id.
        user: The user's name.
        gid: The group id.
        via: The user of the program that acted as this user; missing when nobody did.
    """

    uid: int
    user: str
    gid: int
    via: str | UnsetType = UNSET


class RetryRef(Out, frozen=True, kw_only=True):
    """One retry by hand.

    Attributes:
        id: The retry's id.
        status: Its status.
    """

    id: str
    status: Status


class Retries(Out, frozen=True, kw_only=True):
    """The retries by hand of a job, in their order, with sums.

    Attributes:
        jobs: The retries, in their order.
        counts: The records of the job and of all its retries.
        open: How many failed records of them all no retry has made good.
        duration_seconds: The sum of the retries' durations.
    """

    jobs: list[RetryRef] = []
    counts: Counts = Counts()
    open: int = 0
    duration_seconds: float = 0.0


class ChunkOfJob(Out, frozen=True, kw_only=True):
    """The chunk that a job runs.

    Attributes:
        number: Its number, from 1.
        chunks: How many there are.
        name: What the splitter called it.
        splitter: The job that made it.
    """

    number: int
    chunks: int
    name: str
    splitter: str
