"""Phases and tasks of an orchestration, and whether they can be ordered."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta
from msgspec.structs import force_setattr

from lockside.documents import quantities
from lockside.documents.base import (
    ComponentId,
    ConfigId,
    Document,
    FieldError,
    PoolId,
    Priority,
    RowId,
    Seconds,
    Slots,
    Tag,
    TaskId,
    TemplateName,
    VariablesId,
)
from lockside.documents.enums import Mode
from lockside.documents.runtime import Behavior, Limits, Needs, Pools, Retry, check_pools
from lockside.documents.variables import VariableValues

if TYPE_CHECKING:
    AnyTaskId = str
else:
    AnyTaskId = TaskId | Annotated[int, Meta(ge=0)]


class TaskSpecification(Document, frozen=True, kw_only=True):
    """The job that a task of an orchestration creates.

    Attributes:
        component: The component to run; required unless a template names it.
        template: The template to create the job from; fields given with it override the template's.
        config: The configuration to run.
        config_data: A configuration given here instead of a stored one.
        config_row_ids: The rows to run; an empty list means all enabled ones.
        mode: How to run it.
        parallelism: How many rows run at once.
        priority: The place in the queue: -100 to 100, or lowest, low, normal, high, highest.
        pool: The pool to run in.
        pools: The pools in which the job may run, the preferred one first; instead of `pool`.
        needs: What the job holds while it runs: `slots` of its pool, and amounts of resources by their ids.
        backend: The size of the machine.
        limits: Limits of the job.
        retry: How the job is retried.
        behavior: What a failure of the job does to its phase.
        variable_values_id: The stored set that fills variables.
        variable_values_data: Values of variables.
        delay: How long after the start of its phase the task starts, in seconds or as in "10m".
    """

    reads = {
        "parallelism": quantities.count,
        "priority": quantities.priority,
        "delay": quantities.duration,
    }

    component: ComponentId = ""
    template: TemplateName | None = None
    config: ConfigId | None = None
    config_data: dict[str, Any] | None = None
    config_row_ids: list[RowId] = []
    mode: Mode = Mode.RUN
    tag: Tag | None = None
    parallelism: Slots | None = None
    priority: Priority | None = None
    pool: PoolId | None = None
    pools: Pools | None = None
    needs: Needs | None = None
    backend: dict[str, Any] = {}
    limits: Limits | None = None
    retry: Retry | None = None
    behavior: Behavior | None = None
    variable_values_id: VariablesId | None = None
    variable_values_data: VariableValues | None = None
    delay: Seconds | None = None

    def check(self) -> None:
        """Raises FieldError for a task without a component and a template, or with invalid pools."""
        if not self.component and self.template is None:
            raise FieldError("Name a component or a template", "component")
        if not self.is_stored:
            check_pools(self.pool, self.pools)


class Task(Document, frozen=True, kw_only=True):
    """A task of an orchestration.

    Attributes:
        id: The task's id, unique in the orchestration.
        phase: The id of the phase that the task belongs to.
        task: The job to create.
        enabled: Whether the task runs.
        continue_on_failure: A failure of the task makes its phase a warning, not an error.
    """

    reads = {"id": str, "phase": str}

    id: AnyTaskId
    phase: AnyTaskId
    task: TaskSpecification
    name: str | None = None
    enabled: bool = True
    continue_on_failure: bool = False


class Phase(Document, frozen=True, kw_only=True):
    """A phase of an orchestration.

    Attributes:
        id: The phase's id, unique in the orchestration.
        depends_on: The ids of the phases that must end first.
        behavior: What a failure of the phase does to the orchestration.
    """

    reads = {"id": str}

    id: AnyTaskId
    name: str | None = None
    depends_on: list[AnyTaskId] = []
    behavior: Behavior | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        force_setattr(self, "depends_on", [str(phase) for phase in self.depends_on])


def order_faults(phases: Sequence[Phase], tasks: Sequence[Task]) -> Iterator[tuple[str, str]]:
    """Yield the faults that make an order impossible: the field and what is wrong with it."""
    known = [phase.id for phase in phases]
    yield from _repeated("phases", known)
    yield from _repeated("tasks", [task.id for task in tasks])
    for place, phase in enumerate(phases):
        for index, before in enumerate(phase.depends_on):
            if before not in known:
                yield f"phases[{place}].dependsOn[{index}]", _no_phase(before, known)
    for place, task in enumerate(tasks):
        if task.phase not in known:
            yield f"tasks[{place}].phase", _no_phase(task.phase, known)
    if circle := _circle(phases):
        text = f"These phases wait for each other: {' -> '.join(circle)}"
        yield f"phases[{known.index(circle[0])}].dependsOn", text


def _repeated(field: str, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for place, one in enumerate(ids):
        if seen.setdefault(one, place) != place:
            yield f"{field}[{place}].id", f"The id {one!r} is taken by {field}[{seen[one]}]"


def _no_phase(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"There is no phase {name!r}" + (f": did you mean {near[0]!r}?" if near else "")


def _circle(phases: Sequence[Phase]) -> list[str]:
    try:
        TopologicalSorter({phase.id: phase.depends_on for phase in phases}).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def phases_in_order(phases: Sequence[Phase]) -> list[Phase]:
    """Return the phases in their order, but each after those that it depends on; they must have no faults."""
    stands = {phase.id: place for place, phase in enumerate(phases)}
    sorter = TopologicalSorter({phase.id: phase.depends_on for phase in phases})
    sorter.prepare()
    order: list[Phase] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=stands.__getitem__)
        order += [phases[stands[one]] for one in ready]
        sorter.done(*ready)
    return order
