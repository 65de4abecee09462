# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `job.*`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from lockside.documents import quantities
from lockside.documents.base import (
    DeduplicationId,
    FieldError,
    In,
    JobId,
    Labels,
    Name,
    Priority,
    ProjectId,
    RowId,
    RunId,
    Seconds,
    Sequence,
    Text,
)
from lockside.documents.request import JobChanges, JobRequest
from lockside.protocol.params.base import Cursor, Mutating, Params, fields_of
from lockside.protocol.types.jobs import Job
from lockside.protocol.words import Stream

if TYPE_CHECKING:
    JobFields = list[str]
else:
    JobFields = fields_of(Job)


class JobCreate(JobRequest, frozen=True, kw_only=True):
    """Parameters of `job.create`; with `dryRun` the job is checked and answered, but not created."""

    project: ProjectId = "default"
    deduplication_id: DeduplicationId | None = None
    dry_run: bool = False
    fields: JobFields | None = None


class JobCreateMany(Mutating, frozen=True, kw_only=True):
    """Parameters of `job.createMany`: all jobs are created, or none.

    Attributes:
        jobs: The requests, in their order.
    """

    jobs: Annotated[list[JobRequest], Meta(min_length=1, max_length=10_000)]
    dry_run: bool = False
    fields: JobFields | None = None


class OneJob(Params, frozen=True, kw_only=True):
    """A job to read.

    Attributes:
        id: The job's id or uuid.
    """

    id: JobId


class JobGet(OneJob, frozen=True, kw_only=True):
    """Parameters of `job.get`."""

    fields: JobFields | None = None


class JobWait(Params, frozen=True, kw_only=True):
    """Parameters of `job.wait`: either `id` or `ids`; without a time limit it waits as long as it takes.

    With `cursor` it does not wait: it answers the next page of the `ids`.

    Attributes:
        id: The job; give either `id` or `ids`.
        ids: Several jobs.
        timeout_seconds: Answer after this time in any case; null waits as long as it takes.
        until: Wait for all of `ids`, or for any of them.
        waiter_run_id: The `runId` of the running job that waits, so that a deadlock is noticed.
        cursor: The `nextCursor` of the page before.
    """

    reads = {"timeout_seconds": quantities.duration}

    id: JobId | None = None
    ids: Annotated[list[JobId], Meta(min_length=1, max_length=10_000)] | None = None
    timeout_seconds: Seconds | None = None
    until: Literal["all", "any"] = "all"
    waiter_run_id: RunId | None = None
    fields: JobFields | None = None
    cursor: Cursor | None = None

    def check(self) -> None:
        """Raises FieldError for what cannot be asked for together."""
        if (self.id is None) == (self.ids is None):
            raise FieldError("Give either `id` or `ids`", "id")


class JobExplain(OneJob, frozen=True, kw_only=True):
    """Parameters of `job.explain`."""


class JobAction(Mutating, frozen=True, kw_only=True):
    """A job to act on.

    Attributes:
        id: The job's id or uuid.
    """

    id: JobId
    fields: JobFields | None = None


class JobTerminate(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.terminate`."""

    dry_run: bool = False


class JobReprioritise(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.reprioritise`.

    Attributes:
        priority: The new priority: -100 to 100, or lowest, low, normal, high, highest.
    """

    reads = {"priority": quantities.priority}

    priority: Priority


class JobAnnotate(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.annotate`: a member that is not given stays as it is; null removes it.

    Attributes:
        name: The new name; null removes it.
        description: The new description; null removes it.
        labels: The new labels, all of them.
    """

    name: Name | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET
    labels: Labels | UnsetType = UNSET


class JobPurge(Mutating, frozen=True, kw_only=True):
    """Parameters of `job.purge`.

    Attributes:
        id: The job's id or uuid.
    """

    id: JobId


class JobRetryAllFailed(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.retryAllFailed`: every failed job below the job, and its failed retries."""


class JobResubmit(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.resubmit`: the same request again, with changes.

    Attributes:
        changes: The members of the request that are to differ.
    """

    changes: JobChanges = field(default_factory=JobChanges, name="with")


class JobAmend(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.amend`: the new job takes the place in the queue.

    Attributes:
        changes: The members of the request that are to differ.
    """

    changes: JobChanges = field(name="with")


class JobLog(Params, frozen=True, kw_only=True):
    """Parameters of `job.log`: frames from `offset` on.

    Attributes:
        id: The job's id or uuid.
        row: Only output of this row.
        offset: The number of the first frame.
        limit: How many frames are answered at most.
        stream: Only this stream.
        raw: Answer bytes in base64 as `data` instead of `text`.
        wait_seconds: Hold the call up to this time when there is nothing new.
    """

    reads = {"wait_seconds": quantities.duration}

    id: JobId
    row: RowId | None = None
    offset: Sequence = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    stream: Stream | None = None
    raw: bool = False
    wait_seconds: Seconds = 0.0


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


class JobReport(Params, frozen=True, kw_only=True):
    """Parameters of `job.report`: progress of a running job, by its own token.

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
