"""Jobs as the methods return them, with their results and statistics."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import ListPage, Out
from lockside.documents.enums import (
    DesiredStatus,
    JobType,
    Mode,
    OnLost,
    Relation,
    RetryScope,
    Stage,
    Status,
)
from lockside.documents.recovery import RecoveryPolicy
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Backend, Behavior, Dependency, Limits
from lockside.documents.variables import VariableValues
from lockside.protocol.reasons import Reason
from lockside.protocol.types.origins import (
    ChunkOfJob,
    Creator,
    PrincipalRef,
    ProjectRef,
    Retries,
    ScheduleOfJob,
    TriggerOfJob,
)
from lockside.protocol.types.plans import Plan
from lockside.protocol.types.results import KillReport, Process, Result
from lockside.protocol.types.stored import Component, Config, Pool


class Acknowledgement(Out, frozen=True, kw_only=True):
    """The acknowledgement of a failed job.

    Attributes:
        user: The user who acknowledged it.
        comment: Why nothing more needs to be done.
    """

    user: str
    time: str
    comment: str | None = None


class RemoteJob(Out, frozen=True, kw_only=True):
    """A job on other machines, as its executor knows it; unknown members are null or 0.

    Attributes:
        executor: The kind of executor.
        engine: The engine that found the machine, with its version.
        remote_job_id: The process that keeps the job there.
        scheduler_job_id: The engine's id of the job.
        remote_queue: The queue of the engine, such as a partition.
        remote_node: The machine.
        remote_state: The engine's word for the state of the job.
        remote_reason: The engine's word for why it waits.
        remote_submitted: When the engine accepted it.
        remote_started: When its program began.
        remote_ended: When its last process was gone.
        remote_outcome: `FINISHED`, `FAILED`, or `FAILED_SKIP_ARCHIVE` when only good runs are archived.
        submit_retries: How often it was submitted to the engine again.
        remote_status_checks: How often the executor has asked the engine, for all of its jobs.
        failed_status_checks: How often the engine did not answer.
        last_status_check: When the engine last answered.
    """

    executor: str | None = None
    engine: str | None = None
    remote_job_id: str | None = None
    scheduler_job_id: str | None = None
    remote_queue: str | None = None
    remote_node: str | None = None
    remote_state: str | None = None
    remote_reason: str | None = None
    remote_submitted: str | None = None
    remote_started: str | None = None
    remote_ended: str | None = None
    remote_outcome: str | None = None
    submit_retries: int = 0
    remote_status_checks: int = 0
    failed_status_checks: int = 0
    last_status_check: str | None = None


class Expanded(Out, frozen=True, kw_only=True):
    """Objects that a job refers to; null for one that it does not name, that was deleted, or not requested.

    Attributes:
        pool: The pool as it is now.
        component: The component in the version that the job froze.
        config: The configuration in the version that the job froze.
    """

    pool: Pool | None = None
    component: Component | None = None
    config: Config | None = None


class Job(Out, frozen=True, kw_only=True):
    """One execution: its identity, its frozen specification and its state.

    Attributes:
        id: The job's id.
        uuid: A second id, accepted wherever the id is.
        parent_run_id: The `runId` of the job above; null without one.
        relation: How the job counts for its parent.
        project: The project.
        principal: The user who owns the job.
        creator: What created the job.
        type: The type of job, set by the daemon.
        visible: Whether lists show it.
        hidden_time: When it was hidden.
        url: The URL of the job's page, if the setting `web.url` is given.
        work_path: The job's folder, until `expiresTime`.
        links: Links by name: `page`, `log`, `config`, and `api` in Keboola's Queue API.
        component_version: The version of the component.
        config_version: The version of the configuration.
        lock_key: The key of the lock that the job takes; null without one.
        limits: Limits of the job.
        retry: The retry policy; empty without one.
        recovery: The recovery policies; empty without any.
        resources: What its last run got of each resource: the names of units, or an amount.
        partition: How the job is split into chunks; empty if it is not.
        chunk: The chunk that the job runs; null if it runs none.
        only_orchestration_task_ids: The only tasks of its orchestration that it runs; null for all.
        previous_job_id: The job whose successful parts it carries over; null if none.
        retry_of_job_id: The job that this one retries.
        retry_scope: Which part of that job it runs again.
        resubmit_of: The job whose request this one repeats.
        undone_by: The job that undid this one's changes of tables and states.
        schedule: The schedule that created the job, and the moment; null for other jobs.
        trigger: The trigger that created the job, and its causes; null for other jobs.
        status: The status of the job.
        desired_status: `terminating` once a stop of the job was requested.
        is_finished: Whether the status is final.
        retriable: Whether a retry is possible: it failed, was stopped, or has open failed records.
        acknowledged: Who acknowledged the failure; null if nobody has.
        stage: The step of the run.
        stage_timestamps: When each stage began.
        reasons: Why the job has not started; computed for each call.
        progress: The progress that the job reports, 0 to 1.
        message: The current message of the job or the daemon; of a failed job the most informative line.
        created_time: When it was created.
        start_time: When it first became `processing`.
        end_time: When it became final.
        updated_time: When it last changed.
        duration_seconds: How long it was `processing`.
        queue_seconds: How long it waited to start.
        waited: How long it waited, by reason.
        attempt: Its place among the attempts of a retry container, 0 first.
        starts: How often a process of the job was started.
        blocked_count: How often recovery blocked it.
        process: The last process.
        remote: The state of the job on other machines.
        result: The result of the job.
        usage_data: The content of the component's `out/usage.json`.
        metrics: Figures of the run by name.
        kill_report: Which processes a stop ended.
        expires_time: When its folder is removed.
        retries: The retries by hand.
        expanded: In the result of `job.get` with `expand`: the objects that the job refers to.
        plan: In the result of `job.retry` with `dryRun`: what an orchestration would do.
        warnings: In the result of a call that creates it: parts of the request that have no effect.
    """

    same_as = (JobRequest,)

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
    needs: dict[str, int] = {}
    resources: dict[str, list[str] | int] = {}
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
    recovery: list[RecoveryPolicy] = []
    on_lost: OnLost | None = None
    on_record_errors: str | None = None
    inputs: list[dict[str, Any]] = []
    partition: dict[str, Any] = {}
    chunk: ChunkOfJob | None = None
    archive: dict[str, Any] = {}
    notifications: list[dict[str, Any]] = []
    only_orchestration_task_ids: list[str] | None = None
    previous_job_id: str | None = None
    retry_of_job_id: str | None = None
    retry_scope: RetryScope | None = None
    resubmit_of: str | None = None
    undone_by: str | None = None
    template: str | None = None
    schedule: ScheduleOfJob | None = None
    trigger: TriggerOfJob | None = None
    priority: int = 0

    status: Status = Status.CREATED
    desired_status: DesiredStatus = DesiredStatus.PROCESSING
    is_finished: bool = False
    retriable: bool = False
    acknowledged: Acknowledgement | None = None
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
    remote: RemoteJob = RemoteJob()
    result: Result = Result()
    usage_data: list[dict[str, Any]] = []
    metrics: dict[str, Any] = {}
    kill_report: KillReport = KillReport()
    expires_time: str | None = None
    retries: Retries | UnsetType = UNSET
    expanded: Expanded | UnsetType = UNSET

    plan: Plan | UnsetType = UNSET
    warnings: list[str] | UnsetType = UNSET
    deduplicated: bool | UnsetType = UNSET


class Jobs(Out, frozen=True, kw_only=True):
    """Several jobs."""

    jobs: list[Job]


class WaitedJobs(ListPage, frozen=True, kw_only=True):
    """A page of the jobs that were waited for."""

    jobs: list[Job]


class JobPage(ListPage, frozen=True, kw_only=True):
    """A page of jobs.

    Attributes:
        total: The number of matching jobs, if `count` was true.
    """

    jobs: list[Job]
    total: int | UnsetType = UNSET


class Explanation(Out, frozen=True, kw_only=True):
    """Why a job waits, and its place in the queue of its pool.

    Attributes:
        status: The job's status.
        reasons: All reasons.
        position: The position in the pool's queue; 1 starts next.
        estimate: When it may start; null when unknown.
    """

    status: Status
    reasons: list[Reason]
    position: int | None = None
    estimate: dict[str, Any] | None = None


class EndedContainer(Out, frozen=True, kw_only=True):
    """A container that would end, and its status.

    Attributes:
        job: The container's id.
        status: The status it would get.
    """

    job: str
    status: Status


class TerminationPlan(Out, frozen=True, kw_only=True):
    """What `job.terminate` would do.

    Attributes:
        stopped: Running jobs that would be stopped.
        cancelled: Jobs that would be cancelled.
        freed: Locks that would become free.
        started: Waiting jobs that would start.
        ended: Containers that would end.
    """

    stopped: list[str]
    cancelled: list[str]
    freed: list[str]
    started: list[str]
    ended: list[EndedContainer] = []


class StatsGroup(Out, frozen=True, kw_only=True):
    """The jobs of one group: how many, and how long they ran and waited (seconds).

    Attributes:
        group: The values that the group has in common.
        count: How many jobs.
        duration_seconds: How long they ran: sum, average, minimum, maximum.
        queue_seconds: How long they waited: sum, average, minimum, maximum.
    """

    group: dict[str, str | None]
    count: int
    duration_seconds: dict[str, float | None]
    queue_seconds: dict[str, float | None]


class Stats(Out, frozen=True, kw_only=True):
    """Counts and durations by group.

    Attributes:
        groups: One group for each combination of values.
    """

    groups: list[StatsGroup]


class Reported(Out, frozen=True, kw_only=True):
    """The report of a job was accepted."""

    job: str


class Purged(Out, frozen=True, kw_only=True):
    """The job that was purged.

    Attributes:
        id: The job's id.
    """

    id: str
    deduplicated: bool | UnsetType = UNSET
