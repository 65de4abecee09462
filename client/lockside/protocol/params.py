# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of every method, one type each, with their bounds; whatever is unknown is refused by name.

Only what can be said of a request by itself is checked here: whether a job, pool or component exists is for
the daemon to say.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, defstruct, field
from msgspec.structs import fields as struct_fields
from msgspec.structs import force_setattr

from lockside.protocol import texts
from lockside.protocol.base import (
    MAX_INTEGER,
    NO_NUL_PATTERN,
    ActionName,
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    EventKind,
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
    StoredVersion,
    Tag,
    TaskId,
    Text,
    Time,
    VariablesId,
    Version,
)
from lockside.protocol.catalog import ConfigSpec, check_config
from lockside.protocol.configuration import check_configuration
from lockside.protocol.specification import (
    Backend,
    Behavior,
    Dependency,
    Limits,
    Retry,
    VariableValues,
)
from lockside.protocol.types import BranchSpec, Job, Manifest, PoolSpec, Row, VariablesSpec
from lockside.protocol.words import (
    ComponentType,
    CreatorType,
    JobType,
    Mode,
    OnLost,
    OnRecordErrors,
    Status,
    Stream,
    statuses,
)

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


class Params(In, frozen=True, kw_only=True):
    """What every method takes."""

    project: ProjectId = "default"


class Mutating(Params, frozen=True, kw_only=True):
    """What every method takes that changes something: a repeat with the same id is not done twice."""

    deduplication_id: DeduplicationId | None = None


# --- jobs


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


# --- components, configurations, branches, variables, state


class ComponentPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `component.put`."""

    component: Manifest


class ComponentGet(Params, frozen=True, kw_only=True):
    """Parameters of `component.get`."""

    id: ComponentId
    version: StoredVersion | None = None


class ComponentList(Params, frozen=True, kw_only=True):
    """Parameters of `component.list`."""

    type: ComponentType | None = None


class ComponentDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `component.delete`."""

    id: ComponentId


class ConfigPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.put`: with `expectedVersion` only over that version (0: none)."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    name: Annotated[str, Meta(max_length=255)] | None = None
    description: Text | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}
    rows: Annotated[list[Row], Meta(max_length=10_000)] = []
    change_description: Text | None = None
    expected_version: Sequence | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self.configuration, self.rows)


class ConfigGet(Params, frozen=True, kw_only=True):
    """Parameters of `config.get`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion | None = None


class ConfigList(Params, frozen=True, kw_only=True):
    """Parameters of `config.list`."""

    component: ComponentId | None = None
    branch_id: BranchId = "default"


class ConfigDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.delete`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


class ConfigVersionsOf(Params, frozen=True, kw_only=True):
    """Parameters of `config.versions`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


class ConfigRollback(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.rollback`: an old version becomes the newest."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion


class ConfigCopy(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.copy`; the newest version unless one is named."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion | None = None
    to_config: ConfigId
    to_branch_id: BranchId | None = None


class BranchCreate(Mutating, frozen=True, kw_only=True):
    """Parameters of `branch.create`."""

    branch: BranchSpec


class BranchList(Params, frozen=True, kw_only=True):
    """Parameters of `branch.list`."""


class BranchDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `branch.delete`."""

    id: BranchId


class VariablesPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `variables.put`."""

    variables: VariablesSpec


class VariablesGet(Params, frozen=True, kw_only=True):
    """Parameters of `variables.get`."""

    id: VariablesId


class VariablesListAll(Params, frozen=True, kw_only=True):
    """Parameters of `variables.list`."""


class VariablesDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `variables.delete`."""

    id: VariablesId


class StateGet(Params, frozen=True, kw_only=True):
    """Parameters of `state.get`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


class StateReset(Mutating, frozen=True, kw_only=True):
    """Parameters of `state.reset`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


class CatalogApply(Mutating, frozen=True, kw_only=True):
    """Parameters of `catalog.apply`: all that is to be stored, in one transaction.

    A kind that is not given is left alone; of one that is given, `prune` also deletes what is not named.
    With `dryRun` nothing changes and the plan is answered; `plan` is that answer's, and refuses another.
    """

    branch_id: BranchId = "default"
    pools: Annotated[list[PoolSpec], Meta(max_length=10_000)] | None = None
    components: Annotated[list[Manifest], Meta(max_length=10_000)] | None = None
    variables: Annotated[list[VariablesSpec], Meta(max_length=10_000)] | None = None
    configs: Annotated[list[ConfigSpec], Meta(max_length=10_000)] | None = None
    prune: bool = False
    dry_run: bool = False
    plan: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    change_description: Text | None = None


# --- pools, orchestrations, actions


class PoolPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `pool.put`."""

    pool: PoolSpec


class PoolGet(Params, frozen=True, kw_only=True):
    """Parameters of `pool.get`."""

    id: PoolId


class PoolList(Params, frozen=True, kw_only=True):
    """Parameters of `pool.list`."""


class PoolPause(Mutating, frozen=True, kw_only=True):
    """Parameters of `pool.pause`."""

    id: PoolId
    comment: Annotated[str, Meta(max_length=1024)] | None = None


class PoolAction(Mutating, frozen=True, kw_only=True):
    """One pool."""

    id: PoolId


class OrchestrationPlan(Params, frozen=True, kw_only=True):
    """Parameters of `orchestration.plan`: a stored orchestration or one that is given whole."""

    config: ConfigId | None = None
    config_data: dict[str, Any] | None = None
    branch_id: BranchId | None = None
    only_orchestration_task_ids: TaskIds | None = None
    previous_job_id: JobId | None = None

    def __post_init__(self) -> None:
        if self.config is None and self.config_data is None:
            raise FieldError("Give either `config` or `configData`", "config")
        if self.config_data is not None:
            check_configuration(self.config_data, "configData")


class ActionRun(Params, frozen=True, kw_only=True):
    """Parameters of `action.run`."""

    component: ComponentId
    action: ActionName
    config_data: dict[str, Any] = {}
    tag: Tag | None = None

    def __post_init__(self) -> None:
        check_configuration(self.config_data, "configData")


# --- events, the daemon


class EventFilters(Params, frozen=True, kw_only=True):
    """Which events are meant: those after a `seq`, of these kinds, of a job, or of a job and all below it."""

    after: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None = None
    kinds: Annotated[list[EventKind], Meta(max_length=100)] = []
    job: JobId | None = None
    run_id_prefix: RunIdPrefix | None = None


class EventList(EventFilters, frozen=True, kw_only=True):
    """Parameters of `event.list`: from the oldest on unless `after` is given."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class EventSubscribe(EventFilters, frozen=True, kw_only=True):
    """Parameters of `event.subscribe`: from now on unless `after` is given."""


class EventUnsubscribe(Params, frozen=True, kw_only=True):
    """Parameters of `event.unsubscribe`."""

    subscription: Annotated[str, Meta(min_length=1, max_length=255)]


class DaemonRead(Params, frozen=True, kw_only=True):
    """Parameters of methods that ask the daemon about itself."""


class DaemonCheck(Params, frozen=True, kw_only=True):
    """Parameters of `daemon.check`: `fix` has mended what can be mended."""

    fix: bool = False


class DaemonAction(Mutating, frozen=True, kw_only=True):
    """Parameters of methods that act on the daemon itself."""


class DaemonBackup(Mutating, frozen=True, kw_only=True):
    """Parameters of `daemon.backup`: into the state folder's `backups` unless an absolute path is given."""

    path: Annotated[str, Meta(max_length=4096, pattern=r"^/[^\x00]*$")] | None = None
