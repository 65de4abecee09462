"""What a run of an orchestration would do."""

from lockside.documents.base import Out
from lockside.documents.enums import TaskAction


class PlannedTask(Out, frozen=True, kw_only=True):
    """The action that is planned for a task.

    Attributes:
        id: The task's id.
        action: The planned action.
        reason: The reason for it.
        rows: The rows that would run; empty means all of them.
    """

    id: str
    action: TaskAction
    reason: str
    rows: list[str] = []


class PlannedPhase(Out, frozen=True, kw_only=True):
    """The tasks of one phase.

    Attributes:
        id: The phase's id.
        tasks: Its tasks.
    """

    id: str
    tasks: list[PlannedTask]


class Plan(Out, frozen=True, kw_only=True):
    """What an orchestration would do, phase by phase.

    Attributes:
        phases: The phases, in order.
    """

    phases: list[PlannedPhase]
