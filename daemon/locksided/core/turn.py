"""One step of the core in the making: its time, what it wants saved and done, and which lines it touched."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from lockside.documents.enums import FailureClass, Status
from locksided.core.actions import Action
from locksided.core.jobs import Job
from locksided.core.lines import Line
from locksided.core.model import Principal
from locksided.core.saves import AppendEvent, Save, UpdateJob
from locksided.core.state import State
from locksided.core.transitions import FINAL, check_transition


class Ending:
    """A job that became final in this step. What follows from it for others is done before the step ends.

    `failure` classes the failure of its run, `result` is what it ended with.
    """

    __slots__ = ("cause", "dependants", "failure", "job", "result", "status")

    def __init__(
        self,
        job: Job,
        status: Status,
        cause: str,
        dependants: list[Job],
        failure: FailureClass | None,
        result: Mapping[str, Any] | None,
    ) -> None:
        self.job = job
        self.status = status
        self.cause = cause
        self.dependants = dependants
        self.failure = failure
        self.result = result


class Turn:
    """Collects saves and actions while the state changes. A refusal must come before the first change.

    Before the step ends, the heads of the `touched` lines and the statuses of the `uncertain` jobs are looked
    at again, and whom the `endings` concern is told of them.
    """

    __slots__ = ("actions", "endings", "now_us", "principal", "saves", "state", "touched", "uncertain")

    def __init__(self, state: State, now_us: int, principal: Principal | None = None) -> None:
        self.state = state
        self.now_us = now_us
        self.principal = principal
        self.saves: list[Save] = []
        self.actions: list[Action] = []
        self.touched: dict[Line, None] = {}
        self.uncertain: dict[Job, None] = {}
        self.endings: deque[Ending] = deque()

    def touch(self, line: Line) -> None:
        """Look at that line's head again before the step ends."""
        self.touched[line] = None

    def touch_gate(self, job: Job) -> None:
        """Look at every head that the job's gate keeps apart."""
        if job.gate is None:
            self.touch(job.pool.open_line)
            return
        for line in job.gate.lines:
            self.touch(line)

    def update(self, job: Job, **changes: Any) -> None:
        """Save new values of some of the job's columns."""
        self.saves.append(UpdateJob(job.id, {**changes, "updated_us": self.now_us}))

    def event(self, job: Job, kind: str, **data: Any) -> None:
        """Tell what happened to the job."""
        principal = self.principal.as_data() if self.principal is not None else None
        self.saves.append(AppendEvent(self.now_us, kind, job.project, job.id, job.run_id, principal, data))

    def daemon_event(self, kind: str, **data: Any) -> None:
        """Tell what happened to a pool or to the daemon."""
        principal = self.principal.as_data() if self.principal is not None else None
        self.saves.append(AppendEvent(self.now_us, kind, "default", principal=principal, data=data))

    def reach(self, job: Job, stages: Mapping[str, int]) -> dict[str, Any]:
        """Tell the finer stages that a run reached; answers the columns to save.

        A stage keeps the time at which it was reached first. No stage is earlier than those before it, whose
        times may come from other observers.
        """
        known = job.run.stages if job.run is not None else job.first_stages
        for stage, moment_us in stages.items():
            known.setdefault(stage, max((moment_us, *known.values())))
            self.event(job, "job.stage", stage=stage)
        return {"stage": list(stages)[-1], "stages": dict(known)}

    def move(self, job: Job, status: Status, cause: str, **changes: Any) -> None:
        """Take one arrow of the table: the only way in which a status changes."""
        check_transition(job.id, job.status, status)
        before, job.status = job.status, status
        if status in FINAL:
            changes["end_us"] = self.now_us
            changes["end_cause"] = cause
        self.update(job, status=status, **changes)
        self.event(job, "job.status", **{"from": before.value, "to": status.value, "cause": cause})
