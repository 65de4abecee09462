"""The life cycle of containers: they start without a slot, release their children, and end with the last.

Every change happens in the step of its cause. `retries` decides whether there is another attempt.
"""

from heapq import heappush

from lockside.documents.enums import JobType, Stage, Status
from locksided.core import dispatch, lifecycle, retries
from locksided.core.containers import Container, cause_of
from locksided.core.jobs import Job, Run
from locksided.core.turn import Ending, Turn


def start(turn: Turn, container: Container) -> None:
    """Take the lock and release the children; a container without live children ends at once."""
    dispatch.leave_line(turn, container)
    run = container.run = Run()
    run.start_us = turn.now_us
    run.stages = container.first_stages
    turn.move(container, Status.PROCESSING, "admitted", start_us=turn.now_us)
    if not _is_cut(container):
        turn.update(container, **turn.record_stages(container, {"running": turn.now_us}))
    if (stage := _stage_above(container)) is not None:
        above = container.container
        assert above is not None
        turn.update(above, **turn.record_stages(above, {stage: turn.now_us}))
    dispatch.take_place(turn, container)
    for child in container.children.values():
        _release_child(turn, container, child)
    conclude(turn, container)


_STAGES = {"splitter": Stage.PARTITIONING, "chunks": Stage.RUNNING, "assembler": Stage.MERGING}


def _is_cut(container: Container) -> bool:
    """Return whether the container is a job that is split into chunks: its phases set its stages."""
    first = next(iter(container.children.values()), None)
    is_phase = isinstance(first, Container) and first.type is JobType.PHASE
    return container.type is JobType.CONTAINER and is_phase


def _stage_above(phase: Container) -> Stage | None:
    """Return the stage that a job split into chunks reaches when this phase of it starts."""
    above = phase.container
    is_cut = above is not None and above.type is JobType.CONTAINER and phase.type is JobType.PHASE
    return _STAGES.get(phase.title or "") if is_cut else None


def _release_child(turn: Turn, container: Container, child: Job) -> None:
    """Let a child enter its line unless it has a blocker of its own. Its delay starts to count now."""
    turn.dirty_jobs[child] = None
    delay_us = container.delays.pop(child.id, None)
    if delay_us is not None:
        child.ready_us = turn.now_us
        child.start_at_us = turn.now_us + delay_us
        heappush(turn.state.timers, (child.start_at_us, child.id))
        turn.update(child, start_at_us=child.start_at_us, ready_us=turn.now_us)
    if child.stands_in_line:
        dispatch.enter_line(turn, child)


def child_ended(turn: Turn, ending: Ending) -> None:
    """Count a strong child that became final; cancel its siblings or create another attempt if required."""
    container = ending.job.container
    if container is None or turn.state.jobs.get(container.id) is not container:
        return
    if container.type is JobType.RETRY:
        retries.attempt_ended(turn, container, ending)
        return
    tally = container.tally
    was_stopped = tally.stopped
    cause = cause_of(ending.job.id, (ending.result or {}).get("error"), ending.message)
    tally.add(ending.job.id, ending.status, ending.cause, ending.job.terms.on_error, cause)
    if _stage_above(container) is Stage.RUNNING and container.container is not None:
        turn.update(container.container, progress=tally.total / (tally.total + len(container.children)))
    if tally.stopped and not was_stopped:
        _cancel_siblings(turn, container, ending.job)


def _cancel_siblings(turn: Turn, container: Container, failed: Job) -> None:
    """Cancel the children that have not started; running children continue to their end."""
    message = f"Job {failed.id} failed, and stops its siblings that have not started."
    for sibling in list(container.children.values()):
        if not sibling.has_started and sibling.id in container.children:
            lifecycle.cancel_tree(turn, sibling, "container", message=message)


def conclude(turn: Turn, container: Container) -> None:
    """End a container that has started, once all its children are final and counted."""
    if container.children or not container.has_started or container.id not in turn.state.jobs:
        return
    if container.status is Status.TERMINATING:
        end_terminated(turn, container)
        return
    tally = container.tally
    lifecycle.end(turn, container, tally.status(), "children", result=tally.result())


def end_terminated(turn: Turn, container: Container) -> None:
    """End a container that was terminated: `cancelled` when nothing below it ever started."""
    assert container.run is not None
    if container.run.starts:
        lifecycle.end(turn, container, Status.TERMINATED, "terminated", result={"message": "Terminated."})
        return
    message = "Terminated before any of its jobs started."
    lifecycle.end(turn, container, Status.CANCELLED, "terminated", result={"message": message})


def terminate(turn: Turn, container: Container) -> None:
    """Mark a container as terminating: it ends with its last child, however the children end."""
    assert container.run is not None
    times = container.run.end_processing(turn.now_us)
    container.run.stop_asked = True
    turn.move(container, Status.TERMINATING, "terminated", desired_status=Status.TERMINATING, **times)
