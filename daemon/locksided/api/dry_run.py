"""The answer of a dry run: the job that would be created, in wire form. Nothing is stored or decided.

It has id 0 and no place in line: those come with the job itself.
"""

from collections.abc import Mapping
from typing import Any

from lockside.documents.request import JobRequest
from lockside.protocol.methods import orchestrations as p
from lockside.protocol.types.plans import Plan, PlannedPhase, PlannedTask
from locksided.api.job_drafts import choice_of, defaults_of
from locksided.api.job_views import JobViews
from locksided.api.object_reader import ObjectReader
from locksided.api.service import HandlerGroup, Service
from locksided.core.model import Draft
from locksided.core.reasons import Explanation
from locksided.runs.draft_tree import tree_size
from locksided.runs.orchestration import read_orchestration
from locksided.runs.resolve import resolve
from locksided.runs.specification import NO_SPECIFICATION, read_specification
from locksided.runs.task_selection import Decision
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.rows import JobRow


class OrchestrationMethods(HandlerGroup):
    """`orchestration.*`."""

    @handler
    async def plan(self, _call: Call, params: p.OrchestrationPlan) -> Plan:
        return await plan_of(self._service, params.request, params.project)


async def plan_of(service: Service, request: JobRequest, project: str) -> Plan:
    """Return phase by phase what a request for an orchestration would do."""
    objects = ObjectReader(service.store, project)
    found = await objects.found(request, await objects.config(request))
    resolved = resolve(request, found, defaults_of(service, project))
    phases = read_orchestration(resolved.root)
    decided = (await choice_of(service, request)).decide(phases)
    return Plan(
        phases=[
            PlannedPhase(id=phase.id, tasks=list(map(_planned, decisions)))
            for phase, decisions in zip(phases, decided, strict=True)
        ]
    )


def _planned(one: Decision) -> PlannedTask:
    return PlannedTask(id=one.task.id, action=one.action, reason=one.reason, rows=list(one.rows))


_NEW: Mapping[str, Any] = {
    **dict.fromkeys(JobRow.__struct_fields__),
    "id": 0,
    "visible": 1,
    "line_order": 0,
    "status": "created",
    "desired_status": "processing",
    "stage": "validated",
    "duration_us": 0,
    "paused_us": 0,
    "attempt": 0,
    "starts": 0,
    "launches": 0,
    "spawned": 0,
    "lost_count": 0,
    "blocked_count": 0,
    "step": 0,
}


def would_be(
    made: Draft, parent_run_id: str | None, views: JobViews, now_us: int, explanation: Explanation
) -> dict[str, Any]:
    """Return the view of the job that would be created; for a container with the number of `jobs`.

    `explanation` is what would block it; without reasons it would start at once.
    """
    documents, values = dict(made.blobs), made.values
    spec_hash, env_hash = values.get("spec_hash"), values.get("env_hash")
    columns = {
        **_NEW,
        **values,
        "status": explanation.status.value,
        "type": made.type.value,
        "project": made.project,
        "run_id": "0" if parent_run_id is None else f"{parent_run_id}.0",
        "relation": None if parent_run_id is None else "weak",
        "owner_uid": made.owner_uid,
        "pool": made.pool,
        "priority": made.priority,
        "lock_key": made.lock_key,
        "lock_policy": _policy(made),
        "start_at_us": made.start_at_us,
        "stages": {"accepted": now_us, "validated": now_us},
        "created_us": now_us,
        "updated_us": now_us,
        "on_lost": made.on_lost.value,
    }
    depends_on = [{"job": str(one.job_id), "when": one.condition.value} for one in made.depends_on]
    spec = NO_SPECIFICATION if spec_hash is None else read_specification(documents[spec_hash])
    environment = None if env_hash is None else documents[env_hash]
    view = views.view(JobRow(**columns), spec, environment, explanation, depends_on)
    return {**view, "jobs": tree_size(made)} if made.children else view


def _policy(made: Draft) -> str:
    if made.lock_key is None:
        return "none"
    return f"shared:{made.lock_share}" if made.lock_share else "exclusive"
