"""The methods of the output and progress of jobs."""

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
        input: The file below in/ that it came from; null if the component did not report it.
        record: The record.
        id: The component's id of it.
        message: Why it failed.
        code: The component's code for that; `rejected` for a row that an output mapping left out.
        job: The job that could not process it.
        row: The row of that job's configuration.
        resolved_by: The retry that processed it successfully.
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
        records: The records, by number. There may be fewer than `limit` although more follow.
        total: The number of all records.
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

    The first frame is the one numbered `offset`.

    Attributes:
        id: The job's id or uuid.
        row: Only output of this row.
        offset: The number of the first frame.
        limit: The maximum number of frames.
        tail: Return only the last frames, so many of them.
        stream: Only this stream.
        level: Only GELF messages of this level (0 to 7) or a more urgent one.
        raw: Return bytes in base64 as `data` instead of `text`.
        wait_seconds: Wait up to this time if there is nothing new.
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
    """Return the records that a job and the jobs below it could not process, and their retries.

    Attributes:
        id: The job's id or uuid.
        open: Return only records that can be retried.
        offset: How many records to skip.
        limit: The maximum number of records.
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
        group_by: The fields by which the jobs are grouped.
        newest: Count only so many of the newest matching jobs: counting a million takes seconds.
    """

    group_by: Annotated[
        list[Literal["status", "component", "config", "pool", "day"]], Meta(min_length=1, max_length=5)
    ] = field(default_factory=lambda: ["status"])
    newest: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ReportedCounts(In, frozen=True, kw_only=True):
    """Records that were processed, failed and ignored so far.

    Attributes:
        success: Records that were processed.
        error: Records that failed.
        ignored: Records that were ignored.
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
        progress: The progress of the job, 0 to 1.
        message: A sentence for people.
        counts: The records so far.
        outputs: What the job has written so far.
    """

    token: Annotated[str, Meta(min_length=1, max_length=255)]
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    message: Annotated[str, Meta(max_length=4096)] | None = None
    counts: ReportedCounts | None = None
    outputs: list[dict[str, Any]] | None = None
