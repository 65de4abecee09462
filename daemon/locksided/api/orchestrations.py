"""`orchestration.plan`: what an orchestration would run, carry over and skip, before it does."""

from lockside.documents.request import JobRequest
from lockside.protocol.methods import orchestrations as p
from lockside.protocol.types.plans import Plan, PlannedPhase, PlannedTask
from locksided.api.job_drafts import choice_of, defaults_of
from locksided.api.object_reader import ObjectReader
from locksided.api.service import HandlerGroup, Service
from locksided.runs.orchestration import read_orchestration
from locksided.runs.resolve import resolve
from locksided.runs.task_selection import Decision
from locksided.server.calls import Call
from locksided.server.handlers import handler


class OrchestrationMethods(HandlerGroup):
    """`orchestration.*`."""

    @handler
    async def plan(self, _call: Call, params: p.OrchestrationPlan) -> Plan:
        return await plan_of(self._service, params.request, params.project)


async def plan_of(service: Service, request: JobRequest, project: str) -> Plan:
    """Phase by phase what a request for an orchestration would do."""
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
