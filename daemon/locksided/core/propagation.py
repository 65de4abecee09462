"""The level-triggered end of every step: consequences are applied until none are left.

The end of a job is applied to its dependants and its container, and every job that may start is started. Only
marked jobs and lines are examined: jobs that keep waiting cost nothing.
"""

from locksided.core import container_lifecycle, dependencies, dispatch
from locksided.core.admission import is_admitted
from locksided.core.candidates import Walk, heads_in_order, next_to_start
from locksided.core.containers import Container
from locksided.core.jobs import Job, UnverifiedJob
from locksided.core.model import Program
from locksided.core.pools import Pool
from locksided.core.sorted_jobs import sort_key
from locksided.core.state import State
from locksided.core.turn import Turn


def renew(turn: Turn) -> None:
    """Drop jobs that are no longer heads, and grant the reservations that are due."""
    state = turn.state
    if not state.waiting_since:
        return
    state.waiting_since = {job: us for job, us in state.waiting_since.items() if _is_offered(job)}
    state.reserved = {}
    state.renewed_us = turn.now_us
    for job, since_us in sorted(state.waiting_since.items(), key=lambda one: (one[1], sort_key(one[0]))):
        pool = _pool_to_reserve(state, job)
        if pool is not None and since_us + (state.reserve_us or 0) <= turn.now_us:
            state.reserved[job] = pool


def note(turn: Turn, walk: Walk) -> None:
    """Note since when the first job of a pool lacks a resource."""
    state = turn.state
    if state.reserve_us is None or not walk.waiting:
        return
    firsts: dict[Pool, Job] = {}
    for job in heads_in_order(state):
        for pool in job.demand.pools:
            firsts.setdefault(pool, job)
    for job in walk.waiting:
        if any(firsts[pool] is job for pool in job.demand.pools):
            state.waiting_since.setdefault(job, turn.now_us)


def _is_offered(job: Job) -> bool:
    return job.line is not None and job.line.offered is job


def _pool_to_reserve(state: State, job: Job) -> Pool | None:
    """Return its first pool without a reservation; None if the job could not start with one either."""
    if not all(resource.could_have(amount) for resource, amount in job.demand.resources):
        return None
    taken = state.reserved.values()
    for pool in job.demand.pools:
        if pool not in taken and pool.is_open and pool.could_have(job.demand.slots):
            return pool
    return None


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
    """Return the first head that can start, and its pool."""
    state = turn.state
    renew(turn)
    if state.draining is not None or state.store_trouble is not None:
        return None
    found = next_to_start(state)
    if isinstance(found, Walk):
        note(turn, found)
        return None
    assert is_admitted(found[0]), f"job {found[0].id} was offered but may not start"
    return found
