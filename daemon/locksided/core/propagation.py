"""The level-triggered end of every step: consequences are applied until there are none left.

Dependants and containers follow the jobs that ended, and every job that may start does. Only what the step
marked is examined: the cost depends on what it starts, ends or unblocks, never on the jobs that keep waiting.
"""

from locksided.core import container_lifecycle, dependencies, dispatch, reservations
from locksided.core.admission import is_admitted
from locksided.core.candidates import Walk, next_to_start
from locksided.core.containers import Container
from locksided.core.jobs import Job, UnverifiedJob
from locksided.core.model import Program
from locksided.core.pools import Pool
from locksided.core.turn import Turn


def propagate(turn: Turn) -> None:
    """Apply all consequences, start every job that has no blocker, and bring statuses up to date."""
    propagate_endings(turn)
    while (found := _next_startable(turn)) is not None:
        job, pool = found
        if isinstance(job, Container):
            container_lifecycle.start(turn, job)
        elif isinstance(job, UnverifiedJob) and job.program is Program.UNVERIFIED:
            dispatch.check_program(turn, job, pool)
        else:
            dispatch.start_run(turn, job, pool)
        propagate_endings(turn)
    for job in turn.dirty_jobs:
        if turn.state.jobs.get(job.id) is job and not job.has_started:
            dispatch.update_status(turn, job)


def propagate_endings(turn: Turn) -> None:
    """Apply every end to dependants and containers, transitively; then re-examine the lines.

    A container is concluded only after all pending ends of its children have been counted.
    """
    to_conclude: dict[Container, None] = {}
    while turn.endings or to_conclude:
        while turn.endings:
            ending = turn.endings.popleft()
            for dependant in ending.dependants:
                dependencies.resolve_dependency(turn, dependant, ending)
            container_lifecycle.child_ended(turn, ending)
            if ending.job.container is not None:
                to_conclude[ending.job.container] = None
        if to_conclude:
            container_lifecycle.conclude(turn, to_conclude.popitem()[0])
    dispatch.refresh_dirty_lines(turn)


def _next_startable(turn: Turn) -> tuple[Job, Pool] | None:
    """The first head that can start, and its pool."""
    state = turn.state
    reservations.renew(turn)
    if state.draining is not None or state.store_trouble is not None:
        return None
    found = next_to_start(state)
    if isinstance(found, Walk):
        reservations.note(turn, found)
        return None
    assert is_admitted(found[0]), f"job {found[0].id} was offered but may not start"
    return found
