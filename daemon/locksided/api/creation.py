"""From a request to the drafts that the core accepts: what it refers to is read, what it means is frozen.

Nothing is stored here. Every method that makes jobs comes through `draft`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from locksided import clock
from locksided.api.carried import succeeded_tasks
from locksided.api.service import Service
from locksided.api.shelf import Shelf
from locksided.api.trees import Choice, Trees
from locksided.core.model import Condition, Dependency, Draft
from locksided.runner.builtin import ORCHESTRATOR
from locksided.runner.drafts import Maker, Owner, Place, relocked
from locksided.runner.locking import free_lock_key
from locksided.runner.resolved import Defaults
from locksided.server.access import Principal


@dataclass(frozen=True, slots=True)
class Origin:
    """What made the job, and which job it repeats."""

    creator_type: str = "user"
    creator_id: str | None = None
    resubmit_of_id: int | None = None
    retry_of_id: int | None = None


class Creation:
    """Makes the drafts of one call: what its requests name is read once, equal ones are worked out once."""

    def __init__(self, service: Service, principal: Principal, project: str) -> None:
        self._service = service
        self._principal = principal
        self._owner = Owner(project, principal.uid, principal.gid, principal.user)
        self._shelf = Shelf(service.store, project)
        self._defaults = defaults_of(service)
        self._trees: dict[tuple[Maker, bytes], Draft] = {}

    async def draft(self, fields: Mapping[str, Any], origin: Origin = Origin()) -> Draft:
        """The checked draft of one request, with all below it. Raises Refused with path and remedy."""
        service = self._service
        tree = await self._tree(fields, Maker(origin.creator_type, origin.creator_id or self._principal.user))
        return replace(
            tree,
            start_at_us=_start_at(fields),
            delay_us=None if fields.get("delay") is None else int(fields["delay"] * 1e6),
            held=bool(fields.get("hold")),
            depends_on=_dependencies(service, fields),
            parent_id=_parent(service, fields),
            values={
                **tree.values,
                "description": fields.get("description"),
                "labels": fields.get("labels") or {},
                "dedup_id": fields.get("deduplicationId"),
                "resubmit_of_id": origin.resubmit_of_id,
                "retry_of_id": origin.retry_of_id,
            },
        )

    async def _tree(self, fields: Mapping[str, Any], maker: Maker) -> Draft:
        """The tree without what belongs to the outermost job alone."""
        inner = {name: value for name, value in fields.items() if name not in _OUTERMOST}
        text = inner.get("lockKey")
        if text is None or inner.get("config") is not None or inner["component"] == ORCHESTRATOR:
            return await self._worked_out(inner, maker)
        any_key = await self._worked_out({**inner, "lockKey": _ANY_KEY}, maker)
        return relocked(any_key, free_lock_key(text, "$.lockKey"))

    async def _worked_out(self, inner: Mapping[str, Any], maker: Maker) -> Draft:
        key = (maker, msgspec.json.encode(inner))
        if key not in self._trees:
            place = Place(
                self._owner,
                maker,
                inner.get("priority") or 0,
                is_child=False,
                max_children=self._service.settings.jobs.max_children,
            )
            trees = Trees(self._service, self._shelf, self._principal, self._defaults)
            choice = await choice_of(self._service, inner)
            self._trees[key] = await trees.tree(inner, place, choice=choice)
        return self._trees[key]


_ANY_KEY = "any"
"""Stands for every free lock key: requests that differ in nothing else are worked out once."""

_OUTERMOST = frozenset(
    {
        *("description", "labels", "deduplicationId", "parentRunId"),
        *("delay", "delayedStartTime", "hold", "dependsOn"),
    }
)


async def draft(
    service: Service,
    fields: Mapping[str, Any],
    principal: Principal,
    project: str,
    origin: Origin = Origin(),
) -> Draft:
    """The checked draft of a single request. Raises Refused with the path and the remedy."""
    return await Creation(service, principal, project).draft(fields, origin)


def defaults_of(service: Service) -> Defaults:
    """What holds for jobs that nobody says otherwise of, and the pools that there are."""
    jobs = service.settings.jobs
    return Defaults(
        pools=service.scheduler.pools, lock_policy=jobs.lock, timeout_seconds=jobs.timeout_seconds
    )


async def choice_of(service: Service, fields: Mapping[str, Any]) -> Choice:
    """Which tasks a request asks for, and which it carries over."""
    selected, previous = fields.get("onlyOrchestrationTaskIds"), fields.get("previousJobId")
    if previous is None:
        return Choice(selected)
    return Choice(selected, await succeeded_tasks(service, previous, fields.get("config")))


def _start_at(fields: Mapping[str, Any]) -> int | None:
    if fields.get("delay") is not None:
        return clock.now_us() + int(fields["delay"] * 1e6)
    text = fields.get("delayedStartTime")
    return None if text is None else clock.from_text(text)


def _dependencies(service: Service, fields: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """Whom the job waits for; the stricter condition when one is named twice."""
    found: dict[int, Condition] = {}
    for index, given in enumerate(fields.get("dependsOn") or ()):
        job_id = service.job_id(given["job"], f"$.dependsOn[{index}].job")
        condition = Condition(given.get("when") or Condition.SUCCESS)
        if found.get(job_id) is not Condition.SUCCESS:
            found[job_id] = condition
    return tuple(Dependency(job_id, condition) for job_id, condition in found.items())


def _parent(service: Service, fields: Mapping[str, Any]) -> int | None:
    run_id = fields.get("parentRunId")
    return None if run_id is None else service.job_id(run_id.rpartition(".")[2], "$.parentRunId")


def request_fields(params: msgspec.Struct) -> dict[str, Any]:
    """A request's fields in the wire's names."""
    fields: dict[str, Any] = msgspec.to_builtins(params)
    return fields
