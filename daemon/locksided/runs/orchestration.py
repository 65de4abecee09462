"""A running orchestration: phases in order, each with its tasks and the requests that they make. Pure.

A task's own request is resolved elsewhere, and `task_selection` decides whether a task runs at all.
"""

from dataclasses import dataclass

from lockside.documents import orchestration as documents
from lockside.documents.enums import Mode, OnError
from lockside.documents.orchestration import order_faults, phases_in_order
from lockside.documents.paths import join
from lockside.documents.reading import Fault, stored_form
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Behavior
from lockside.documents.variables import VariableValues, filled
from locksided.core.errors import Refused
from locksided.runs.refusals import refuse_first
from locksided.runs.resolved import Resolved, Root
from locksided.runs.runtime_values import ONE_UP

_Request = stored_form(JobRequest)  # of documents that were checked when they were stored
_SHARED = set(documents.TaskSpecification.__struct_fields__) & set(JobRequest.__struct_fields__) - {
    *("delay", "priority")  # relative to the phase, and to the orchestration's priority
}


@dataclass(frozen=True, slots=True)
class RunTask:
    """One task. `path` is the place of its request; `delay_us` counts from its phase's start.

    `priority` None is that of the orchestration.
    """

    id: str
    name: str | None
    enabled: bool
    asked: documents.TaskSpecification
    on_error: OnError | None
    path: str

    @property
    def delay_us(self) -> int | None:
        """Microseconds from the start of its phase."""
        return int((self.asked.delay or 0) * 1_000_000) or None

    def request(self, orchestration: Resolved) -> JobRequest:
        """Return the task's job: in its orchestration's branch, with its orchestration's variables filled in.

        Tasks of a debug run are run in debug mode.
        """
        asked, above = self.asked, orchestration.spec
        given = {name: getattr(asked, name) for name in _SHARED}
        given |= {
            "branch_id": above.branch_id,
            "mode": Mode.DEBUG if above.mode is Mode.DEBUG else asked.mode,
            "behavior": Behavior(on_error=self.on_error),
            "variable_values_data": _filled(asked.variable_values_data, above.variables),
        }
        request: JobRequest = _Request(**given)
        return request


def _filled(given: VariableValues | None, variables: dict[str, str]) -> VariableValues | None:
    if given is None:
        return None
    values = [type(one)(name=one.name, value=filled(one.value, variables)) for one in given.values]
    return type(given)(values=values)


@dataclass(frozen=True, slots=True)
class RunPhase:
    """One phase; `after` are the indexes of those that must be done before it."""

    id: str
    name: str | None
    after: tuple[int, ...]
    on_error: OnError | None
    tasks: tuple[RunTask, ...]


def read_orchestration(root: Root) -> tuple[RunPhase, ...]:
    """Return the phases, each after those that it depends on. Raises `Invalid`."""
    content = root.content
    found = order_faults(content.phases, content.tasks)
    refuse_first(Fault(f"{root.path}.{field}", text) for field, text in found)
    tasks: dict[str, list[RunTask]] = {}
    for place, one in enumerate(content.tasks):
        tasks.setdefault(one.phase, []).append(_task(one, join(root.path, "tasks", place, "task")))
    order = phases_in_order(content.phases)
    places = {one.id: place for place, one in enumerate(order)}
    return tuple(
        RunPhase(
            id=one.id,
            name=one.name,
            after=tuple(sorted({places[before] for before in one.depends_on})),
            on_error=None if one.behavior is None else one.behavior.on_error,
            tasks=tuple(tasks.get(one.id, ())),
        )
        for one in order
    )


def _task(given: documents.Task, path: str) -> RunTask:
    """Return a task. The failure of a task with `continue_on_failure` becomes a warning."""
    behavior = given.task.behavior
    on_error = None if behavior is None else behavior.on_error
    if on_error is None and given.continue_on_failure:
        on_error = OnError.WARNING
    return RunTask(given.id, given.name, given.enabled, given.task, on_error, path)


def as_seen_above(refusal: Refused, path: str) -> Refused:
    """Rewrite a refusal of a task's request at `path` as a refusal of the orchestration's."""
    found = refusal.path or "$"
    seen = found.removeprefix(ONE_UP) if found.startswith(ONE_UP) else path + found[1:]
    refusal.message = refusal.message.replace(found, seen) if refusal.path else f"{path}: {refusal.message}"
    refusal.path = seen
    return refusal
