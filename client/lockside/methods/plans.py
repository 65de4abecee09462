"""The call `orchestration.plan`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockside.protocol.types import plans as t
from lockside.requests import Group, Mode, Request, ask, call


class OrchestrationCalls(Group[Mode]):
    """`orchestration.*`"""

    @call
    def plan(
        self,
        config: str | None = None,
        *,
        config_data: Mapping[str, Any] | None = None,
        only_orchestration_task_ids: Sequence[str] | None = None,
        previous_job_id: str | None = None,
        branch_id: str | None = None,
    ) -> Request[t.Plan]:
        """Say what an orchestration would run, carry over and skip. Raises NotFound."""
        return ask(
            "orchestration.plan",
            t.Plan,
            config=config,
            config_data=config_data,
            only_orchestration_task_ids=only_orchestration_task_ids,
            previous_job_id=previous_job_id,
            branch_id=branch_id,
        )
