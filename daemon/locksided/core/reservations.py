"""Reservations: a job that has lacked a resource for long is kept free what it needs, until it starts.

It must have been the first of one of its pools when that began. A pool has one reservation at most.
Two of different pools that need the same resource have an order, so one of them gets all that it needs.
"""

from locksided.core.candidates import Walk, heads_in_order
from locksided.core.jobs import Job
from locksided.core.pools import Pool
from locksided.core.sorted_jobs import sort_key
from locksided.core.state import State
from locksided.core.turn import Turn


def renew(turn: Turn) -> None:
    """Forget who is no head any more, and give reservations to those whose time has come."""
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
    """Note since when the first of a pool lacks a resource."""
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
    """The first of its pools that has no reservation; None when it could not start with one, either."""
    if not all(resource.could_have(amount) for resource, amount in job.demand.resources):
        return None
    taken = state.reserved.values()
    for pool in job.demand.pools:
        if pool not in taken and pool.is_open and pool.could_have(job.demand.slots):
            return pool
    return None
