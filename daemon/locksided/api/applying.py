"""`catalog.apply`: many stored objects made what they should be, in one transaction, or nothing at all.

The plan is made by the scheduler's actor when nobody else writes, so it is carried out as it was made.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from lockside.protocol.params import stored as p
from lockside.protocol.words import Role
from locksided import clock
from locksided.actors.messages import Decided, Exclusive, Repeated
from locksided.api.applychecks import faults_among, refuse, refuse_built_in, warnings_of
from locksided.api.applyplan import Json, Key, Known, Plan, Step, Wanted, make_plan, pool_body, wanted_of
from locksided.api.once import once
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.core import inputs as i
from locksided.core.errors import Conflict, Forbidden
from locksided.core.scheduler import Scheduler
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.store.catalog import components, configs, variables
from locksided.store.catalog.configs import ConfigId
from locksided.store.catalog.objects import Change
from locksided.store.catalog.whole import Whole, whole
from locksided.store.rows import Stored
from locksided.store.transaction import Transaction

DEFAULT_POOL = "default"
_ADMINS = frozenset({"pool", "component"})


class ApplyMethods:
    """`catalog.apply`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        """Each method's handler."""
        return {"catalog.apply": self.apply}

    async def apply(self, call: Call, params: p.CatalogApply) -> Json:
        """Make what is stored like what is given; with `dryRun` say what that would change."""
        wanted = wanted_of(params)
        refuse_built_in(params)
        answer: Json = {"warnings": warnings_of(params), "isApplied": not params.dry_run}
        if params.dry_run:
            known = await self._service.scheduler.look(self._pools)
            plan = await self._plan(params, wanted, known)
            return answer | _told(plan)
        mark = once(call, params, lambda _: dict(answer))
        work = Exclusive(partial(self._decide, call, params, wanted, answer))
        done = await self._service.scheduler.ask(work, once=mark)
        return {**done.reference, "deduplicated": True} if isinstance(done, Repeated) else answer

    async def _decide(
        self, call: Call, params: p.CatalogApply, wanted: Wanted, answer: Json, core: Scheduler
    ) -> Decided:
        """Plan, check who may, and fill `answer` with what is about to be done."""
        plan = await self._plan(params, wanted, self._pools(core))
        if params.plan is not None and params.plan != plan.name:
            text = "What is stored has changed since that plan was made: make another with dryRun."
            raise Conflict(text, path="$.plan", plan=plan.name)
        _check_rights(call.principal, plan.steps)
        answer |= _told(plan)
        who = actor(call.principal)
        change = Change(clock.now_us(), who.as_data(), params.change_description)
        write = partial(_write, params, plan.steps, change, answer)
        pools = [step for step in plan.steps if step.kind == "pool"]
        if not pools:
            return Decided(write)
        work = i.ChangePools(
            puts=tuple(_put_pool(step.body, who) for step in pools if step.body is not None),
            deletes=tuple(i.DeletePool(step.key[0], who) for step in pools if step.body is None),
            principal=who,
        )
        return Decided(write, work)

    def _pools(self, core: Scheduler) -> dict[str, Json]:
        return {pool.id: pool_body(pool) for pool in core.state.pools.values()}

    async def _plan(self, params: p.CatalogApply, wanted: Wanted, pools: dict[str, Json]) -> Plan:
        """What would be done now. Raises Refused with all faults."""
        found = await self._service.store.read(
            partial(whole, project=params.project, branch=params.branch_id)
        )
        stored = self._stored(found, params.branch_id, pools)
        plan = make_plan(
            {kind: {key: dict(body) for key, body in bodies.items()} for kind, bodies in wanted.items()},
            stored,
            prune=params.prune,
        )
        others = [
            one.body for config_id, one in found.configs.items() if config_id.branch != params.branch_id
        ]
        refuse(faults_among(params, stored, plan.steps, others))
        return plan

    def _stored(self, found: Whole, branch: str, pools: dict[str, Json]) -> dict[str, dict[Key, Known]]:
        """What there is, by kind and key. Pools of the settings come back with every start: they stay."""
        fixed = {DEFAULT_POOL, *self._service.settings.pools}
        return {
            "pool": {
                (name,): Known(
                    body, found.pools[name].version if name in found.pools else None, name not in fixed
                )
                for name, body in pools.items()
            },
            "component": {(name,): _known(one) for name, one in found.components.items()},
            "variables": {(name,): _known(one) for name, one in found.variables.items()},
            "config": {
                (config_id.component, config_id.config): _known(one)
                for config_id, one in found.configs.items()
                if config_id.branch == branch
            },
        }


def _known(stored: Stored) -> Known:
    return Known(stored.body, stored.version)


def _told(plan: Plan) -> Json:
    return {
        "changes": [step.view() for step in plan.steps],
        "unchanged": plan.unchanged,
        "plan": plan.name,
    }


def _check_rights(principal: Principal, steps: list[Step]) -> None:
    """Components and pools are the admin's; what does not change needs nobody's leave."""
    for step in steps:
        if step.kind in _ADMINS and principal.role is not Role.ADMIN:
            raise Forbidden(
                f"To {step.action} the {step.kind} {step.key[0]} is for the role admin, and {principal.user} "
                f"has the role {principal.role.word}: have an admin apply this, or leave it out."
            )


def _put_pool(body: Json, who: Any) -> i.PutPool:
    slots = None if body["slots"] == "infinity" else int(body["slots"])
    return i.PutPool(body["id"], slots, body["executor"], body["description"] or "", who)


def _write(params: p.CatalogApply, steps: list[Step], change: Change, answer: Json, tx: Transaction) -> Json:
    """Store and delete what is the store's alone, and tell the versions. Pools are written by the core."""
    for step, view in zip(steps, answer["changes"], strict=True):
        if step.kind == "pool":
            continue
        if step.body is None:
            _delete(params, step, change, tx)
            view["version"] = step.old_version
        else:
            view["version"] = _put(params, step, step.body, change, tx).version
    return answer


def _put(params: p.CatalogApply, step: Step, body: Json, change: Change, tx: Transaction) -> Stored:
    match step.kind:
        case "component":
            return components.put_component(tx, params.project, step.key[0], body, change)
        case "variables":
            return variables.put_variables(tx, params.project, step.key[0], body, change)
        case _:
            return configs.put_config(tx, _config_id(params, step), body, change)


def _delete(params: p.CatalogApply, step: Step, change: Change, tx: Transaction) -> None:
    match step.kind:
        case "component":
            components.delete_component(tx, params.project, step.key[0], change)
        case "variables":
            variables.delete_variables(tx, params.project, step.key[0], change)
        case _:
            configs.delete_config(tx, _config_id(params, step), change)


def _config_id(params: p.CatalogApply, step: Step) -> ConfigId:
    component, config = step.key
    return ConfigId(component, config, params.branch_id, params.project)
