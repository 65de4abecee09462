"""The method that plans an orchestration."""

from functools import cached_property
from typing import Any

from lockside.documents.base import BranchId, ConfigId, FieldError, JobId
from lockside.documents.component import ORCHESTRATOR
from lockside.documents.enums import Mode
from lockside.documents.request import JobRequest, TaskIds
from lockside.protocol.declaration import Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types.plans import Plan
from lockside.protocol.words import Role


@method(
    "orchestration.plan",
    Role.VIEWER,
    answers=Plan,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["config"],
    example={"config": "nightly"},
)
class OrchestrationPlan(Params, frozen=True, kw_only=True, dict=True):
    """Return what an orchestration would run, carry over and skip.

    It is stored, or given in the request.

    Attributes:
        config: The stored orchestration; or give `configData`.
        config_data: The whole configuration of an orchestration.
        only_orchestration_task_ids: Plan only these tasks.
        previous_job_id: Plan a run that carries over the tasks that succeeded in this job.
    """

    config: ConfigId | None = None
    config_data: dict[str, Any] | None = None
    branch_id: BranchId | None = None
    only_orchestration_task_ids: TaskIds | None = None
    previous_job_id: JobId | None = None

    def check(self) -> None:
        """Raises FieldError for an invalid orchestration."""
        if self.config is None and self.config_data is None:
            raise FieldError("Give either `config` or `configData`", "config")
        _ = self.request

    @cached_property
    def request(self) -> JobRequest:
        """The job to plan; a disabled orchestration is planned, too. Raises FieldError."""
        return JobRequest(
            component=ORCHESTRATOR,
            config=self.config,
            config_data=self.config_data,
            branch_id=self.branch_id,
            mode=Mode.FORCE_RUN,
            only_orchestration_task_ids=self.only_orchestration_task_ids,
            previous_job_id=self.previous_job_id,
        )
