# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `job.*`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field
from msgspec.structs import force_setattr

from lockside.documents import quantities, times
from lockside.documents.base import (
    NO_NUL_PATTERN,
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    FieldError,
    In,
    JobId,
    Labels,
    Name,
    PoolId,
    Priority,
    ProjectId,
    RowId,
    RunId,
    RunIdPrefix,
    Seconds,
    Sequence,
    Text,
    Time,
)
from lockside.documents.enums import CreatorType, JobType, Status
from lockside.documents.request import JobChanges, JobRequest
from lockside.protocol.params.base import Mutating, Params
from lockside.protocol.types.jobs import Job
from lockside.protocol.words import Stream, statuses

if TYPE_CHECKING:
    JobField = str
    StatusFilter = list[Status]
else:
    JobField = Literal[tuple(name for name in Job.__struct_encode_fields__ if name != "deduplicated")]
    StatusFilter = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=100)]


JobFields = Annotated[
    list[JobField],
    Meta(max_length=200, description="Only these members of a job are answered, and its id."),
]


Search = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]


class JobCreate(JobRequest, frozen=True, kw_only=True):
    """Parameters of `job.create`; with `dryRun` the job is checked and shown, not made."""

    project: ProjectId = "default"
    deduplication_id: DeduplicationId | None = None
    dry_run: bool = False
    fields: JobFields | None = None


class JobCreateMany(Mutating, frozen=True, kw_only=True):
    """Parameters of `job.createMany`: all or none are made."""

    jobs: Annotated[list[JobRequest], Meta(min_length=1, max_length=10_000)]
    dry_run: bool = False
    fields: JobFields | None = None


class OneJob(Params, frozen=True, kw_only=True):
    """One job, to look at."""

    id: JobId


class JobGet(OneJob, frozen=True, kw_only=True):
    """Parameters of `job.get`."""

    fields: JobFields | None = None


class JobFilters(Params, frozen=True, kw_only=True):
    """Which jobs are meant; all that are given must hold.

    `status` also takes the words of other systems; after reading it holds statuses only. `text` is a prefix
    of id, name, component or config.
    """

    reads = {
        "created_from": times.canonical_time,
        "created_to": times.canonical_time,
        "finished_from": times.canonical_time,
        "finished_to": times.canonical_time,
    }

    status: StatusFilter = []
    component: ComponentId | None = None
    config: ConfigId | None = None
    branch_id: BranchId | None = None
    pool: PoolId | None = None
    parent_run_id: RunId | None = None
    run_id_prefix: RunIdPrefix | None = None
    type: JobType | None = None
    creator: CreatorType | None = None
    owner: Name | None = None
    labels: Labels = {}
    text: Search | None = None
    created_from: Time | None = None
    created_to: Time | None = None
    finished_from: Time | None = None
    finished_to: Time | None = None
    visible: bool | None = True

    def check(self) -> None:
        """Raises FieldError for a word that is not a status."""
        for place, word in enumerate(self.status):
            try:
                statuses([word])
            except ValueError as problem:
                raise FieldError(str(problem), f"status[{place}]") from None
        force_setattr(self, "status", statuses(self.status))


class JobList(JobFilters, frozen=True, kw_only=True):
    """Parameters of `job.list`: a page of jobs, and how many there are when `count` is true."""

    order_by: Literal["id", "createdTime", "endTime"] = "id"
    order: Literal["asc", "desc"] = "desc"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    count: bool = False
    fields: JobFields | None = None


class JobStats(JobFilters, frozen=True, kw_only=True):
    """Parameters of `job.stats`."""

    group_by: Annotated[
        list[Literal["status", "component", "config", "pool", "day"]], Meta(min_length=1, max_length=5)
    ] = field(default_factory=lambda: ["status"])


class JobWait(Params, frozen=True, kw_only=True):
    """Parameters of `job.wait`: either `id` or `ids`; without a time-out it waits for as long as it takes."""

    reads = {"timeout_seconds": quantities.duration}

    id: JobId | None = None
    ids: Annotated[list[JobId], Meta(min_length=1, max_length=10_000)] | None = None
    timeout_seconds: Seconds | None = None
    until: Literal["all", "any"] = "all"
    waiter_run_id: RunId | None = None
    fields: JobFields | None = None

    def check(self) -> None:
        """Raises FieldError for what cannot be asked for together."""
        if (self.id is None) == (self.ids is None):
            raise FieldError("Give either `id` or `ids`", "id")


class JobExplain(OneJob, frozen=True, kw_only=True):
    """Parameters of `job.explain`."""


class JobAction(Mutating, frozen=True, kw_only=True):
    """One job, and which members of it to answer."""

    id: JobId
    fields: JobFields | None = None


class JobTerminate(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.terminate`."""

    dry_run: bool = False


class JobReprioritise(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.reprioritise`."""

    reads = {"priority": quantities.priority}

    priority: Priority


class JobAnnotate(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.annotate`: what is not given stays as it is, null clears it."""

    name: Name | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET
    labels: Labels | UnsetType = UNSET


class JobPurge(Mutating, frozen=True, kw_only=True):
    """Parameters of `job.purge`."""

    id: JobId


class JobRetryAllFailed(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.retryAllFailed`: every failed retry or child of the job."""


class JobResubmit(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.resubmit`: the same request again, with changes."""

    changes: JobChanges = field(default_factory=JobChanges, name="with")


class JobAmend(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.amend`: a successor in the same place of the line."""

    changes: JobChanges = field(name="with")


class JobLog(Params, frozen=True, kw_only=True):
    """Parameters of `job.log`: from frame number `offset` on, held until there is more if so wished."""

    reads = {"wait_seconds": quantities.duration}

    id: JobId
    row: RowId | None = None
    offset: Sequence = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    stream: Stream | None = None
    raw: bool = False
    wait_seconds: Seconds = 0.0


class ReportedCounts(In, frozen=True, kw_only=True):
    """Records that went well, failed and were left out so far."""

    success: Sequence = 0
    error: Sequence = 0
    ignored: Sequence = 0


class JobReport(Params, frozen=True, kw_only=True):
    """Parameters of `job.report`: what a running job says of itself, by its own token."""

    token: Annotated[str, Meta(min_length=1, max_length=255)]
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    message: Annotated[str, Meta(max_length=4096)] | None = None
    counts: ReportedCounts | None = None
    outputs: list[dict[str, Any]] | None = None
