# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Jobs as they are answered: their state, their results, their logs, and counts of them."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.documents.enums import (
    CreatorType,
    DesiredStatus,
    ErrorType,
    FailureKind,
    JobType,
    Mode,
    OnLost,
    Relation,
    Stage,
    Status,
    TaskAction,
)
from lockside.documents.runtime import Backend, Behavior, Dependency, Limits
from lockside.documents.variables import VariableValues
from lockside.protocol.reasons import Reason
from lockside.protocol.words import Stream


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


class Reported(Out, frozen=True, kw_only=True):
    """A job's report was taken."""

    job: str


class Purged(Out, frozen=True, kw_only=True):
    """The id of the job whose last trace, but one event, is gone."""

    id: str
    deduplicated: bool | UnsetType = UNSET
