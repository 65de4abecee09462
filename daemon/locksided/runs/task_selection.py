"""Which tasks of an orchestration get a job: all enabled ones, selected ones, or those that failed last time.

Pure: the caller passes how the tasks of the previous run ended.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from lockside.documents.enums import TaskAction
from locksided.core.errors import NotFound
from locksided.runs.orchestration import RunPhase, RunTask
from locksided.runs.specification import JoblessTask


class RowsLeft(NamedTuple):
    """The rows of a job that did not succeed."""

    job: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a task and why, in one sentence.

    `job` is the one whose success is carried over, or that of some of its rows: then `rows` are those left.
    """

    task: RunTask
    action: TaskAction
    reason: str
    job: str | None = None
    rows: tuple[str, ...] = ()

    def as_result(self) -> JoblessTask:
        """Return its entry in `result.tasks` of a phase."""
        return JoblessTask(id=self.task.id, action=self.action, job=self.job)


def decide(
    phases: Sequence[RunPhase],
    selected: Collection[str] | None,
    succeeded: Mapping[str, str] | None,
    rows: Mapping[str, RowsLeft] = MappingProxyType({}),
) -> list[tuple[Decision, ...]]:
    """Return the decisions phase by phase.

    `selected` are the requested tasks, even if disabled; None for all enabled ones. `succeeded` maps the
    tasks that succeeded in the previous run to their jobs; None without such a run. `rows` has the
    unsuccessful rows of the other tasks. Raises `NotFound`.
    """
    known = {task.id for phase in phases for task in phase.tasks}
    for index, task_id in enumerate(selected or ()):
        if task_id not in known:
            shown = ", ".join(sorted(known)[:20]) or "none"
            raise NotFound(
                f"The orchestration has no task {task_id!r}. Its tasks: {shown}.",
                path=f"$.onlyOrchestrationTaskIds[{index}]",
            )
    chosen = None if selected is None else frozenset(selected)
    return [
        tuple(_with_rows(_decide(task, chosen, succeeded), rows) for task in phase.tasks) for phase in phases
    ]


def _with_rows(decision: Decision, rows: Mapping[str, RowsLeft]) -> Decision:
    left = rows.get(decision.task.id)
    if decision.action is not TaskAction.RUN or left is None:
        return decision
    reason = f"{decision.reason} Rows without success: {', '.join(left.rows)}."
    return replace(decision, rows=left.rows, job=left.job, reason=reason)


def _decide(task: RunTask, selected: frozenset[str] | None, succeeded: Mapping[str, str] | None) -> Decision:
    if selected is not None and task.id in selected:
        return Decision(task, TaskAction.RUN, "It was selected.")
    if selected is None and not task.enabled:
        return Decision(task, TaskAction.SKIP, "It is disabled.")
    job = (succeeded or {}).get(task.id)
    if job is not None:
        return Decision(task, TaskAction.CARRY, f"It ended well as job {job}.", job)
    if selected is not None:
        return Decision(task, TaskAction.SKIP, "It was not selected.")
    reason = "It is enabled." if succeeded is None else "It did not end well the last time."
    return Decision(task, TaskAction.RUN, reason)
