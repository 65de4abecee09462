"""Starts that did not happen, and runs whose keeper or machine is gone: ends that no user caused."""

from collections.abc import Mapping
from typing import Any

from lockside.documents.enums import FailureClass, OnLost, Status
from locksided.core import dispatch
from locksided.core.inputs import Lost, NotStarted, Orphaned, StepLost
from locksided.core.jobs import Job, Run
from locksided.core.lifecycle import count_unreported, end, fail, of_run, requeue
from locksided.core.model import MOST_PREEMPTIONS
from locksided.core.pool_trouble import conclude_trial, start_refused
from locksided.core.recoveries import RecoveryTerms
from locksided.core.turn import Turn


@of_run
def not_started(turn: Turn, job: Job, run: Run, report: NotStarted) -> None:
    """Nothing ran under this token: requeue the job, or end it if it was asked to terminate.

    The steps before this one are not repeated: only this step is started once more. When the machine refuses
    to start a later step, the whole run is lost.
    """
    if report.cause is not None:
        start_refused(turn, job, report.cause)
    conclude_trial(turn, job, run)
    if run.stop_asked:
        status = Status.TERMINATED if run.starts else Status.CANCELLED
        end(turn, job, status, "terminated")
    elif run.step == 0:
        requeue(turn, job, "not_started")
    elif report.cause is None:
        run.launches += 1
        dispatch.begin_step(turn, job, run)
    else:
        may_requeue = _count_loss(turn, job, run)
        _apply_on_lost(turn, job, _refused_step(run, report.cause), may_requeue=may_requeue)


def _refused_step(run: Run, cause: str) -> dict[str, Any]:
    message = f"The system refused to start step {run.step + 1}: {cause}."
    error = {"type": "application", "kind": "spawn", "exitCode": None, "signal": None, "message": message}
    return {"message": message, "result": {"message": message, "error": {**error, "step": run.step + 1}}}


@of_run
def orphaned(turn: Turn, job: Job, run: Run, report: Orphaned) -> None:
    """Record why the job still holds its lock and slot: its process tree may not be empty yet."""
    run.survivors = True
    turn.update(job, message="Its keeper died; what may be left of it is being stopped.")


@of_run
def step_lost(turn: Turn, job: Job, run: Run, report: StepLost) -> None:
    """Start the step alone again under a new token, unless the job was asked to terminate."""
    count_unreported(turn, job, run)
    if run.stop_asked:
        end(turn, job, Status.TERMINATED, "terminated")
        return
    run.launches += 1
    run.survivors = False
    dispatch.begin_step(turn, job, run)


@of_run
def lost(turn: Turn, job: Job, run: Run, report: Lost) -> None:
    """Requeue or end a job whose machine or keeper died, as its `onLost` says."""
    count_unreported(turn, job, run)
    if run.stop_asked:
        end(turn, job, Status.TERMINATED, "terminated", **report.values)
    else:
        may_requeue = (
            _count_preemption(turn, job, run) if report.was_preempted else _count_loss(turn, job, run)
        )
        _apply_on_lost(turn, job, report.values, report.recovery, may_requeue=may_requeue)


def _count_preemption(turn: Turn, job: Job, run: Run) -> bool:
    """Count a preemption, which is not the job's fault; returns whether it may be requeued."""
    if run.preempted_count >= MOST_PREEMPTIONS:
        return False
    run.preempted_count += 1
    turn.update(job, preempted_count=run.preempted_count)
    return True


def _count_loss(turn: Turn, job: Job, run: Run) -> bool:
    """Count a loss of a job that is requeued after it; returns whether it may be requeued."""
    if job.terms.on_lost is not OnLost.REQUEUE or run.lost_count >= turn.state.max_requeues:
        return False
    run.lost_count += 1
    turn.update(job, lost_count=run.lost_count)
    return True


def _apply_on_lost(
    turn: Turn,
    job: Job,
    values: Mapping[str, Any],
    terms: RecoveryTerms | None = None,
    *,
    may_requeue: bool,
) -> None:
    if job.terms.on_lost is OnLost.REQUEUE and may_requeue:
        requeue(turn, job, "lost")
    else:
        fail(turn, job, "lost", FailureClass.LOST, terms, values)
