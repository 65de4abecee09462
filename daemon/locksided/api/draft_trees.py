"""From one request to the draft tree of all jobs that it creates, however deep its orchestrations are nested.

It reads what the requests name and stores nothing. `job_drafts` adds what belongs to the outermost job alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import msgspec

from lockside.documents.component import COMMAND, STORAGE
from lockside.documents.enums import JobType, RetryScope, TaskAction
from lockside.documents.request import JobRequest
from lockside.documents.variables import names_in
from locksided import threads
from locksided.api.object_reader import ObjectReader
from locksided.api.previous_run import PreviousRun
from locksided.api.resolution_cache import ResolvedTree
from locksided.api.service import Service
from locksided.api.templates import given_in, in_full
from locksided.core.errors import Forbidden, Invalid, Limit, Refused
from locksided.core.model import Draft
from locksided.runs.draft_tree import (
    Inside,
    Maker,
    TreePosition,
    check_phases,
    doubted,
    orchestration_tree,
    tree_size,
    work_tree,
)
from locksided.runs.orchestration import RunPhase, as_seen_above, read_orchestration
from locksided.runs.partition_tree import Chunk, partition_tree
from locksided.runs.resolve import resolve, unused_values
from locksided.runs.resolved import Defaults, Found, Resolved
from locksided.runs.runtime_values import Level, first_named, passed_on
from locksided.runs.specification import GivenRecords
from locksided.runs.storage_operations import CHECKED
from locksided.runs.systems import NAMED, refuse_unusable, uses_of
from locksided.runs.task_selection import Decision, decide
from locksided.server.access import Principal
from locksided.store.rows import StoredRow as Row

MAX_JOBS_OF_A_TREE = 100_000
_VALUES_PATH = "$.variableValuesId"
ROWS_DONE_HERE = 100
"""Configurations with more rows are processed in a thread."""


Writers = tuple[Mapping[str, Any], ...]
"""Principals, as stored."""


@dataclass(frozen=True, slots=True)
class Above:
    """What a task's request gets from the orchestrations around it; empty for the outermost request.

    `names` are those orchestrations, outermost first. `writers` are the last authors of the request's own
    text, besides the caller. `values` are the variables that it inherits, `sets` the stored sets of some of
    them. `is_ours` marks the request of a method that has checked the caller's rights. `retry_scope` is that
    of a retry by hand, which may get only failed `records`, or run only the chunks that are `left`.
    """

    levels: tuple[Level, ...] = ()
    names: tuple[str, ...] = ()
    writers: Writers = ()
    values: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    is_ours: bool = False
    retry_scope: RetryScope | None = None
    records: GivenRecords | None = None
    left: Sequence[Chunk] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The selected tasks of an orchestration, and the result of the previous run that it continues."""

    selected: Sequence[str] | None = None
    previous: PreviousRun | None = None

    @property
    def is_made(self) -> bool:
        """Whether anything was selected."""
        return self.selected is not None or self.previous is not None

    def decide(self, phases: Sequence[RunPhase]) -> list[tuple[Decision, ...]]:
        """Return what is done with each task, phase by phase. Raises `NotFound`."""
        if self.previous is None:
            return decide(phases, self.selected, None)
        return decide(phases, self.selected, self.previous.succeeded, self.previous.rows)

    def below(self, task_id: str) -> "Choice":
        """Return the choice for a task that is itself an orchestration."""
        return Choice(None, None if self.previous is None else self.previous.nested.get(task_id))


class Trees:
    """Creates the drafts of one creation for one caller."""

    def __init__(
        self,
        service: Service,
        objects: ObjectReader,
        principal: Principal,
        defaults: Defaults,
        context: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._service = service
        self._objects = objects
        self._principal = principal
        self._defaults = defaults
        self._context = context
        self._jobs = 0
        self._used_variables: set[str] = set()

    async def tree(
        self, request: JobRequest, place: TreePosition, above: Above = Above(), choice: Choice = Choice()
    ) -> Draft:
        """Return the drafts of a request. Raises `Refused` with the path of the field and the remedy."""
        recent, key = self._service.recent, None
        is_special = choice.is_made or above.writers or above.is_ours or above.retry_scope
        if not (place.is_child or is_special or self._context):
            key = recent.key(request, place)
        known = recent.find(key, self._defaults)
        if known is not None:
            return await self._seen_to(known, place)
        reads = self._objects.reads
        config = await self._objects.config(request)
        await self._check_writers(request, config, above)
        found = replace(await self._objects.found(request, config), context=self._context)
        resolved = _again(await self._resolved(request, found, above), above)
        if not above.is_ours:
            _refuse_forged(resolved)
        await self._check_systems(resolved)
        self._used_variables |= resolved.spec.variables.keys()
        if resolved.type is JobType.ORCHESTRATION:
            below = _below(resolved, request, config, above)
            tree = await self._orchestration(resolved, place, below, choice)
            unused = unused_values(request, self._used_variables, resolved.root.content.variables)
            return replace(tree, warnings=(*tree.warnings, *unused))
        if choice.is_made:
            path = "$.onlyOrchestrationTaskIds"
            raise Invalid(f"{path}: only an orchestration has tasks.", path=path)
        work = await self._work(resolved, place, above.left)
        if self._objects.reads == reads:
            recent.keep(key, self._defaults, work)
        return await self._seen_to(work, place)

    async def _check_systems(self, resolved: Resolved) -> None:
        """Raise Refused for a system that the job's owner cannot use as the job does."""
        named = {name: first_named(resolved.asked, name)[1] for name in NAMED}
        for use in uses_of(resolved.spec, named):
            row = await self._objects.system(use.system)
            refuse_unusable(use, row, self._principal.uid, (self._principal.gid, *self._principal.groups))

    async def _resolved(self, request: JobRequest, found: Found, above: Above) -> Resolved:
        def read() -> Resolved:
            return resolve(request, found, self._defaults, above=above.levels, inherited=above.values)

        rows = found.config.document.rows if found.config is not None else ()
        return read() if len(rows) <= ROWS_DONE_HERE else await threads.run_sync(read)

    async def _work(
        self, resolved: Resolved, place: TreePosition, left: Sequence[Chunk] | None
    ) -> ResolvedTree:
        if resolved.spec.partition is not None:
            return ResolvedTree(resolved, await threads.run_sync(partition_tree, resolved, place, left))
        if len(resolved.rows or ()) <= ROWS_DONE_HERE:
            return ResolvedTree(resolved, work_tree(resolved, place))
        return ResolvedTree(resolved, await threads.run_sync(work_tree, resolved, place))

    async def _seen_to(self, work: ResolvedTree, place: TreePosition) -> Draft:
        """Return the tree, marked if something that it needs to start is missing."""
        tree, resolved = work.tree, work.resolved
        self._count(tree_size(tree))
        runs = self._service.runs
        missing = await runs.are_programs_missing(resolved.spec, resolved.environment, place.owner)
        return doubted(tree) if missing else tree

    def _count(self, jobs: int) -> None:
        self._jobs += jobs
        if self._jobs > MAX_JOBS_OF_A_TREE:
            raise Limit(f"It would make more than {MAX_JOBS_OF_A_TREE} jobs.", path="$.config")

    async def _orchestration(
        self, resolved: Resolved, place: TreePosition, below: Above, choice: Choice
    ) -> Draft:
        phases = read_orchestration(resolved.root)
        check_phases(phases, place.max_children, f"{resolved.root.path}.phases")
        self._count(1 + len(phases))
        inside = []
        for phase, decisions in zip(phases, choice.decide(phases), strict=True):
            runs = [one for one in decisions if one.action is TaskAction.RUN]
            jobs = [await self._task(one, resolved, place, below, choice.below(one.task.id)) for one in runs]
            jobless = tuple(one for one in decisions if one.action is not TaskAction.RUN)
            inside.append(Inside(phase, tuple(jobs), jobless))
        return orchestration_tree(resolved, place, inside)

    async def _task(
        self, decided: Decision, orchestration: Resolved, place: TreePosition, below: Above, choice: Choice
    ) -> Draft:
        """Return the tree of one task, limited to its remaining rows if there are any."""
        task = decided.task
        at = place._replace(
            maker=Maker("orchestration", task.id),
            priority=place.priority if task.asked.priority is None else task.asked.priority,
            is_child=True,
        )
        try:
            request = task.request(orchestration)
            if decided.rows:
                rows = list(decided.rows)
                request = msgspec.structs.replace(request, config_row_ids=rows, previous_job_id=decided.job)
            asked = await in_full(self._objects.store, place.owner.project, request, given_in(request))
            above = replace(below, writers=(*below.writers, *asked.writers))
            tree = await self.tree(asked.request, at, above, choice)
        except Refused as refusal:
            raise as_seen_above(refusal, task.path) from None
        values = tree.values if task.name is None else {**tree.values, "name": task.name}
        return replace(tree, delay_us=task.delay_us, values=values)

    async def _check_writers(self, request: JobRequest, config: Row | None, above: Above) -> None:
        """Refuse to run a command that another ordinary user wrote in full or in part.

        Variables are a part: a value may become a word of a shell command, or the program itself.
        """
        if request.component != COMMAND:
            return
        body = request.body if request.body is not None or config is None else config.body
        inherits = not above.values.keys().isdisjoint(names_in(body))
        is_filled_above = request.variable_values_id or request.variable_values_data is not None or inherits
        if request.body is not None or is_filled_above:
            for writer in above.writers:
                self._check_writer(writer, "this command", "$.config")
        if request.body is None and config is not None:
            self._check_writer(config.changed_by, "this configuration's command", "$.config")
        own = () if request.variable_values_id is None else (request.variable_values_id,)
        for name in (*own, *(above.sets if is_filled_above else ())):
            row = await self._objects.variables(name)
            self._check_writer(None if row is None else row.changed_by, f"the variables {name}", _VALUES_PATH)

    def _check_writer(self, written_by: Mapping[str, Any] | None, what: str, path: str) -> None:
        writer = written_by or {}
        if writer.get("uid") not in (None, 0, self._principal.uid, self._service.own_uid):
            raise Forbidden(
                f"{writer.get('user')} wrote {what} last: it would run with your rights. Read it, and store "
                "it yourself if you want to run it.",
                path=path,
            )


def _again(resolved: Resolved, above: Above) -> Resolved:
    """Return the job of a retry by hand, with the records that it is given."""
    if above.retry_scope is None:
        return resolved
    spec = msgspec.structs.replace(resolved.spec, retry_scope=above.retry_scope, records=above.records)
    if above.records is None:
        return replace(resolved, spec=spec)
    return replace(resolved, spec=msgspec.structs.replace(spec, partition=None), type=_type_alone(resolved))


def _type_alone(resolved: Resolved) -> JobType:
    """Return the type of a job that is given records, and therefore not split into chunks."""
    return resolved.type if resolved.spec.partition is None else JobType.STANDARD


def _below(resolved: Resolved, request: JobRequest, config: Row | None, above: Above) -> Above:
    """Return what an orchestration passes to its tasks. Raises `Invalid` if it contains itself."""
    names = above.names
    if resolved.spec.config is not None:
        name = f"{resolved.spec.branch_id}/{resolved.spec.config}"
        if name in names:
            circle = [one.rpartition("/")[2] for one in (*names[names.index(name) :], name)]
            shown = " -> ".join(circle)
            raise Invalid(
                f"$.config: orchestration {resolved.spec.config} contains itself: {shown}.",
                path="$.config",
                circle=circle,
            )
        names = (*names, name)
    writers = above.writers
    if request.body is None and config is not None:
        writers = (config.changed_by,)
    own = () if request.variable_values_id is None else (request.variable_values_id,)
    return Above(passed_on(resolved.asked), names, writers, resolved.values, (*above.sets, *own))


def _refuse_forged(resolved: Resolved) -> None:
    """Refuse operations that only a method may start, because it checks rights and retention."""
    parameters = resolved.root.content.parameters
    if resolved.spec.component == STORAGE and (operation := parameters.get("operation")) in CHECKED:
        text = f"Jobs that {operation} are made by {CHECKED[operation]} alone."
        raise Forbidden(text, path=f"{resolved.root.path}.parameters.operation")
