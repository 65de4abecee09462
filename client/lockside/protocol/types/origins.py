"""The owner and the creator of a job: a caller, another job, or a schedule or trigger with its cause."""

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.documents.enums import CreatorType, Status
from lockside.protocol.types.results import Counts


class Creator(Out, frozen=True, kw_only=True):
    """What created the job.

    Attributes:
        type: The kind of creator.
        id: The id of the creator, such as a row or a task.
    """

    type: CreatorType
    id: str | None = None


class CauseOfJob(Out, frozen=True, kw_only=True):
    """A cause of a firing of a trigger.

    Attributes:
        kind: `job`, `table` or `file`.
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
    """The trigger that created a job, and its causes; the job can read them.

    Attributes:
        id: The trigger's id.
        version: The version of the trigger.
        causes: The causes.
        depth: The length of the chain of triggers that caused each other.
    """

    id: str
    version: int
    causes: list[CauseOfJob] = []
    depth: int = 1


class ScheduleOfJob(Out, frozen=True, kw_only=True):
    """The schedule that created a job, and its moment; the job can read them.

    Attributes:
        id: The schedule's id.
        version: The version of the schedule.
        moment: The moment; null for a run by hand without one.
        due_time: When the moment was due.
        lateness_seconds: How late the job was created.
        window_start: The moment of the previous job.
        window_end: The moment.
        last_success_time: The moment of the newest successful job.
        backfill: The backfill that created the job.
        manual: Whether it was requested by hand.
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
    """A project; its name is its id.

    Attributes:
        id: The project's id.
        name: The project's name.
    """

    id: str
    name: str


class PrincipalRef(Out, frozen=True, kw_only=True):
    """The user who called, as reported by the kernel.

    Attributes:
        uid: The user id.
        user: The user's name.
        gid: The group id.
        via: The user of the program that acted as this user; missing if none did.
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
    """The retries by hand of a job, in order, with sums.

    Attributes:
        jobs: The retries, in order.
        counts: The records of the job and of all its retries.
        open: How many of all failed records no retry has processed successfully.
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
        chunks: The number of all chunks.
        name: Its name, given by the splitter.
        splitter: The job that created it.
    """

    number: int
    chunks: int
    name: str
    splitter: str
