"""Terminate: cancel what has not started, stop what runs. What it would do is told by `forecast`."""

from locksided.core import lifecycle
from locksided.core.actions import StopRun
from locksided.core.inputs import Terminate
from locksided.core.jobs import Job
from locksided.core.model import Status
from locksided.core.turn import Turn


def family(turn: Turn, job: Job) -> list[Job]:
    """The job and its live descendants, deepest last."""
    below = turn.state.descendants.get(job.id, {})
    return [job, *sorted(below.values(), key=lambda one: (len(one.lineage), one.id))]


def terminate(turn: Turn, asked: Terminate) -> None:
    """Stop the job and everything below it, in one step; those that were asked before stay as they are.

    What has not started goes first, so that nothing below is set free by an end above it.
    """
    family_jobs = family(turn, turn.state.job(asked.job_id))
    jobs = [job for job in family_jobs if job.status is not Status.TERMINATING]
    for job in jobs:
        turn.event(job, "job.terminateRequested")
    for job in jobs:
        if not job.has_started and turn.state.jobs.get(job.id) is job:
            lifecycle.end_unstarted(turn, job, "terminated", desired_status=Status.TERMINATING)
    for job in jobs:
        if job.status is Status.PROCESSING:
            _stop(turn, job)


def _stop(turn: Turn, job: Job) -> None:
    run = job.run
    assert run is not None
    assert run.token is not None
    times = run.end_processing(turn.now_us)
    run.stop_asked = True
    turn.move(job, Status.TERMINATING, "terminated", desired_status=Status.TERMINATING, **times)
    turn.actions.append(StopRun(job.id, job.pool.id, run.token))
