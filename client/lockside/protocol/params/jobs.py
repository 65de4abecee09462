# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `job.*`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, defstruct, field
from msgspec.structs import fields as struct_fields

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
from lockside.protocol.words import (
    Mode,
    OnLost,
    OnRecordErrors,
    Stream,
)

if TYPE_CHECKING:
    JobField = str
else:
    JobField = Literal[tuple(name for name in Job.__struct_encode_fields__ if name != "deduplicated")]


JobFields = Annotated[
    list[JobField],
    Meta(max_length=200, description="Only these members of a job are answered, and its id."),
]


RowIds = Annotated[list[RowId], Meta(max_length=10_000)]


TaskIds = Annotated[list[TaskId], Meta(max_length=10_000)]


class JobRequest(In, frozen=True, kw_only=True):
    """The request for a new job.

    Attributes:
        delay: The earliest start, counted from now, in seconds or as in "10m"; not with `delayedStartTime`.
        hold: Hold the job until `job.release`.
        parent_run_id: The `runId` of the running job below which this one is created.
        only_orchestration_task_ids: Run only these tasks of the orchestration.
        previous_job_id: Run again only what did not succeed in this earlier job of the orchestration.
        limits: Limits of the job; the component's own limits are the highest allowed.
        retry: How the job is retried when it fails.
        component_version: The version of the component; null means the current one.
        config_version: The version of the configuration; null means the current one.
        lock_key: A free lock key for a job without a configuration.
    """

    same_as = (Job,)

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

    Attributes:
        id: The job; give either `id` or `ids`.
        ids: Several jobs.
        timeout_seconds: Answer after this time in any case; null waits as long as it takes.
        until: Wait for all of `ids`, or for any of them.
        waiter_run_id: The `runId` of the running job that waits, so that a deadlock is noticed.
    """

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

    reads = {"priority": texts.priority}

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
            "same_as": (JobRequest,),
            "__post_init__": _check_changes,
        },
        module=__name__,
        frozen=True,
        kw_only=True,
    )


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

    reads = {"wait_seconds": texts.duration_seconds}

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
