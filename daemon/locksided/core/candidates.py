"""Who starts next: of all heads the first in the order whose pool and resources have room.

The heads are looked at in the order. Who lacks only slots keeps back all behind it in its pools. Who lacks a
resource keeps back nobody there, so that its pools do not stand idle; if one of them has room for it, it
waits at that resource, and nobody behind it is given of that. A job with a reservation comes before all
others and keeps back all that it needs. All of this follows from the state as it is.
"""

from collections.abc import Iterable, Iterator

from locksided.core.demands import Demand
from locksided.core.jobs import Job
from locksided.core.pools import Pool
from locksided.core.resources import Resource
from locksided.core.sorted_jobs import sort_key
from locksided.core.state import State


class Walk:
    """What those that were looked at keep back: slots, whole pools, resources.

    `waiting` are those who lack a resource.
    """

    __slots__ = ("_claimed", "_closed", "_kept", "_reserved", "waiting")

    def __init__(self, state: State) -> None:
        self._reserved = state.reserved
        self._kept: dict[Pool, int] = {}
        self._closed: set[Pool] = set()
        self._claimed: set[Resource] = set()
        self.waiting: list[Job] = []

    def has_slots(self, pool: Pool, job: Job) -> bool:
        """Whether the slots that it takes are free in that pool, and nobody before it needs them."""
        return pool not in self._closed and pool.has_free(job.demand.slots + self._kept.get(pool, 0))

    def pool_for(self, job: Job) -> Pool | None:
        """The first of its pools in which it could start."""
        for pool in job.demand.pools:
            if pool.is_open and self.has_slots(pool, job):
                return pool
        return None

    def short(self, job: Job) -> list[tuple[Resource, int]]:
        """The resources of which it cannot have the amount that it needs."""
        return [
            (resource, amount)
            for resource, amount in job.demand.resources
            if resource in self._claimed or not resource.has(amount)
        ]

    def pass_by(self, job: Job, pool: Pool | None) -> None:
        """Note what it keeps back from all behind it. What it could never have it keeps back from nobody."""
        if job in self._reserved:
            reserved = self._reserved[job]
            self._kept[reserved] = self._kept.get(reserved, 0) + job.demand.slots
            self._claimed.update(resource for resource, _ in job.demand.resources)
            return
        short = self.short(job)
        if short:
            self.waiting.append(job)
            if pool is not None:
                self._claimed.update(resource for resource, amount in short if resource.could_have(amount))
        elif pool is None and job.demand.slots > 1:  # where not even one is free nobody passes anyway
            self._close(job.demand)

    def _close(self, demand: Demand) -> None:
        self._closed.update(pool for pool in demand.pools if pool.is_open and pool.could_have(demand.slots))


def heads_in_order(state: State) -> list[Job]:
    """The heads that have to be looked at: those with a reservation, then the first of each demand."""
    return _in_order(state, _candidates(state))


def _in_order(state: State, jobs: Iterable[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: (job not in state.reserved, sort_key(job)))


def _candidates(state: State) -> Iterator[Job]:
    """The first of the heads of each demand, and those with a reservation."""
    yield from state.reserved
    for demand in state.demands.values():
        first = demand.heads.first
        if first is not None and first not in state.reserved:
            yield first


def next_to_start(state: State) -> tuple[Job, Pool] | Walk:
    """The job that starts now and its pool; when there is none what all that were looked at keep back."""
    walk = Walk(state)
    for job in heads_in_order(state):
        pool = walk.pool_for(job)
        if pool is not None and not walk.short(job):
            return job, pool
        walk.pass_by(job, pool)
    return walk


def before(state: State, job: Job) -> Walk:
    """What all that come before a job keep back from it."""
    walk = Walk(state)
    ahead = [one for one in _candidates(state) if one is not job and _comes_before(state, one, job)]
    for one in _in_order(state, ahead):
        walk.pass_by(one, walk.pool_for(one))
    return walk


def _comes_before(state: State, one: Job, job: Job) -> bool:
    if (one in state.reserved) != (job in state.reserved):
        return one in state.reserved
    return sort_key(one) < sort_key(job)
