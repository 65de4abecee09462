"""The life cycle of a standard job, as driven by the reports of its executor.

Acceptance is in `acceptance`, requests of callers in `termination` and `job_control`, the effect of a child's
end on its container in `container_lifecycle`.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from lockside.documents.enums import FailureClass, Stage, Status
from locksided.core import dispatch, recovery, table_waits
from locksided.core.actions import PauseRun
from locksided.core.containers import Container
from locksided.core.inputs import (
    Finished,
    LeaderEnded,
    OfRun,
    Progressed,
    RemoteTold,
    Spawned,
    StageReached,
    StepEnded,
    TablesNeeded,
)
from locksided.core.jobs import Job, Run
from locksided.core.pool_trouble import conclude_trial
from locksided.core.recoveries import RecoveryTerms
from locksided.core.turn import Ending, Turn

R = TypeVar("R", bound=OfRun)
T = TypeVar("T")

# -- the run ----------------------------------------------------------------------------------------------


def of_run(do: Callable[[Turn, Job, Run, R], T]) -> Callable[[Turn, R], T | None]:
    """Decorate the handler of a report: it is skipped unless the token is that of the run's current step."""

    @wraps(do)
    def handle(turn: Turn, report: R) -> T | None:
        job = turn.state.jobs.get(report.job_id)
        if job is None or job.run is None or job.run.token != report.token:
            return None
        return do(turn, job, job.run, report)

    return handle


@of_run
def spawned(turn: Turn, job: Job, run: Run, report: Spawned) -> None:
    """Count the start of a process, and suspend it if the job was paused meanwhile."""
    if run.spawned:
        return
    _count_start(turn, job, run)
    stage = turn.record_stages(job, {report.stage: turn.now_us})
    times = {} if run.paused_since_us is None else run.go_on(turn.now_us)
    turn.update(job, starts=run.starts, spawned=True, process=dict(report.process), **stage, **times)
    conclude_trial(turn, job, run)
    if run.paused_by is not None:
        turn.actions.append(PauseRun(job.id, job.pool.id, report.token))


def _count_start(turn: Turn, job: Job, run: Run) -> None:
    run.spawned = True
    if run.step == 0:
        run.starts += 1
        _mark_containers(turn, job)
    assert run.starts <= run.launches, f"job {job.id} started more often than it was told to"


def count_unreported(turn: Turn, job: Job, run: Run) -> None:
    """Count a start that was not reported before the end of its process."""
    if not run.spawned:
        _count_start(turn, job, run)
    conclude_trial(turn, job, run)
    turn.update(job, starts=run.starts)


def _mark_containers(turn: Turn, job: Job) -> None:
    """Record in every container above the job, once, that something below it was started."""
    for ancestor_id in reversed(job.lineage):
        above = turn.state.jobs.get(ancestor_id)
        if isinstance(above, Container) and above.run is not None:
            if above.run.starts:
                return
            above.run.starts = 1
            turn.update(above, starts=1)


@of_run
def remote_told(turn: Turn, job: Job, run: Run, report: RemoteTold) -> None:
    """Record the state of a remote run. Its time is suspended until its process exists."""
    columns: dict[str, Any] = {"remote": {"executor": job.pool.executor, **report.remote}}
    if not run.spawned and report.stage is not None:
        since_us = turn.now_us if run.engine is None else run.engine["since_us"]
        run.engine = {"since_us": since_us, "why": report.why, **report.remote}
        columns |= run.stand_still(turn.now_us if run.step else run.start_us)
        if report.stage not in run.stages:
            columns |= turn.record_stages(job, {report.stage: turn.now_us})
    if report.note != run.message_told:
        run.message_told = report.note
        columns["message"] = report.note or None
    turn.update(job, **columns)
    fields = {name: report.remote.get(name) for name in ("schedulerJobId", "remoteState", "remoteReason")}
    turn.event(job, "job.remote", **fields)


@of_run
def stage_reached(turn: Turn, job: Job, run: Run, report: StageReached) -> None:
    """Record a stage of a running job."""
    turn.update(job, **turn.record_stages(job, {report.stage: turn.now_us}))


@of_run
def leader_ended(turn: Turn, job: Job, run: Run, report: LeaderEnded) -> None:
    """Record the end of a program whose processes live on: the job ends with the last of them.

    A repeated report changes nothing.
    """
    reached = {Stage.LEFTOVERS.value: report.exit_us}
    stage = {} if Stage.LEFTOVERS in run.stages else turn.record_stages(job, reached)
    turn.update(job, process=dict(report.process), **stage)


@of_run
def progressed(turn: Turn, job: Job, run: Run, report: Progressed) -> None:
    """Record the progress of a running job. This never changes a status."""
    reported = {"counts": report.counts, "output": report.outputs, "input": report.inputs}
    result = {key: dict(value) for key, value in reported.items() if value is not None}
    given = {"progress": report.progress, "message": report.message, "result": result or None}
    turn.update(job, **{key: value for key, value in given.items() if value is not None})


@of_run
def step_ended(turn: Turn, job: Job, run: Run, report: StepEnded) -> None:
    """Begin a later step of the run under a new token, unless the job was asked to terminate."""
    if not run.spawned:
        _count_start(turn, job, run)
        turn.update(job, starts=run.starts)
    conclude_trial(turn, job, run)
    if run.stop_asked:
        end(turn, job, Status.TERMINATED, "terminated")
        return
    following = run.step + 1 if report.step is None else report.step
    assert following > run.step, f"job {job.id} was told to go back from step {run.step} to {following}"
    run.step = following
    if report.tables and run.claim is None:
        table_waits.claim(turn, job, run, report.tables, report.stage)
    else:
        dispatch.begin_step(turn, job, run)


@of_run
def tables_needed(turn: Turn, job: Job, run: Run, report: TablesNeeded) -> None:
    """Have the step start again once the run has its tables, unless the job was asked to terminate."""
    if run.stop_asked:
        end(turn, job, Status.TERMINATED if run.starts else Status.CANCELLED, "terminated")
    else:
        table_waits.claim(turn, job, run, report.tables, report.stage)


# -- the end of a run -------------------------------------------------------------------------------------


@of_run
def finished(turn: Turn, job: Job, run: Run, report: Finished) -> Status | None:
    """End the run with its outcome, unless the job was asked to terminate. Returns the final status."""
    if report.started and not run.spawned:
        _count_start(turn, job, run)
    conclude_trial(turn, job, run)
    values = {**report.values, "starts": run.starts}
    if report.stages:
        values |= turn.record_stages(job, report.stages)
    status, cause = report.status, "outcome"
    if run.stop_asked:
        status, cause = (Status.TERMINATED if run.starts else Status.CANCELLED), "terminated"
    elif status is Status.TERMINATED:
        turn.event(job, "job.terminateRequested", cause="engine", user=report.stopped_by)
        _stopped_elsewhere(turn, job, run, values)
        return job.status
    elif status is Status.ERROR:
        fail(turn, job, cause, report.failure, report.recovery, values)
        return job.status
    end(turn, job, status, cause, report.failure, **values)
    return status


def _stopped_elsewhere(turn: Turn, job: Job, run: Run, values: Mapping[str, Any]) -> None:
    """End a run that somebody stopped through its engine, as if it had been terminated here."""
    times = run.end_processing(turn.now_us)
    turn.move(job, Status.TERMINATING, "engine", desired_status=Status.TERMINATING, **times)
    end(turn, job, Status.TERMINATED if run.starts else Status.CANCELLED, "engine", **values)


def fail(
    turn: Turn,
    job: Job,
    cause: str,
    failure: FailureClass | None,
    terms: RecoveryTerms | None,
    values: Mapping[str, Any],
) -> None:
    """End a run that failed, or block the job if a recovery policy requires it."""
    run = job.run
    assert run is not None
    if terms is None or _is_stopped(job):
        end(turn, job, Status.ERROR, cause, failure, **values)
    elif (given_up := recovery.end_of_recovery(turn, job, run, terms)) is not None:
        ended = recovery.given_up(turn, run, terms, given_up, values)
        end(turn, job, Status.ERROR, "recovery", failure, **ended)
    else:
        columns = recovery.block(turn, run, terms, failure, values)
        requeue(turn, job, "recovery", **values, **columns)
        recovery.wait(turn, job, run)


def _is_stopped(job: Job) -> bool:
    """Whether a sibling's failure keeps the job from starting again."""
    return job.container is not None and job.container.tally.stopped


def requeue(turn: Turn, job: Job, cause: str, **values: Any) -> None:
    """Return a job to `created` at its old place in line, unless it is blocked: it starts from the beginning.

    After a sibling's `stop` no job may start any more: in that case the job is cancelled instead.
    """
    run = job.run
    assert run is not None
    if _is_stopped(job):
        _cancel_instead(turn, job, run)
        return
    times = _leave_run(turn, job)
    times |= dispatch.give_up_place(job, run)
    run.token = None
    run.spawned = run.survivors = False
    run.engine = None
    run.paused_us = 0
    run.stages = job.first_stages
    job.ready_us = turn.now_us
    values = {
        "message": None,
        "result": None,
        **values,
        **times,
        "start_token": None,
        "spawned": False,
        "paused_us": 0,
        "stage": "validated",
        "stages": job.first_stages,
        "progress": None,
        "ready_us": turn.now_us,
    }
    turn.move(job, Status.CREATED, cause, **values)
    if job.stands_in_line:
        dispatch.enter_line(turn, job)


def _cancel_instead(turn: Turn, job: Job, run: Run) -> None:
    times = run.end_processing(turn.now_us)
    turn.move(job, Status.TERMINATING, "stop", desired_status=Status.TERMINATING, **times)
    end(turn, job, Status.TERMINATED if run.starts else Status.CANCELLED, "container")


def end(
    turn: Turn, job: Job, status: Status, cause: str, failure: FailureClass | None = None, **values: Any
) -> None:
    """Make a job final and free what it held. `propagation` applies the consequences for other jobs."""
    dispatch.leave_line(turn, job)
    if job.has_started:
        values |= _leave_run(turn, job)
        values["start_token"] = None
    _close(turn, job, status, cause, failure, **values)


def _close(
    turn: Turn, job: Job, status: Status, cause: str, failure: FailureClass | None = None, **values: Any
) -> None:
    values |= turn.record_stages(job, {"done": turn.now_us})
    if job.block is not None:
        values |= recovery.leave(turn, job)
    if job.run is not None and not isinstance(job, Container):  # it may have a folder
        values["expires_us"] = turn.now_us + turn.state.retention_us
    if isinstance(job, Container) and job.result is not None and "result" in values:
        values["result"] = {**job.result, **values["result"]}
    turn.move(job, status, cause, **values)
    dependants = turn.state.discard(job, status)
    result, message = values.get("result"), values.get("message")
    turn.endings.append(Ending(job, status, cause, dependants, failure, result, message))


def _leave_run(turn: Turn, job: Job) -> dict[str, Any]:
    """Release lock and slot, and end the time in `processing`; returns the columns to save."""
    assert job.run is not None
    turn.state.vacate(job)
    turn.mark_gate(job)
    times = job.run.end_processing(turn.now_us) if job.status is Status.PROCESSING else {}
    return {**times, **table_waits.give_back(turn, job, job.run)}


def cancel_tree(turn: Turn, job: Job, cause: str, **values: Any) -> None:
    """Cancel a job that has not started, and everything below it."""
    end_unstarted(turn, job, cause, **values)
    if isinstance(job, Container):
        for child in list(job.children.values()):
            cancel_tree(turn, child, "container", message=f"Its container, job {job.id}, was cancelled.")


def end_unstarted(turn: Turn, job: Job, cause: str, **values: Any) -> None:
    """End a job that has not started: as `cancelled` if no run of it ever started, else as `terminated`."""
    if job.starts == 0:
        end(turn, job, Status.CANCELLED, cause, **values)
        return
    dispatch.leave_line(turn, job)
    turn.move(job, Status.TERMINATING, cause, desired_status=Status.TERMINATING)
    _close(turn, job, Status.TERMINATED, cause, **values)
