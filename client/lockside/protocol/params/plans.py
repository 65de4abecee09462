"""The parameters of `orchestration.plan`."""

from typing import Any

from lockside.protocol.base import BranchId, ConfigId, FieldError, JobId
from lockside.protocol.configuration import check_configuration
from lockside.protocol.params.base import Params
from lockside.protocol.params.jobs import TaskIds


class OrchestrationPlan(Params, frozen=True, kw_only=True):
    """Parameters of `orchestration.plan`: of a stored orchestration, or of one in the request.

    Attributes:
        config: The stored orchestration; or give `configData`.
        config_data: The whole configuration of an orchestration.
        only_orchestration_task_ids: Plan only these tasks.
        previous_job_id: Plan a run that carries over what succeeded in this job.
    """

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
