"""Terminate: cancel what has not started, stop what runs. `preview` tells its effects in advance."""

from collections.abc import Iterator

from lockside.documents.enums import Status
from locksided.core import container_lifecycle, lifecycle
from locksided.core.actions import StopRun
from locksided.core.containers import Container
from locksided.core.inputs import Terminate
from locksided.core.jobs import Job
from locksided.core.state import State
from locksided.core.turn import Turn


def subtree(state: State, job: Job) -> list[Job]:
    """Return the job and its live descendants, strong and weak, deepest last."""
    below = [*strong_descendants(job)]
    for weak in state.descendants.get(job.id, {}).values():
        below += [weak, *strong_descendants(weak)]
    return [job, *sorted(below, key=lambda one: (len(one.lineage), one.id))]


def strong_descendants(job: Job) -> Iterator[Job]:
    """Yield the live jobs below a container, at any depth."""
    if isinstance(job, Container):
        for child in job.children.values():
            yield child
            yield from strong_descendants(child)


def terminate(turn: Turn, request: Terminate) -> None:
    """Stop the job and everything below it, in one step; jobs that were already asked to stop are left alone.

    Unstarted jobs are ended first, so that no end above them releases them.
    """
    job = turn.state.job(request.job_id)
    jobs = [one for one in subtree(turn.state, job) if one.status is not Status.TERMINATING]
    for one in jobs:
        if one is job or one.container is None or one.has_started:
            turn.event(one, "job.terminateRequested")
    for one in jobs:
        if isinstance(one, Container) and one.has_started:
            container_lifecycle.terminate(turn, one)
    for one in jobs:
        if not one.has_started and turn.state.jobs.get(one.id) is one:
            cause = "terminated" if one is job or one.container is None else "container"
            lifecycle.end_unstarted(turn, one, cause, desired_status=Status.TERMINATING)
    for one in jobs:
        if one.status is Status.PROCESSING:
            _stop(turn, one)


def _stop(turn: Turn, job: Job) -> None:
    run = job.run
    assert run is not None
    times = run.end_processing(turn.now_us)
    run.stop_asked = True
    turn.move(job, Status.TERMINATING, "terminated", desired_status=Status.TERMINATING, **times)
    if run.token is None:  # it waits for tables and has no process
        lifecycle.end(turn, job, Status.TERMINATED, "terminated")
    else:
        turn.actions.append(StopRun(job.id, job.pool.id, run.token))
