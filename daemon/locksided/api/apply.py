"""`catalog.apply`: many stored objects are changed to what is wanted, in one transaction or not at all.

The plan is made in a thread while others may write. Then, while nothing else is written, the scheduler actor
verifies that nothing has changed since, so the plan is carried out as it was made.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
import msgspec

from lockside.kinds import KINDS, RESOURCE, with_files
from lockside.protocol.methods import catalog as p
from locksided import clock, threads
from locksided.actors.messages import Decided, Exclusive, Repeated
from locksided.api.apply_checks import faults_among, refuse, refuse_fixed, warnings_of
from locksided.api.apply_drafts import Drafts
from locksided.api.apply_jobs import job_faults
from locksided.api.apply_plan import (
    ApplyPlan,
    ApplyStep,
    Json,
    Key,
    Known,
    LazyDocuments,
    Wanted,
    completed,
    encrypted,
    in_plain,
    make_plan,
    wanted_of,
)
from locksided.api.catalog import CatalogMethods
from locksided.api.deduplication import answered, dedup_mark
from locksided.api.executors import pool_faults
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.backends.kinds import capabilities_of
from locksided.catalog.table import RECORDS, pool_body
from locksided.core import inputs as i
from locksided.core.errors import Conflict, Forbidden
from locksided.core.scheduler import Scheduler
from locksided.schedules.changes import Unsettled
from locksided.schedules.settling import Settling
from locksided.secrets.places import Place
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog import objects
from locksided.store.catalog.keys import DEFAULT, Change
from locksided.store.catalog.keys import Key as StoredKey
from locksided.store.catalog.whole import Numbers, Whole, numbers, whole
from locksided.store.sql import Database
from locksided.store.transaction import Transaction

DEFAULT_POOL = "default"
TRIES = 5


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and the versions that it is based on."""

    plan: ApplyPlan
    numbers: Numbers
    pools: dict[str, Json]


class _Outdated(Conflict):
    """The stored objects have changed since the plan was made, so another one is needed."""


class ApplyMethods:
    """`catalog.stage`, `catalog.apply`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._drafts = Drafts(lambda: service.settings.limits.staged_bytes)
        self._one_at_a_time = anyio.Lock()

    @handler
    async def stage(self, call: Call, params: p.CatalogStage) -> Json:
        draft = self._drafts.add(call, completed(params, self._service.settings))
        count = sum(map(len, draft.wanted.values()))
        return {"draft": params.draft, "count": count, "sizeBytes": draft.size_bytes}

    @handler
    async def apply(self, call: Call, params: p.CatalogApply) -> Json:
        draft = self._drafts.take(call, params)
        async with self._one_at_a_time:  # each may need as much memory as the whole catalog
            wanted = wanted_of(completed(params, self._service.settings), draft.wanted)
            refuse_fixed(wanted)
            warnings = await threads.run_sync(warnings_of, wanted)
            answer: Json = {"warnings": warnings, "isApplied": not params.dry_run}
            if params.dry_run:
                return answer | _told((await self._prepare(call, params, wanted)).plan)
            if params.draft is not None:
                digest = await threads.run_sync(draft.digest)
                call = replace(call, raw={**call.raw, "draft": digest})
            return await self._carry_out(call, params, wanted, answer)

    async def _carry_out(self, call: Call, params: p.CatalogApply, wanted: Wanted, answer: Json) -> Json:
        mark = dedup_mark(call, params, lambda _: dict(answer))
        tries_left = TRIES
        while True:
            prepared = await self._prepare(call, params, wanted)
            work = Exclusive(partial(self._decide, call, params, prepared, answer))
            try:
                done = await self._service.scheduler.ask(work, once=mark)
            except (_Outdated, Unsettled) as problem:
                tries_left -= 1
                if not tries_left:
                    raise
                if isinstance(problem, Unsettled):
                    await Settling(self._service).settle(problem.name)
            else:
                catalog = CatalogMethods(self._service)
                for step in prepared.plan.steps:
                    await catalog.tell_core(RECORDS[step.kind], _key(params, step))
                return answered(done) if isinstance(done, Repeated) else answer

    async def _decide(
        self, call: Call, params: p.CatalogApply, prepared: Prepared, answer: Json, core: Scheduler
    ) -> Decided:
        """Verify that the plan still applies, check rights, and fill `answer` with the changes."""
        now = await self._service.store.read(partial(numbers, project=params.project))
        if (now, self._pools(core)) != (prepared.numbers, prepared.pools):
            raise _Outdated("Others change what is stored all the while: apply it again later.")
        plan = prepared.plan
        if params.plan is not None and params.plan != plan.name:
            text = "What is stored has changed since that plan was made: make another plan."
            raise Conflict(text, path="$.plan", plan=plan.name)
        _check_rights(call.principal, plan.steps)
        answer |= _told(plan)
        who = actor(call.principal)
        change = Change(clock.now_us(), who.as_data(), params.change_description)
        await self._service.store.read(partial(_check, params, call.principal, plan.steps, change))
        for step in plan.steps:
            if step.text is None and step.kind != "pool":
                RECORDS[step.kind].refuse_deletion(core.state, _key(params, step))
        write = partial(self._write, params, plan.steps, change, answer)
        pools = [step for step in plan.steps if step.kind == "pool"]
        if not pools:
            return Decided(write)
        work = i.ChangePools(
            puts=tuple(_put_pool(step.body, who) for step in pools if step.body is not None),
            deletes=tuple(i.DeletePool(step.key[0], who) for step in pools if step.body is None),
            principal=who,
        )
        return Decided(write, work)

    def _write(
        self, params: p.CatalogApply, steps: list[ApplyStep], change: Change, answer: Json, tx: Transaction
    ) -> Json:
        """Store and delete objects and note the versions. Pools are changed by the core."""
        for step, view in zip(steps, answer["changes"], strict=True):
            if step.kind == "pool":
                continue
            key, record = _key(params, step), RECORDS[step.kind]
            if step.text is None:
                objects.delete(tx, key, change)
                record.deleted(tx, key, change)
                view["version"] = step.old_version
            else:
                before = objects.newest(tx, key)
                view["version"] = objects.put_sealed(tx, key, step.text.decode(), change)
                after = objects.get(tx.connection, key)
                record.has_changed(tx, key, before, after, change, self._service.settings)
        return answer

    def _pools(self, core: Scheduler) -> dict[str, Json]:
        return {pool.id: pool_body(pool.snapshot()) for pool in core.state.pools.values()}

    async def _prepare(self, call: Call, params: p.CatalogApply, wanted: Wanted) -> Prepared:
        """Return what would be done now. Raises Refused with all faults."""
        pools = await self._service.scheduler.look(self._pools)
        found = await self._service.store.read_patiently(
            partial(whole, project=params.project, branch=params.branch_id)
        )
        plan = await threads.run_sync(self._plan, params, wanted, found, pools)
        faults = await job_faults(self._service, call.principal, plan, wanted, partial(_key, params))
        refuse([*faults, *await pool_faults(_pools_to_put(plan.steps, wanted))])
        return Prepared(plan, found.numbers, pools)

    def _plan(
        self, params: p.CatalogApply, wanted: Wanted, found: Whole, pools: dict[str, Json]
    ) -> ApplyPlan:
        """Return the plan, with secrets encrypted. Raises Refused with all faults."""
        stored = self._stored(found, params.branch_id, pools)
        vault = self._service.store.vault

        def place(kind: str, key: Key) -> Place:
            return StoredKey(params.project, KINDS[kind], key, params.branch_id).place

        sealed, faults = encrypted(vault, wanted, stored, place)
        plan = make_plan(
            sealed,
            stored,
            prune=params.prune,
            max_bytes=self._service.line_bytes,
            mark=lambda kind, key: vault.digest(wanted[kind].texts[key]),
        )
        others = LazyDocuments(
            {
                key: one.text
                for key, one in found.objects.items()
                if key.kind.in_branch and key.branch != params.branch_id
            }
        )
        plain = in_plain(vault, wanted, place)
        known = self._service.scheduler.resources_of(params.project)
        shared = [name for name in known if (name,) not in stored[RESOURCE.word]]
        refuse([*faults, *faults_among(plain, stored, plan.steps, others.items(), shared)])
        return plan

    def _stored(self, found: Whole, branch: str, pools: dict[str, Json]) -> dict[str, dict[Key, Known]]:
        """Return the stored objects by kind and key. Pools of the settings cannot be deleted."""
        fixed = {DEFAULT_POOL, *self._service.settings.pools}
        known: dict[str, dict[Key, Known]] = {kind.word: {} for kind in with_files()}
        known["pool"] = {
            (name,): Known(msgspec.json.encode(body), found.pools.get(name), name not in fixed)
            for name, body in pools.items()
        }
        for key, one in found.objects.items():
            if key.kind.files and (not key.kind.in_branch or key.branch == branch):
                known[key.kind.word][key.names] = Known(one.text, one.version)
        return known


def _told(plan: ApplyPlan) -> Json:
    return {
        "changes": [step.view() for step in plan.steps],
        "unchanged": plan.unchanged,
        "plan": plan.name,
    }


def _check_rights(principal: Principal, steps: list[ApplyStep]) -> None:
    """Check that the caller may change each kind; objects that do not change need no right."""
    for step in steps:
        needed = RECORDS[step.kind].role
        if principal.role < needed:
            raise Forbidden(
                f"To {step.action} the {step.kind} {step.key[-1]} is for the role {needed.word}, and "
                f"{principal.user} has the role {principal.role.word}: "
                "have an admin apply this, or leave it out."
            )


def _pools_to_put(steps: list[ApplyStep], wanted: Wanted) -> list[tuple[str, Json]]:
    """Return the pools that change, each with its path in the request."""
    places = {key: place for place, key in enumerate(wanted.get("pool", ()))}
    changed = (step for step in steps if step.kind == "pool" and step.body is not None)
    return [(f"$.pools[{places[step.key]}]", step.body) for step in changed if step.body is not None]


def _put_pool(body: Json, who: Any) -> i.PutPool:
    slots = None if body["slots"] == "infinity" else int(body["slots"])
    return i.PutPool(
        body["id"],
        slots,
        body["executor"],
        body["description"] or "",
        who,
        body["options"] or {},
        body["backends"] or {},
        capabilities_of(body["executor"]),
    )


def _check(
    params: p.CatalogApply,
    who: Principal,
    steps: list[ApplyStep],
    change: Change,
    connection: Database,
) -> None:
    """Raise Forbidden for objects of others, and Unsettled for schedules with moments to decide first."""
    for step in steps:
        record, key = RECORDS[step.kind], _key(params, step)
        if step.kind != "pool":
            record.refuse_others(connection, key, who)
        if step.body is not None:
            before = objects.find(connection, key)
            record.require_settled(connection, key, before, step.body, change.time_us)


def _key(params: p.CatalogApply, step: ApplyStep) -> StoredKey:
    kind = KINDS[step.kind]
    return StoredKey(params.project, kind, step.key, params.branch_id if kind.in_branch else DEFAULT)
