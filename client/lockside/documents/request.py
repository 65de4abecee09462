"""The request for a new job."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta, UnsetType, defstruct
from msgspec.structs import fields as struct_fields

from lockside.documents import quantities, staging, times
from lockside.documents.archive import Archive
from lockside.documents.base import (
    BranchId,
    ComponentId,
    ConfigId,
    FieldError,
    In,
    JobId,
    Labels,
    LockKey,
    LockPolicy,
    Name,
    PoolId,
    Priority,
    RowId,
    RunId,
    Seconds,
    Slots,
    Tag,
    TaskId,
    TemplateName,
    Text,
    Time,
    VariablesId,
    Version,
)
from lockside.documents.component import ORCHESTRATOR, STORAGE
from lockside.documents.configuration import (
    Configuration,
    check_orchestration,
    content_of,
    refuse_without_folder,
)
from lockside.documents.enums import Mode, OnLost, OnRecordErrors
from lockside.documents.notification import JobNotification
from lockside.documents.partition import Partition
from lockside.documents.recovery import RecoveryPolicies, check_policies
from lockside.documents.runtime import Backend, Behavior, Dependency, Limits, Needs, Pools, Retry, check_pools
from lockside.documents.staging import Inputs
from lockside.documents.variables import VariableValues

RowIds = Annotated[list[RowId], Meta(max_length=10_000)]
TaskIds = Annotated[list[TaskId], Meta(max_length=10_000)]

DEFAULT_BRANCH = "default"


class JobRequest(In, frozen=True, kw_only=True, dict=True):
    """The request for a new job.

    Attributes:
        name: A name to find the job by.
        labels: Labels to find the job by.
        config_data: A configuration given with the request; see Configuration.
        config_row_ids: The rows to run, even if disabled; an empty list means all enabled rows.
        mode: `run`, `forceRun` (even if disabled) or `debug` (keeps the data of every step, stores nothing).
        pool: The pool in which the job runs.
        pools: The pools in which the job may run, the preferred one first; instead of `pool`.
        needs: What the job holds while it runs: `slots` of its pool, and amounts of resources by their ids.
        parallelism: How many rows run at once; null and 0 run them one after another.
        backend: The size of the machine.
        behavior: The effect of a failure on the container.
        lock: The lock policy: `exclusive`, `shared:N` or `none`.
        variable_values_id: The stored set that fills variables.
        variable_values_data: Values of variables; they override the stored set.
        delayed_start_time: The earliest start time.
        depends_on: Jobs that must end first.
        on_lost: What happens if the job is lost with its machine or keeper.
        on_record_errors: The status of a job that ended well but reported failed records.
        inputs: Files that are fetched into the data folder before the component starts.
        partition: How the job is split into chunks that run as jobs.
        archive: Where the files of the job are stored after its component has ended; `{}` means nowhere.
        notifications: Mail addresses and URLs to notify about the job; at most 20, which a setting can
            change.
        component: The component's id; required unless a template names it.
        template: The template to create the job from, as `load` or `load@3`; fields given with it override
            the template's.
        priority: The priority in the queue, -100 to 100; higher starts first.
        delay: The earliest start, counted from now, in seconds or as in "10m"; not with `delayedStartTime`.
        hold: Hold the job until `job.release`.
        parent_run_id: The `runId` of the running job below which this one is created.
        only_orchestration_task_ids: Run only these tasks of the orchestration.
        previous_job_id: Continue this earlier job of the same configuration: only its tasks, or its rows,
            that did not succeed run.
        limits: Limits of the job; the component's own limits are the highest allowed.
        retry: How the job is retried if it fails.
        recovery: What happens to the job if it fails because an external system is not ready: the first
            policy that matches blocks it until a test succeeds.
        component_version: The version of the component; null means the current one.
        config_version: The version of the configuration; null means the current one.
        lock_key: An arbitrary lock key for a job without a configuration.
    """

    reads = {
        "component_version": quantities.version,
        "config_version": quantities.version,
        "parallelism": quantities.count,
        "priority": quantities.priority,
        "delay": quantities.duration,
        "delayed_start_time": times.canonical_time,
    }

    component: ComponentId = ""
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
    recovery: RecoveryPolicies | None = None
    on_lost: OnLost | None = None
    on_record_errors: OnRecordErrors | None = None
    pools: Pools | None = None
    needs: Needs | None = None
    inputs: Inputs | None = None
    partition: Partition | None = None
    archive: Archive | None = None
    notifications: Annotated[list[JobNotification], Meta(max_length=quantities.MAX_NOTIFICATIONS)] | None = (
        None
    )
    template: TemplateName | None = None
    priority: Priority | None = None
    name: Name | None = None
    description: Text | None = None
    labels: Labels = {}
    hold: bool = False
    parent_run_id: RunId | None = None
    only_orchestration_task_ids: TaskIds | None = None
    previous_job_id: JobId | None = None

    def check(self) -> None:
        """Raises FieldError for members that exclude each other, and for an invalid body."""
        if not self.component and self.template is None:
            raise FieldError("Name a component or a template", "component")
        if self.delay is not None and self.delayed_start_time is not None:
            raise FieldError("Give either `delay` or `delayedStartTime`, not both", "delay")
        if self.asked_rows and self.config is None:
            raise FieldError("Rows belong to a stored configuration: name it in `config`", "configRowIds")
        check_policies(self.recovery)
        if not self.is_stored:
            check_pools(self.pool, self.pools)
        staging.check(self.inputs, "inputs")
        refuse_without_folder(self.component, self.inputs, self.archive, "")
        if self.content is not None:
            runtime = self.content.runtime
            refuse_without_folder(self.component, runtime.inputs, runtime.archive, "configData.runtime")
        if self.content is not None and self.component == ORCHESTRATOR:
            check_orchestration(self.content, "configData")

    @property
    def body(self) -> dict[str, Any] | None:
        """The configuration to use instead of a stored one; an empty object counts only if `config` is
        missing.
        """
        return self.config_data or (None if self.config is not None else self.config_data)

    @property
    def branch(self) -> str:
        """The branch of the configuration; `configData` has none, except for jobs of `lockside.storage`."""
        in_one = self.body is None or self.component == STORAGE
        return self.branch_id if self.branch_id is not None and in_one else DEFAULT_BRANCH

    @property
    def asked_rows(self) -> tuple[str, ...]:
        """The rows in the request, without duplicates; with `configData` they are ignored."""
        return () if self.body is not None else tuple(dict.fromkeys(self.config_row_ids))

    @cached_property
    def content(self) -> Configuration | None:
        """The typed members of `configData`. Raises FieldError."""
        if self.config_data is None:
            return None
        return content_of(self.config_data, "configData", is_stored=self.is_stored)


if TYPE_CHECKING:

    class JobChanges(In, frozen=True, kw_only=True):
        """The members of a request to change; `msgspec.to_builtins` returns those that were given."""

else:

    def _check_changes(changes: In) -> None:
        if isinstance(changes.config_data, dict):
            content_of(changes.config_data, "configData")

    JobChanges = defstruct(
        "JobChanges",
        [(known.name, known.type | UnsetType, UNSET) for known in struct_fields(JobRequest)],
        bases=(In,),
        namespace={
            "__doc__": "The members of a request to change.",
            "reads": JobRequest.reads,
            "same_as": (JobRequest,),
            "check": _check_changes,
        },
        module=__name__,
        frozen=True,
        kw_only=True,
    )


def named_changes(changes: JobChanges) -> dict[str, Any]:
    """Return the members that were given, by their Python names."""
    values = ((field.name, getattr(changes, field.name)) for field in struct_fields(JobRequest))
    return {name: value for name, value in values if value is not UNSET}
