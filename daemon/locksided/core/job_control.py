"""Requests of callers on single jobs, except terminating: hold, release, pause, resume, reprioritise."""

from lockside.documents.enums import Status
from locksided.core import dispatch
from locksided.core.actions import PauseRun, ResumeRun
from locksided.core.containers import Container
from locksided.core.errors import Disabled, InvalidTransition
from locksided.core.inputs import Hold, Pause, Release, Reprioritise, Resume
from locksided.core.jobs import HeldBy, Job
from locksided.core.pools import PAUSE
from locksided.core.termination import strong_descendants
from locksided.core.transitions import NOT_STARTED, refuse_unless
from locksided.core.turn import Turn


def hold(turn: Turn, request: Hold) -> None:
    """Hold a job that has not started. Holding it twice changes nothing."""
    job = turn.state.job(request.job_id)
    refuse_unless(job.id, job.status, NOT_STARTED, "held")
    if job.held is not None:
        return
    dispatch.leave_line(turn, job)
    job.held = HeldBy(request.principal.user, turn.now_us)
    turn.update(job, held_by=job.held.by, held_us=turn.now_us)
    turn.event(job, "job.held")
    dispatch.update_status(turn, job)


def release(turn: Turn, request: Release) -> None:
    """Release a held job. Releasing one that is not held changes nothing."""
    job = turn.state.job(request.job_id)
    refuse_unless(job.id, job.status, NOT_STARTED, "released")
    if job.held is None:
        return
    job.held = None
    turn.update(job, held_by=None, held_us=None)
    turn.event(job, "job.released")
    dispatch.unblock(turn, job)


def reprioritise(turn: Turn, request: Reprioritise) -> None:
    """Move a job that has not started, or all unstarted jobs of a container, to the new place in line."""
    job = turn.state.job(request.job_id)
    jobs = [one for one in (job, *strong_descendants(job)) if not one.has_started]
    if not jobs:
        refuse_unless(job.id, job.status, NOT_STARTED, "given another priority")
    if job.has_started:
        jobs.append(job)  # a container: its future attempts get this priority
    for one in jobs:
        _give_priority(turn, one, request.priority)


def _give_priority(turn: Turn, job: Job, priority: int) -> None:
    if job.priority == priority:
        return
    dispatch.leave_line(turn, job)
    before, job.priority = job.priority, priority
    turn.update(job, priority=priority)
    turn.event(job, "job.reprioritised", **{"from": before, "to": priority})
    if not job.has_started and job.stands_in_line:
        dispatch.enter_line(turn, job)


def pause(turn: Turn, request: Pause) -> None:
    """Suspend a running job's processes; its time limit and duration stop, too.

    For a container all running jobs in it are paused. A step that is just being started is paused as soon as
    its process exists.
    """
    job = turn.state.job(request.job_id)
    refuse_unless(job.id, job.status, frozenset({Status.PROCESSING}), "paused")
    running = _processing(job, "paused")
    for one in running:
        _refuse_pause(one)
    for one in running:
        _pause(turn, one, request.principal.user)


def _refuse_pause(job: Job) -> None:
    """Raise Disabled for a job whose executor cannot suspend it."""
    if job.pool.lacks(PAUSE):
        raise Disabled(
            f"Job {job.id} runs in the pool '{job.pool.id}', whose executor {job.pool.executor} cannot "
            "pause a job: let it run, or terminate it.",
            path="$.id",
        )


def _processing(job: Job, action: str) -> list[Job]:
    """Return the job, or the running jobs of a container. Raises InvalidTransition if there are none."""
    if not isinstance(job, Container):
        return [job]
    running = [one for one in strong_descendants(job) if one.run and one.status is Status.PROCESSING]
    if not running:
        raise InvalidTransition(f"No job in container {job.id} runs: none can be {action}.")
    return running


def _pause(turn: Turn, job: Job, user: str) -> None:
    run = job.run
    assert run is not None
    if run.paused_by is not None:
        return
    run.paused_by = user
    if run.paused_since_us is None:
        run.paused_since_us = turn.now_us
    turn.update(job, paused_since_us=run.paused_since_us, paused_by=user)
    turn.event(job, "job.paused")
    if run.spawned and run.token is not None:
        turn.actions.append(PauseRun(job.id, job.pool.id, run.token))


def resume(turn: Turn, request: Resume) -> None:
    """Resume a paused job, or the paused jobs in a container."""
    job = turn.state.job(request.job_id)
    refuse_unless(job.id, job.status, frozenset({Status.PROCESSING}), "resumed")
    for one in _processing(job, "resumed"):
        _resume(turn, one)


def _resume(turn: Turn, job: Job) -> None:
    run = job.run
    assert run is not None
    if run.paused_by is None:
        return
    run.paused_by = None
    if not run.waits_for_tables and run.engine is None:
        run.end_pause(turn.now_us)
    turn.update(job, paused_since_us=run.paused_since_us, paused_by=None, paused_us=run.paused_us)
    turn.event(job, "job.resumed")
    if run.spawned and run.token is not None:
        turn.actions.append(ResumeRun(job.id, job.pool.id, run.token))
