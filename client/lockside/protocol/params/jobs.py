# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `job.*`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, defstruct, field
from msgspec.structs import fields as struct_fields
from msgspec.structs import force_setattr

from lockside.documents.enums import CreatorType, JobType, Mode, OnLost, OnRecordErrors, Status
from lockside.protocol import texts
from lockside.protocol.base import (
    NO_NUL_PATTERN,
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    FieldError,
    In,
    JobId,
    Labels,
    LockKey,
    LockPolicy,
    Name,
    PoolId,
    Priority,
    ProjectId,
    RowId,
    RunId,
    RunIdPrefix,
    Seconds,
    Sequence,
    Slots,
    Tag,
    TaskId,
    Text,
    Time,
    VariablesId,
    Version,
)
from lockside.protocol.configuration import check_configuration
from lockside.protocol.params.base import Mutating, Params
from lockside.protocol.specification import Backend, Behavior, Dependency, Limits, Retry, VariableValues
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


RowIds = Annotated[list[RowId], Meta(max_length=10_000)]


TaskIds = Annotated[list[TaskId], Meta(max_length=10_000)]


Search = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]


class JobRequest(In, frozen=True, kw_only=True):
    """What can be asked of a new job."""

    reads = {
        "component_version": texts.version,
        "config_version": texts.version,
        "parallelism": texts.count,
        "priority": texts.priority,
        "delay": texts.duration_seconds,
        "delayed_start_time": texts.canonical_time,
    }

    component: ComponentId
    component_version: Version | None = None
    tag: Tag | None = None
    config: ConfigId | None = None
    config_version: Version | None = None
    config_data: dict[str, Any] | None = None
    config_row_ids: RowIds = []
    branch_id: BranchId | None = None
    mode: Mode = Mode.RUN
    pool: PoolId | None = None
    parallelism: Slots | None = None
    backend: Backend | None = None
    behavior: Behavior | None = None
    lock: LockPolicy | None = None
    lock_key: LockKey | None = None
    variable_values_id: VariablesId | None = None
    variable_values_data: VariableValues | None = None
    delayed_start_time: Time | None = None
    delay: Seconds | None = None
    depends_on: Annotated[list[Dependency], Meta(max_length=1000)] = []
    limits: Limits | None = None
    retry: Retry | None = None
    on_lost: OnLost | None = None
    on_record_errors: OnRecordErrors | None = None
    pools: Annotated[list[PoolId], Meta(max_length=100)] | None = None
    inputs: Annotated[list[dict[str, Any]], Meta(max_length=10_000)] | None = None
    archive: dict[str, Any] | None = None
    notifications: Annotated[list[dict[str, Any]], Meta(max_length=1000)] | None = None
    template: Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)] | None = None
    priority: Priority | None = None
    name: Name | None = None
    description: Text | None = None
    labels: Labels = {}
    hold: bool = False
    parent_run_id: RunId | None = None
    only_orchestration_task_ids: TaskIds | None = None
    previous_job_id: JobId | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delay is not None and self.delayed_start_time is not None:
            raise FieldError("Give either `delay` or `delayedStartTime`, not both", "delay")
        if self.config_data is not None:
            check_configuration(self.config_data, "configData")


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
        "created_from": texts.canonical_time,
        "created_to": texts.canonical_time,
        "finished_from": texts.canonical_time,
        "finished_to": texts.canonical_time,
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

    def __post_init__(self) -> None:
        super().__post_init__()
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

    reads = {"timeout_seconds": texts.duration_seconds}

    id: JobId | None = None
    ids: Annotated[list[JobId], Meta(min_length=1, max_length=10_000)] | None = None
    timeout_seconds: Seconds | None = None
    until: Literal["all", "any"] = "all"
    waiter_run_id: RunId | None = None
    fields: JobFields | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
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

    reads = {"priority": texts.priority}

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


if TYPE_CHECKING:

    class JobChanges(In, frozen=True, kw_only=True):
        """The members of a request that are to differ; `msgspec.to_builtins` gives those that were named."""

else:

    def _check_changes(changes: In) -> None:
        In.__post_init__(changes)
        if isinstance(changes.config_data, dict):
            check_configuration(changes.config_data, "configData")

    JobChanges = defstruct(
        "JobChanges",
        [(known.name, known.type | UnsetType, UNSET) for known in struct_fields(JobRequest)],
        bases=(In,),
        namespace={
            "__doc__": "The members of a request that are to differ.",
            "reads": JobRequest.reads,
            "__post_init__": _check_changes,
        },
        module=__name__,
        frozen=True,
        kw_only=True,
    )


class JobResubmit(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.resubmit`: the same request again, with changes."""

    changes: JobChanges = field(default_factory=JobChanges, name="with")


class JobAmend(JobAction, frozen=True, kw_only=True):
    """Parameters of `job.amend`: a successor in the same place of the line."""

    changes: JobChanges = field(name="with")


class JobLog(Params, frozen=True, kw_only=True):
    """Parameters of `job.log`: from frame number `offset` on, held until there is more if so wished."""

    reads = {"wait_seconds": texts.duration_seconds}

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
