"""The methods of what jobs have written and of how far they are."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from lockside.documents import quantities
from lockside.documents.base import FieldError, In, JobId, Out, RowId, Seconds, Sequence
from lockside.protocol.declaration import PageLimit, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFilters
from lockside.protocol.methods.steering import STEERING
from lockside.protocol.types.jobs import Reported, Stats
from lockside.protocol.types.logs import LogPage
from lockside.protocol.words import Role, Stream


class FailedRecord(Out, frozen=True, kw_only=True):
    """A record that a job could not process.

    Attributes:
        number: Its number among the records of the outermost job and all retries.
        input: The file below in/ that it came from; null when the component did not say.
        record: The record.
        id: What the component calls it.
        message: Why it failed.
        code: The component's word for that; `rejected` for a row that an output mapping left out.
        job: The job that could not process it.
        row: The row of that job's configuration.
        resolved_by: The retry that was given it and ended well.
    """

    number: int
    input: str | None = None
    record: dict[str, Any] = {}
    id: Any = None
    message: Any = None
    code: Any = None
    job: str
    row: str | None = None
    resolved_by: str | None = None


class RecordPage(Out, frozen=True, kw_only=True):
    """A page of failed records.

    Attributes:
        records: The records, by their numbers. There may be fewer than `limit` and more to come.
        total: How many there are.
        open: How many of them can be retried.
    """

    records: list[FailedRecord]
    total: int
    open: int


@method(
    "job.log",
    Role.VIEWER,
    answers=LogPage,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "17", "waitSeconds": 30},
)
class JobLog(Params, frozen=True, kw_only=True):
    """Return a job's output in frames.

    It begins with the frame `offset`.

    Attributes:
        id: The job's id or uuid.
        row: Only output of this row.
        offset: The number of the first frame.
        limit: How many frames are answered at most.
        tail: Leave out all but the last frames that there are, so many of them.
        stream: Only this stream.
        level: Only messages that came by GELF, of this level (0 to 7) or more urgent ones.
        raw: Answer bytes in base64 as `data` instead of `text`.
        wait_seconds: Hold the call up to this time when there is nothing new.
    """

    reads = {"wait_seconds": quantities.duration}

    id: JobId
    row: RowId | None = None
    offset: Sequence = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    tail: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    stream: Stream | None = None
    level: Annotated[int, Meta(ge=0, le=7)] | None = None
    raw: bool = False
    wait_seconds: Seconds = 0.0

    def check(self) -> None:
        """Raises FieldError for messages of a stream that has no levels."""
        if self.level is not None and self.stream not in (None, Stream.GELF):
            raise FieldError("Only messages of the stream `gelf` have a level", "level")


@method(
    "job.records",
    Role.OPERATOR,
    answers=RecordPage,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "17", "open": True},
)
class JobRecords(Params, frozen=True, kw_only=True):
    """Return the records that a job could not process, what is below it included, and their retries.

    Attributes:
        id: The job's id or uuid.
        open: Whether only those are answered that can be retried.
        offset: How many are left out before the first.
        limit: How many are answered at most.
    """

    id: JobId
    open: bool = False
    offset: Sequence = 0
    limit: PageLimit = 100


@method(
    "job.stats",
    Role.VIEWER,
    answers=Stats,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["group_by"],
    example={"groupBy": ["status"]},
)
class JobStats(JobFilters, frozen=True, kw_only=True):
    """Return counts and durations of jobs by group.

    Attributes:
        group_by: What the jobs are grouped by.
        newest: Only so many of the newest jobs that match are counted: all of a million take seconds.
    """

    group_by: Annotated[
        list[Literal["status", "component", "config", "pool", "day"]], Meta(min_length=1, max_length=5)
    ] = field(default_factory=lambda: ["status"])
    newest: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ReportedCounts(In, frozen=True, kw_only=True):
    """Records that went well, failed and were left out so far.

    Attributes:
        success: Records that went well.
        error: Records that failed.
        ignored: Records that were left out.
    """

    success: Sequence = 0
    error: Sequence = 0
    ignored: Sequence = 0


@method(
    "job.report",
    Role.VIEWER,
    answers=Reported,
    refuses=STEERING,
    example={"token": "17-1-0", "progress": 0.4},
)
class JobReport(Params, frozen=True, kw_only=True):
    """Report the progress of a running job, by its own token.

    Attributes:
        token: The job's own token, `LOCKSIDE_START_TOKEN` of its environment.
        progress: How far the job is, 0 to 1.
        message: A sentence for people.
        counts: Records so far.
        outputs: What the job has written so far.
    """

    token: Annotated[str, Meta(min_length=1, max_length=255)]
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    message: Annotated[str, Meta(max_length=4096)] | None = None
    counts: ReportedCounts | None = None
    outputs: list[dict[str, Any]] | None = None
