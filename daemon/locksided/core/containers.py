"""What containers do: they start without a slot, let their children go, and end with them.

Everything happens in the step of what causes it. When there is another attempt is said in `retries`.
"""

from heapq import heappush

from lockside.documents.enums import JobType, Status
from locksided.core import dispatch, lifecycle, retries
from locksided.core.families import Container
from locksided.core.jobs import Job, Run
from locksided.core.turn import Ending, Turn


def start(turn: Turn, container: Container) -> None:
    """Take the lock, and let the children stand in line; without children that live it ends at once."""
    dispatch.leave_line(turn, container)
    run = container.run = Run()
    run.start_us = turn.now_us
    run.stages = container.first_stages
    turn.move(container, Status.PROCESSING, "admitted", start_us=turn.now_us)
    turn.update(container, **turn.reach(container, {"running": turn.now_us}))
    dispatch.take_place(turn, container)
    for child in container.children.values():
        _let_go(turn, container, child)
    conclude(turn, container)


def _let_go(turn: Turn, container: Container, child: Job) -> None:
    """A child may stand in line now, unless something of its own keeps it back: its delay begins."""
    turn.uncertain[child] = None
    delay_us = container.delays.pop(child.id, None)
    if delay_us is not None:
        child.entered_us = turn.now_us
        child.start_at_us = turn.now_us + delay_us
        heappush(turn.state.timers, (child.start_at_us, child.id))
        turn.update(child, start_at_us=child.start_at_us, ready_us=turn.now_us)
    if child.stands_in_line:
        dispatch.enter_line(turn, child)


def child_ended(turn: Turn, ending: Ending) -> None:
    """A strong child is final: count it, and let siblings or another attempt follow."""
    container = ending.job.container
    if container is None or turn.state.jobs.get(container.id) is not container:
        return
    if container.type is JobType.RETRY:
        retries.attempt_ended(turn, container, ending)
        return
    tally = container.tally
    was_stopped = tally.stopped
    tally.add(ending.job.id, ending.status, ending.cause, ending.job.terms.on_error)
    if tally.stopped and not was_stopped:
        _cancel_siblings(turn, container, ending.job)


def _cancel_siblings(turn: Turn, container: Container, failed: Job) -> None:
    """Start nothing more of this container: what runs goes on to its end."""
    message = f"Job {failed.id} failed, and stops its siblings that have not started."
    for sibling in list(container.children.values()):
        if not sibling.has_started and sibling.id in container.children:
            lifecycle.cancel_tree(turn, sibling, "container", message=message)


def conclude(turn: Turn, container: Container) -> None:
    """End a container that has started, when all its children are final and counted."""
    if container.children or not container.has_started or container.id not in turn.state.jobs:
        return
    if container.status is Status.TERMINATING:
        end_terminated(turn, container)
        return
    tally = container.tally
    lifecycle.end(turn, container, tally.status(), "children", result=tally.result())


def end_terminated(turn: Turn, container: Container) -> None:
    """The end of one that was asked to terminate: `cancelled` when nothing below it ever started."""
    assert container.run is not None
    if container.run.starts:
        lifecycle.end(turn, container, Status.TERMINATED, "terminated", result={"message": "Terminated."})
        return
    message = "Terminated before any of its jobs started."
    lifecycle.end(turn, container, Status.CANCELLED, "terminated", result={"message": message})


def terminate(turn: Turn, container: Container) -> None:
    """It was asked to terminate: it takes nobody's end into account any more, and waits for its children."""
    assert container.run is not None
    times = container.run.end_processing(turn.now_us)
    container.run.stop_asked = True
    turn.move(container, Status.TERMINATING, "terminated", desired_status=Status.TERMINATING, **times)
