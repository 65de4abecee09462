"""From a request to drafts that the core accepts: reads what it refers to and freezes what it means.

Nothing is stored here. Every method that creates jobs uses `draft`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from lockside.documents.component import ORCHESTRATOR
from lockside.documents.enums import RetryScope
from lockside.documents.request import JobRequest
from locksided import clock
from locksided.api.draft_secrets import Asked, sealed_tree
from locksided.api.draft_trees import Above, Choice, Trees, Writers
from locksided.api.object_reader import ObjectReader, Objects
from locksided.api.previous_run import PATH, previous_orchestration, rows_left
from locksided.api.resolution_cache import meaning_key
from locksided.api.service import Service
from locksided.api.templates import given_in, in_full
from locksided.core.errors import Invalid
from locksided.core.model import Condition, Dependency, Draft
from locksided.core.pools import NODES
from locksided.notifications.recipients import check_own
from locksided.runs.draft_tree import Maker, Owner, TreePosition, relocked
from locksided.runs.moment import variables_of, with_origin
from locksided.runs.partition_tree import Chunk
from locksided.runs.resolved import Defaults, free_lock_key
from locksided.runs.specification import GivenRecords
from locksided.runs.staging import missing_schemes
from locksided.server.access import Principal


@dataclass(frozen=True, slots=True)
class Origin:
    """The creator of a job, the job that it repeats, the authors of its template, and its context.

    `is_ours` marks a method that checked the caller's rights before it had the job created. `pinned` are the
    versions of tables that it reads, by their keys. `schedule` and `trigger` are the details from such a
    creator. `retry_scope` is that of a retry by hand, which may get only failed `records`, or run the chunks
    `left`.
    """

    creator_type: str = "user"
    creator_id: str | None = None
    resubmit_of_id: int | None = None
    retry_of_id: int | None = None
    writers: Writers = ()
    schedule: Mapping[str, Any] | None = None
    trigger: Mapping[str, Any] | None = None
    pinned: Mapping[str, int] | None = None
    is_ours: bool = False
    retry_scope: RetryScope | None = None
    records: GivenRecords | None = None
    left: Sequence[Chunk] | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """Pools with their slots, and resources with their capacities, about to be stored; None: no limit."""

    pools: Mapping[str, int | None]
    resources: Mapping[str, int | None]

    def added_to(self, known: Defaults) -> Defaults:
        """Return the defaults including them."""
        return replace(
            known, pools={**known.pools, **self.pools}, resources={**known.resources, **self.resources}
        )


class Creation:
    """Creates the drafts of one call: referenced objects are read once, equal requests are resolved once.

    `objects` replaces the store as their source, and `planned` are additional pools and resources.
    """

    def __init__(
        self,
        service: Service,
        principal: Principal,
        project: str,
        objects: Objects | None = None,
        planned: Planned | None = None,
    ) -> None:
        self._service = service
        self._principal = principal
        self._owner = Owner(project, principal.uid, principal.gid, principal.user, principal.via)
        self._objects = ObjectReader(objects or service.store, project)
        known = defaults_of(service, project)
        self._defaults = known if planned is None else planned.added_to(known)
        self._trees: dict[tuple[Maker, bytes, frozenset[tuple[str, str]]], Draft] = {}
        self._context: Mapping[str, str] = {}

    async def draft(self, request: JobRequest, origin: Origin = Origin(), path: str = "$") -> Draft:
        """Return the checked draft of one request, with all below it. Raises Refused with path and remedy.

        `path` is the place of the request in the call.
        """
        service = self._service
        if not request.component:  # that of a schedule or a trigger with a template
            found = await in_full(self._objects.store, self._owner.project, request, given_in(request))
            request, origin = found.request, replace(origin, writers=found.writers)
        check_own(request.notifications or (), service.settings, "$.notifications")
        asked = Asked.read(service.store.vault, request, self._owner.project)
        maker = Maker(origin.creator_type, origin.creator_id or self._principal.user)
        self._context = variables_of(origin.schedule)
        tree = await self._tree(asked, maker, _above(origin))
        tree = with_origin(tree, schedule=origin.schedule, trigger=origin.trigger, pinned=origin.pinned)
        return replace(
            tree,
            start_at_us=_start_at(request),
            delay_us=None if request.delay is None else int(request.delay * 1e6),
            held=request.hold,
            depends_on=_dependencies(service, request),
            parent_id=_parent(service, request),
            path=path,
            values={
                **tree.values,
                "schedule_id": None if origin.schedule is None else origin.schedule["id"],
                "trigger_id": None if origin.trigger is None else origin.trigger["id"],
                "description": request.description,
                "notifies": bool(request.notifications),
                "labels": request.labels,
                "dedup_id": getattr(request, "deduplication_id", None),
                "resubmit_of_id": origin.resubmit_of_id,
                "retry_of_id": origin.retry_of_id,
            },
        )

    async def _tree(self, asked: Asked, maker: Maker, above: Above) -> Draft:
        """Return the tree without what belongs to the outermost job alone."""
        request = asked.plain
        text = request.lock_key
        if text is None or request.config is not None or request.component == ORCHESTRATOR:
            return await self._once(asked, text, maker, above)
        any_key = await self._once(asked, _ANY_KEY, maker, above)
        return relocked(any_key, free_lock_key(text))

    async def _once(self, asked: Asked, lock_key: str | None, maker: Maker, above: Above) -> Draft:
        """Return the tree with that lock key, resolved once for all equal requests."""
        key = (maker, meaning_key(asked.plain, lock_key), frozenset(self._context.items()))
        if key not in self._trees:
            same = asked if lock_key == asked.plain.lock_key else asked.with_plain(lock_key=lock_key)
            self._trees[key] = await self._worked_out(same, maker, above)
        return self._trees[key]

    async def _worked_out(self, asked: Asked, maker: Maker, above: Above) -> Draft:
        request = asked.plain
        place = TreePosition(
            self._owner,
            maker,
            request.priority or 0,
            is_child=False,
            max_children=self._service.settings.jobs.max_children,
        )
        trees = Trees(self._service, self._objects, self._principal, self._defaults, self._context)
        choice = await choice_of(self._service, request)
        left = await with_rows_left(self._service, request)
        tree = await trees.tree(left, place, above, choice)
        return await sealed_tree(self._service, tree, asked.ciphers)


def _above(origin: Origin) -> Above:
    return Above(
        writers=origin.writers,
        is_ours=origin.is_ours,
        retry_scope=origin.retry_scope,
        records=origin.records,
        left=origin.left,
    )


_ANY_KEY = "any"
"""Replaces every free lock key: requests that differ in nothing else are resolved once."""


async def draft(
    service: Service,
    request: JobRequest,
    principal: Principal,
    project: str,
    origin: Origin = Origin(),
) -> Draft:
    """Return the checked draft of a single request. Raises Refused with the path and the remedy."""
    return await Creation(service, principal, project).draft(request, origin)


def defaults_of(service: Service, project: str) -> Defaults:
    """Return the defaults for jobs of a project, with the pools and resources that exist."""
    jobs = service.settings.jobs
    return Defaults(
        pools=service.scheduler.pools,
        resources=service.scheduler.resources_of(project),
        lock_policy=jobs.lock,
        timeout_seconds=jobs.timeout_seconds,
        tables=service.runs.storage.support,
        missing_schemes=missing_schemes(),
        one_node_pools=service.scheduler.pools_without(NODES),
    )


async def choice_of(service: Service, request: JobRequest) -> Choice:
    """Return the tasks that a request selects, and those it carries over."""
    selected, previous = request.only_orchestration_task_ids, request.previous_job_id
    if previous is None or request.component != ORCHESTRATOR:
        return Choice(selected)
    return Choice(selected, await previous_orchestration(service, previous, request.config))


async def with_rows_left(service: Service, request: JobRequest) -> JobRequest:
    """Return a request that continues an earlier run, for the remaining rows. Raises `Invalid`."""
    previous = request.previous_job_id
    if previous is None or request.component == ORCHESTRATOR:
        return request
    left = await rows_left(service, previous, request.component, request.config)
    asked = [row for row in left if not request.config_row_ids or row in request.config_row_ids]
    if not asked:
        raise Invalid(f"{PATH}: the rows asked for ended well in job {previous}.", path=PATH)
    job_id = str(service.job_id(previous, PATH))
    return msgspec.structs.replace(request, config_row_ids=asked, previous_job_id=job_id)


def _start_at(request: JobRequest) -> int | None:
    if request.delay is not None:
        return clock.now_us() + int(request.delay * 1e6)
    text = request.delayed_start_time
    return None if text is None else clock.from_text(text)


def _dependencies(service: Service, request: JobRequest) -> tuple[Dependency, ...]:
    """Return the dependencies of the job; the stricter condition if a job is named twice."""
    found: dict[int, Condition] = {}
    for index, given in enumerate(request.depends_on):
        job_id = service.job_id(given.job, f"$.dependsOn[{index}].job")
        condition = Condition(given.when.value)
        if {found.get(job_id), condition} == {Condition.SUCCESS, Condition.FAILED}:
            raise Invalid(
                "A job cannot both succeed and fail: name one `when`.", path=f"$.dependsOn[{index}].when"
            )
        if found.get(job_id) in (None, Condition.FINAL):
            found[job_id] = condition
    return tuple(Dependency(job_id, condition) for job_id, condition in found.items())


def _parent(service: Service, request: JobRequest) -> int | None:
    run_id = request.parent_run_id
    return None if run_id is None else service.job_id(run_id.rpartition(".")[2], "$.parentRunId")
