# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The objects of the wire: jobs, components, configurations, pools, events and what the methods answer.

Only shapes stand here. What comes in as parameters is in `params`; what is not known yet is null.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from lockside.protocol.base import (
    ActionName,
    Argument,
    Arguments,
    BranchId,
    ComponentId,
    Environment,
    FieldError,
    In,
    LockPolicy,
    Name,
    Out,
    PoolId,
    RowId,
    Seconds,
    Slots,
    Tag,
    Text,
    VariablesId,
)
from lockside.protocol.configuration import check_configuration
from lockside.protocol.reasons import Reason
from lockside.protocol.specification import (
    Backend,
    Behavior,
    Dependency,
    Limits,
    Retry,
    VariableValue,
    VariableValues,
)
from lockside.protocol.texts import count, duration_seconds
from lockside.protocol.words import (
    ComponentType,
    CreatorType,
    DesiredStatus,
    ErrorType,
    FailureKind,
    JobType,
    Leftovers,
    Mode,
    OnLost,
    ProcessorPosition,
    Relation,
    Stage,
    Status,
    Stream,
    TaskAction,
)

# --- jobs


class ProjectRef(Out, frozen=True, kw_only=True):
    """A project by its id; the name is the id."""

    id: str
    name: str


class PrincipalRef(Out, frozen=True, kw_only=True):
    """Who asked, as the kernel reported."""

    uid: int
    user: str
    gid: int


class Creator(Out, frozen=True, kw_only=True):
    """What made the job."""

    type: CreatorType
    id: str | None = None


class Process(Out, frozen=True, kw_only=True):
    """The last process of a job. Processor time in seconds, memory in bytes."""

    pid: int | None = None
    start_token: str | None = None
    spawn_time: str | None = None
    exit_time: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    user_seconds: float | None = None
    system_seconds: float | None = None
    max_rss_bytes: int | None = None


class JobError(Out, frozen=True, kw_only=True):
    """How a job failed and whose fault it was."""

    type: ErrorType
    kind: FailureKind
    exit_code: int | None = None
    signal: int | None = None
    message: str | None = None


class MappedData(Out, frozen=True, kw_only=True):
    """The tables and files that went in or came out."""

    tables: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []


class Counts(Out, frozen=True, kw_only=True):
    """Records that went well, failed and were left out."""

    success: int = 0
    error: int = 0
    ignored: int = 0


class TaskResult(Out, frozen=True, kw_only=True):
    """What became of a task of a phase; `job` is null when it got none."""

    id: str
    action: TaskAction
    job: str | None = None


class Result(Out, frozen=True, kw_only=True):
    """What a job left behind."""

    message: str | None = None
    config_version: int | None = None
    images: list[Any] = []
    input: MappedData = MappedData()
    output: MappedData = MappedData()
    counts: Counts = Counts()
    artifacts: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    tasks: list[TaskResult] = []
    error: JobError | None = None


class RetryRef(Out, frozen=True, kw_only=True):
    """One retry by hand."""

    id: str
    status: Status


class Retries(Out, frozen=True, kw_only=True):
    """The retries by hand of a job, in their order, with the sums of their records and of their durations."""

    jobs: list[RetryRef] = []
    counts: Counts = Counts()
    duration_seconds: float = 0.0


class KilledProcess(Out, frozen=True, kw_only=True):
    """One process that was stopped, and with which signal."""

    pid: int
    name: str
    signal: int | None = None
    time: str | None = None


class KillReport(Out, frozen=True, kw_only=True):
    """Everything that a stop ended, and how it is known that nothing is left; without a stop it is empty."""

    proof: Literal["cgroup", "scan"] | UnsetType = UNSET
    processes: list[KilledProcess] | UnsetType = UNSET


class Job(Out, frozen=True, kw_only=True):
    """One execution: who it is, what was asked for, and how it stands."""

    id: str
    uuid: str = ""
    run_id: str = ""
    parent_run_id: str | None = None
    relation: Relation | None = None
    project: ProjectRef = ProjectRef(id="default", name="default")
    principal: PrincipalRef | None = None
    creator: Creator | None = None
    type: JobType = JobType.STANDARD
    name: str | None = None
    description: str | None = None
    labels: dict[str, str] = {}
    visible: bool = True
    hidden_time: str | None = None
    url: str | None = None
    work_path: str | None = None
    links: dict[str, str] = {}

    component: str = ""
    component_version: int | None = None
    tag: str | None = None
    config: str | None = None
    config_version: int | None = None
    config_data: dict[str, Any] | None = None
    config_row_ids: list[str] = []
    branch_id: str | None = None
    mode: Mode = Mode.RUN
    pool: str | None = None
    pools: list[str] = []
    parallelism: int | Literal["infinity"] | None = None
    backend: Backend = Backend()
    behavior: Behavior = Behavior()
    lock: str | None = None
    lock_key: str | None = None
    variable_values_id: str | None = None
    variable_values_data: VariableValues = VariableValues()
    delayed_start_time: str | None = None
    deduplication_id: str | None = None
    depends_on: list[Dependency] = []
    limits: Limits = Limits()
    retry: dict[str, Any] = {}
    on_lost: OnLost | None = None
    on_record_errors: str | None = None
    inputs: list[dict[str, Any]] = []
    archive: dict[str, Any] = {}
    notifications: list[dict[str, Any]] = []
    retry_of_job_id: str | None = None
    resubmit_of: str | None = None
    template: str | None = None
    priority: int = 0

    status: Status = Status.CREATED
    desired_status: DesiredStatus = DesiredStatus.PROCESSING
    is_finished: bool = False
    retriable: bool = False
    stage: Stage | None = None
    stage_timestamps: dict[str, str] = {}
    reasons: list[Reason] = []
    progress: float | None = None
    message: str | None = None
    created_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    updated_time: str | None = None
    duration_seconds: float | None = None
    queue_seconds: float | None = None
    waited: dict[str, float] = {}
    attempt: int = 0
    starts: int = 0
    blocked_count: int = 0
    process: Process = Process()
    remote: dict[str, Any] = {}
    result: Result = Result()
    usage_data: list[dict[str, Any]] = []
    metrics: dict[str, Any] = {}
    kill_report: KillReport = KillReport()
    expires_time: str | None = None
    retries: Retries | UnsetType = UNSET

    deduplicated: bool | UnsetType = UNSET


class Jobs(Out, frozen=True, kw_only=True):
    """Several jobs."""

    jobs: list[Job]


class JobPage(Out, frozen=True, kw_only=True):
    """A page of jobs; `nextCursor` is null on the last one, `total` is there when it was asked for."""

    jobs: list[Job]
    next_cursor: str | None = None
    total: int | UnsetType = UNSET


class Explanation(Out, frozen=True, kw_only=True):
    """Why a job waits; `position` is its place in its pool's order, 1 being next."""

    status: Status
    reasons: list[Reason]
    position: int | None = None
    estimate: dict[str, Any] | None = None


class EndedContainer(Out, frozen=True, kw_only=True):
    """A container that would end with what is terminated, and how."""

    job: str
    status: Status


class TerminationPlan(Out, frozen=True, kw_only=True):
    """What a terminate would do: ids of jobs, keys that become free, and the containers that end with it."""

    stopped: list[str]
    cancelled: list[str]
    freed: list[str]
    started: list[str]
    ended: list[EndedContainer] = []


class DroppedLog(Out, frozen=True, kw_only=True):
    """A gap in a log, and how large it is."""

    bytes: int
    from_seq: int
    to_seq: int


class LogFrame(Out, frozen=True, kw_only=True):
    """A piece of output: `text`, or `data` in base64 when raw bytes were asked for, or a gap."""

    seq: int
    time: str
    stream: Stream | None = None
    text: str | UnsetType = UNSET
    data: str | UnsetType = UNSET
    dropped: DroppedLog | UnsetType = UNSET


class LogPage(Out, frozen=True, kw_only=True):
    """Frames of a log; when it is complete nothing will follow `nextOffset`."""

    frames: list[LogFrame]
    next_offset: int
    is_complete: bool


class StatsGroup(Out, frozen=True, kw_only=True):
    """The jobs of one group: how many, and how long they ran and waited (seconds)."""

    group: dict[str, str | None]
    count: int
    duration_seconds: dict[str, float | None]
    queue_seconds: dict[str, float | None]


class Stats(Out, frozen=True, kw_only=True):
    """Counts and durations by group."""

    groups: list[StatsGroup]


# --- stored objects


class ExitCodes(In, frozen=True, kw_only=True):
    """Which exit codes mean success and which a user's error; all others are the application's."""

    success: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(max_length=256)] = field(
        default_factory=lambda: [0]
    )
    user_error: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(max_length=256)] = field(
        default_factory=lambda: [1]
    )


_WAYS_TO_RUN = ("command", "pipeline", "shell")


class Manifest(In, frozen=True, kw_only=True):
    """What a component is: how it is started, with which limits, and what its parameters must look like."""

    reads = {"grace_seconds": duration_seconds}

    id: ComponentId
    name: Annotated[str, Meta(max_length=255)] | None = None
    type: ComponentType = ComponentType.OTHER
    description: Text | None = None
    command: Arguments | None = None
    pipeline: Annotated[list[Arguments], Meta(min_length=1, max_length=100)] | None = None
    shell: Annotated[Argument, Meta(min_length=1)] | None = None
    cwd: Argument | None = None
    environment: Environment = {}
    user: Name | None = None
    image_parameters: dict[str, Any] = {}
    tag: Tag | None = None
    tags: dict[Tag, dict[str, Any]] = {}
    limits: Limits = Limits()
    grace_seconds: Seconds | None = None
    stop_signal: Annotated[str, Meta(pattern=r"^SIG[A-Z0-9+]{1,12}$(?!\n)")] | None = None
    schema: dict[str, Any] | None = None
    row_schema: dict[str, Any] | None = None
    actions: Annotated[list[ActionName], Meta(max_length=100)] = []
    lock: LockPolicy | None = None
    pool: PoolId | None = None
    retry: Retry | None = None
    on_lost: OnLost | None = None
    leftovers: Leftovers = Leftovers.STOP
    exit_codes: ExitCodes = ExitCodes()
    allowed_processor_position: ProcessorPosition = ProcessorPosition.ANY

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(getattr(self, way) is not None for way in _WAYS_TO_RUN) != 1:
            raise FieldError("Give exactly one of `command`, `pipeline` and `shell`", "command")
        for tag in self.tags:
            self._check_tag(tag)

    def at_tag(self, tag: str | None) -> "Manifest":
        """This component with what differs under a tag; unchanged for a tag that says nothing of its own.

        Raises msgspec.ValidationError for differences that make no component.
        """
        changes = self.tags.get(tag) if tag is not None else None
        if changes is None:
            return self
        plain: dict[str, Any] = msgspec.to_builtins(self) | {"tag": tag, "tags": {}}
        if not changes.keys().isdisjoint(_WAYS_TO_RUN):
            plain |= dict.fromkeys(_WAYS_TO_RUN)
        return msgspec.convert(plain | changes, Manifest)

    def _check_tag(self, tag: str) -> None:
        try:
            self.at_tag(tag)
        except msgspec.ValidationError as problem:
            message, _, path = str(problem).partition(" - at `$")
            raise FieldError(message, f"tags[...]{path.removesuffix('`')}") from None


class Stored(Out, frozen=True, kw_only=True):
    """What the daemon adds to every object that is put: its version, its times and who changed it."""

    version: int | None = None
    created_time: str | None = None
    updated_time: str | None = None
    changed_by: PrincipalRef | None = None
    is_deleted: bool = False
    deduplicated: bool | UnsetType = UNSET


class Component(Stored, frozen=True, kw_only=True):
    """A component as it is stored; members that were not given have their defaults."""

    reads = {"grace_seconds": duration_seconds}

    id: str
    name: str | None = None
    type: ComponentType = ComponentType.OTHER
    description: str | None = None
    command: list[str] | None = None
    pipeline: list[list[str]] | None = None
    shell: str | None = None
    cwd: str | None = None
    environment: dict[str, str] = {}
    user: str | None = None
    image_parameters: dict[str, Any] = {}
    tag: str | None = None
    tags: dict[str, dict[str, Any]] = {}
    limits: Limits = Limits()
    grace_seconds: Seconds | None = None
    stop_signal: str | None = None
    schema: dict[str, Any] | None = None
    row_schema: dict[str, Any] | None = None
    actions: list[str] = []
    lock: str | None = None
    pool: str | None = None
    retry: Retry | None = None
    on_lost: OnLost | None = None
    leftovers: Leftovers = Leftovers.STOP
    exit_codes: ExitCodes = ExitCodes()
    allowed_processor_position: ProcessorPosition = ProcessorPosition.ANY


class Components(Out, frozen=True, kw_only=True):
    """Several components."""

    components: list[Component]


class Row(In, frozen=True, kw_only=True):
    """A part of a configuration that can be run on its own."""

    id: RowId
    name: Annotated[str, Meta(max_length=255)] | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}

    def __post_init__(self) -> None:
        check_configuration(self.configuration, "configuration")


class Config(Stored, frozen=True, kw_only=True):
    """A configuration as it is stored; `warnings` name the keys that are kept but mean nothing here."""

    component: str
    config: str
    branch_id: str = "default"
    name: str | None = None
    description: str | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}
    rows: list[Row] = []
    change_description: str | None = None
    warnings: list[str] = []


class Configs(Out, frozen=True, kw_only=True):
    """Several configurations."""

    configs: list[Config]


class ConfigVersion(Out, frozen=True, kw_only=True):
    """One change of a configuration."""

    version: int
    time: str
    changed_by: PrincipalRef | None = None
    change_description: str | None = None
    is_deleted: bool = False


class ConfigVersions(Out, frozen=True, kw_only=True):
    """The changes of a configuration, newest first."""

    versions: list[ConfigVersion]


class BranchSpec(In, frozen=True, kw_only=True):
    """A line of development."""

    id: BranchId
    name: Annotated[str, Meta(max_length=255)] | None = None


class Branch(Stored, frozen=True, kw_only=True):
    """A branch as it is stored."""

    id: str
    name: str | None = None


class Branches(Out, frozen=True, kw_only=True):
    """Several branches."""

    branches: list[Branch]


class VariablesSpec(In, frozen=True, kw_only=True):
    """A named set of values."""

    id: VariablesId
    values: Annotated[list[VariableValue], Meta(max_length=1000)] = []


class Variables(Stored, frozen=True, kw_only=True):
    """A set of values as it is stored."""

    id: str
    values: list[VariableValue] = []


class VariablesList(Out, frozen=True, kw_only=True):
    """Several sets of values."""

    variables: list[Variables]


class State(Out, frozen=True, kw_only=True):
    """What the last successful run of a configuration or row left for the next; version 0 is none yet."""

    state: dict[str, Any]
    version: int
    deduplicated: bool | UnsetType = UNSET


class PoolSpec(In, frozen=True, kw_only=True):
    """A line with slots of its own; no slots pauses it."""

    reads = {"slots": count}

    id: PoolId
    slots: Slots = 1
    executor: Literal["local"] = "local"
    description: Text | None = None


class Pool(Stored, frozen=True, kw_only=True):
    """A pool as it is stored, and how full it is."""

    id: str
    slots: int | Literal["infinity"]
    executor: str = "local"
    description: str | None = None
    is_paused: bool = False
    paused_by: str | None = None
    paused_time: str | None = None
    comment: str | None = None
    running: int = 0
    queued: int = 0


class Pools(Out, frozen=True, kw_only=True):
    """Several pools."""

    pools: list[Pool]


class Deleted(Out, frozen=True, kw_only=True):
    """The id of what was deleted."""

    id: str
    deleted_time: str | None = None
    deduplicated: bool | UnsetType = UNSET


class Purged(Out, frozen=True, kw_only=True):
    """The id of the job whose last trace, but one event, is gone."""

    id: str
    deduplicated: bool | UnsetType = UNSET


# --- orchestrations, actions, events


class PlannedTask(Out, frozen=True, kw_only=True):
    """What would be done with a task, and why."""

    id: str
    action: TaskAction
    reason: str


class PlannedPhase(Out, frozen=True, kw_only=True):
    """The tasks of one phase."""

    id: str
    tasks: list[PlannedTask]


class Plan(Out, frozen=True, kw_only=True):
    """What an orchestration would do, phase by phase."""

    phases: list[PlannedPhase]


class Event(Out, frozen=True, kw_only=True):
    """Something that happened; `seq` is never reused and is the cursor."""

    seq: int
    time: str
    kind: str
    project: str | None = None
    job: str | None = None
    run_id: str | None = None
    principal: PrincipalRef | None = None
    data: dict[str, Any] = {}


class LostEvents(Out, frozen=True, kw_only=True):
    """Events that were not delivered: from the first to the last `seq`, both included."""

    from_: int = field(name="from")
    to: int


class EventPage(Out, frozen=True, kw_only=True):
    """Events in their order; `lost` is there when some before them are kept no more."""

    events: list[Event]
    cursor: int
    lost: LostEvents | UnsetType = UNSET


class Subscription(Out, frozen=True, kw_only=True):
    """A subscription of this connection and the `seq` it starts after."""

    subscription: str
    cursor: int


class Unsubscribed(Out, frozen=True, kw_only=True):
    """The subscription that ended."""

    subscription: str


class EventPush(Out, frozen=True, kw_only=True):
    """Parameters of the notification `event`."""

    subscription: str
    events: list[Event]


class EventLost(Out, frozen=True, kw_only=True):
    """Parameters of the notification `event.lost`: read the gap with `event.list`."""

    subscription: str
    from_: int = field(name="from")
    to: int


# --- the daemon


class StoreStatus(Out, frozen=True, kw_only=True):
    """The database: whether it can be written, and why not."""

    is_writable: bool
    cause: str | None = None
    schema_version: int | None = None
    size_bytes: int | None = None
    identity: str | None = None


class KeeperStatus(Out, frozen=True, kw_only=True):
    """A keeper of job processes: what it keeps, and whether it runs other code than what is installed.

    `cause` says why none answers.
    """

    is_connected: bool
    pid: int | None = None
    protocol_version: int | None = None
    is_outdated: bool | None = None
    runs: int = 0
    kills_by: Literal["cgroup", "scan"] | None = None
    cause: str | None = None


class DaemonStatus(Out, frozen=True, kw_only=True):
    """How the daemon is. `isDrained` tells that no standard job is processing or terminating.

    `keeper` takes new starts; `formerKeepers` are those of other releases, until what they keep has ended.
    """

    version: str
    pid: int
    uptime_seconds: float
    started_time: str
    is_draining: bool
    is_drained: bool
    counts: dict[str, int]
    pools: list[Pool]
    store: StoreStatus
    keeper: KeeperStatus
    former_keepers: list[KeeperStatus] = msgspec.field(default_factory=list)
    state_dir: str | None = None
    socket: str | None = None


class Reloaded(Out, frozen=True, kw_only=True):
    """Settings that changed, and those that need a restart."""

    changed: list[str]
    needs_restart: list[str]


class Problem(Out, frozen=True, kw_only=True):
    """Something that is not as it should be, and what would mend it."""

    kind: str
    message: str
    repair: str | None = None
    since: str | None = None
    can_fix: bool = False
    is_fixed: bool = False
    details: dict[str, Any] = {}


class CheckReport(Out, frozen=True, kw_only=True):
    """What a check found; with no problems all is well."""

    problems: list[Problem]


class Backup(Out, frozen=True, kw_only=True):
    """Where a backup of the database was written."""

    path: str
    size_bytes: int
    time: str


class Reported(Out, frozen=True, kw_only=True):
    """A job's report was taken."""

    job: str
