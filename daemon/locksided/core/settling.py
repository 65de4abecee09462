"""The level-triggered end of every step: what follows from it is done until nothing more does.

Who depended on a job that ended follows it, so does the container of a child; who may start now, starts now.
It looks at what the step touched and at nothing else, so its cost grows with what the step starts, ends or
sets free, never with those that go on waiting.
"""

from locksided.core import containers, dispatch, lifecycle
from locksided.core.admission import may_start
from locksided.core.families import Container
from locksided.core.jobs import DoubtedJob, Job
from locksided.core.model import Program
from locksided.core.ranked import rank
from locksided.core.turn import Turn


def settle(turn: Turn) -> None:
    """Let everything follow, start every job that nothing keeps back, and bring statuses up to date."""
    follow(turn)
    while (job := _next_startable(turn)) is not None:
        if isinstance(job, Container):
            containers.start(turn, job)
        elif isinstance(job, DoubtedJob) and job.program is Program.DOUBTED:
            dispatch.seek_program(turn, job)
        else:
            dispatch.start_run(turn, job)
        follow(turn)
    for job in turn.uncertain:
        if turn.state.jobs.get(job.id) is job and not job.has_started:
            dispatch.restate(turn, job)


def follow(turn: Turn) -> None:
    """Tell whom it concerns of every job that ended, and so on; then look at the lines again.

    A container ends only when every end of a child has been counted.
    """
    to_conclude: dict[Container, None] = {}
    while turn.endings or to_conclude:
        while turn.endings:
            ending = turn.endings.popleft()
            for dependant in ending.dependants:
                lifecycle.tell_dependant(turn, dependant, ending)
            containers.child_ended(turn, ending)
            if ending.job.container is not None:
                to_conclude[ending.job.container] = None
        if to_conclude:
            containers.conclude(turn, to_conclude.popitem()[0])
    dispatch.refresh_touched(turn)


def _next_startable(turn: Turn) -> Job | None:
    """The first admitted head of all pools with room. One order over all pools decides who takes a gate."""
    state = turn.state
    if state.draining is not None or state.store_trouble is not None:
        return None
    best = state.no_pool.heads.first
    for pool in state.pools.values():
        if pool.has_room:
            job = pool.heads.first
            if job is not None and (best is None or rank(job) < rank(best)):
                best = job
    assert best is None or may_start(state, best), f"job {best and best.id} was offered but may not start"
    return best
