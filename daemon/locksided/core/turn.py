"""A step of the core in progress: its time, its saves and actions, and what it may have affected."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from lockside.documents.enums import FailureClass, Status
from locksided.core.actions import Action
from locksided.core.jobs import Job
from locksided.core.lines import Line
from locksided.core.model import Principal
from locksided.core.pools import Pool
from locksided.core.saves import AppendEvent, Save, UpdateJob
from locksided.core.state import State
from locksided.core.transitions import FINAL, TRANSITIONS, IllegalTransition


class Ending:
    """A job that became final in this step. The consequences for other jobs follow before the step ends.

    `failure` classifies the failure of its run, `result` is its result, `message` its most informative line.
    """

    __slots__ = ("cause", "dependants", "failure", "job", "message", "result", "status")

    def __init__(
        self,
        job: Job,
        status: Status,
        cause: str,
        dependants: list[Job],
        failure: FailureClass | None,
        result: Mapping[str, Any] | None,
        message: str | None,
    ) -> None:
        self.job = job
        self.status = status
        self.cause = cause
        self.dependants = dependants
        self.failure = failure
        self.result = result
        self.message = message


class Turn:
    """Collects saves and actions while the state changes. A refusal must come before the first change.

    Before the step ends, `propagation` re-examines the heads of the `dirty_lines` and the statuses of the
    `dirty_jobs`, and applies the consequences of the `endings`.
    """

    __slots__ = ("actions", "dirty_jobs", "dirty_lines", "endings", "now_us", "principal", "saves", "state")

    def __init__(self, state: State, now_us: int, principal: Principal | None = None) -> None:
        self.state = state
        self.now_us = now_us
        self.principal = principal
        self.saves: list[Save] = []
        self.actions: list[Action] = []
        self.dirty_lines: dict[Line, None] = {}
        self.dirty_jobs: dict[Job, None] = {}
        self.endings: deque[Ending] = deque()

    def mark_line(self, line: Line) -> None:
        """Have the line's head examined before the step ends."""
        self.dirty_lines[line] = None

    def mark_gate(self, job: Job) -> None:
        """Have the head of every line of the job's gate examined."""
        if job.gate is None:
            self.mark_line(job.demand.open_line)
            return
        for line in job.gate.lines:
            self.mark_line(line)

    def update(self, job: Job, **changes: Any) -> None:
        """Save new values of some columns of the job."""
        self.saves.append(UpdateJob(job.id, {**changes, "updated_us": self.now_us}))

    def event(self, job: Job, kind: str, **data: Any) -> None:
        """Append an event of the job."""
        principal = self.principal.as_data() if self.principal is not None else None
        self.saves.append(AppendEvent(self.now_us, kind, job.project, job.id, job.run_id, principal, data))

    def daemon_event(self, kind: str, **data: Any) -> None:
        """Append an event of a pool or of the daemon."""
        self.project_event(kind, "default", **data)

    def project_event(self, kind: str, project: str, **data: Any) -> None:
        """Append an event of a project that concerns no job."""
        principal = self.principal.as_data() if self.principal is not None else None
        self.saves.append(AppendEvent(self.now_us, kind, project, principal=principal, data=data))

    def pool_event(self, kind: str, pool: Pool) -> None:
        """Append an event of a pool, with the whole pool as it is after the change."""
        self.daemon_event(kind, pool=pool.snapshot())

    def record_stages(self, job: Job, stages: Mapping[str, int]) -> dict[str, Any]:
        """Record stages that a run has reached; returns the columns to save.

        A stage keeps the first time reported for it. Times come from several observers; no stage is given a
        time earlier than that of the stage before it.
        """
        known = job.run.stages if job.run is not None else job.first_stages
        for stage, moment_us in stages.items():
            known.setdefault(stage, max((moment_us, *known.values())))
            self.event(job, "job.stage", stage=stage)
        return {"stage": list(stages)[-1], "stages": dict(known)}

    def move(self, job: Job, status: Status, cause: str, **changes: Any) -> None:
        """Change the status along one arrow of the table. Nothing else changes a status."""
        before, history = job.status, self.state.history
        if status not in TRANSITIONS[before]:
            raise IllegalTransition(job.id, before, status, history.story(job, self.now_us))
        history.add_transition(self.now_us, job.id, before, status, cause)
        job.status = status
        if status in FINAL:
            changes["end_us"] = self.now_us
            changes["end_cause"] = cause
        self.update(job, status=status, **changes)
        self.event(job, "job.status", **{"from": str(before), "to": str(status), "cause": cause})
