"""The methods of conditions, which the core owns."""

from lockside.protocol.methods import recovery as p
from locksided import clock
from locksided.api.deduplication import dedup_mark, nothing
from locksided.api.job_reads import marked
from locksided.api.paging import View, listed_by_id
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup
from locksided.core.errors import NotFound
from locksided.core.recoveries import RecoveryCondition
from locksided.core.recovery_inputs import CheckNow
from locksided.core.scheduler import Scheduler
from locksided.core.sorted_jobs import sort_key
from locksided.server.calls import Call
from locksided.server.handlers import handler


class RecoveryMethods(HandlerGroup):
    """`recovery.*`."""

    @handler
    async def list(self, _call: Call, params: p.RecoveryList) -> View:
        views = await self._service.scheduler.look(lambda core: _views(core, params.project))
        return listed_by_id("conditions", views, self._service.page_request(params))

    @handler
    async def check(self, call: Call, params: p.RecoveryCheck) -> View:
        views = await self._service.scheduler.look(lambda core: _views(core, params.project))
        before = next((view for view in views if view["id"] == params.condition), None)
        if before is None:
            raise NotFound(
                f"There is no condition {params.condition}: `recovery.list` has those that block jobs.",
                path="$.condition",
            )
        work = CheckNow(params.condition, actor(call.principal))
        answer = await self._service.scheduler.ask(work, once=dedup_mark(call, params, nothing))
        now = await self._service.scheduler.look(lambda core: _views(core, params.project))
        view = next((view for view in now if view["id"] == params.condition), before)
        return marked(view, answer)


def _views(core: Scheduler, project: str) -> list[View]:
    """Return the conditions of a project, by id."""
    conditions = core.state.recoveries.conditions
    return [condition_view(one) for _, one in sorted(conditions.items()) if one.project == project]


def condition_view(condition: RecoveryCondition) -> View:
    """Return a condition in wire form."""
    last = condition.last
    return {
        "id": condition.id,
        "tester": condition.tester,
        "jobs": [str(job.id) for job in sorted(condition.jobs.values(), key=sort_key)],
        "nextCheckTime": clock.to_text(condition.next_check_us),
        "isChecking": condition.is_checking,
        "checks": condition.checks,
        "lastResult": last
        and {"time": clock.to_text(last.time_us), "outcome": last.outcome.value, "message": last.message},
    }
