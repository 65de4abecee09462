"""Which job starts next: the first of all heads, in order, whose pool and resources have room.

The heads are examined in order. A head that lacks only slots blocks all jobs behind it in its pools. A head
that lacks a resource blocks no job in its pools, so they do not stand idle; if one of its pools has room, the
jobs behind it get none of that resource. A job with a reservation precedes all others and reserves everything
that it needs. All of this is computed from the current state.
"""

from collections.abc import Iterable, Iterator

from locksided.core.demands import Demand
from locksided.core.jobs import Job
from locksided.core.pools import Pool
from locksided.core.resources import Resource
from locksided.core.sorted_jobs import sort_key
from locksided.core.state import State


class Walk:
    """Slots, pools and resources that the examined heads withhold from the jobs behind them.

    `waiting` are the examined heads that lack a resource.
    """

    __slots__ = ("_claimed", "_closed", "_kept", "_reserved", "waiting")

    def __init__(self, state: State) -> None:
        self._reserved = state.reserved
        self._kept: dict[Pool, int] = {}
        self._closed: set[Pool] = set()
        self._claimed: set[Resource] = set()
        self.waiting: list[Job] = []

    def has_slots(self, pool: Pool, job: Job) -> bool:
        """Whether the pool has the job's slots free beside those withheld for earlier heads."""
        return pool not in self._closed and pool.has_free(job.demand.slots + self._kept.get(pool, 0))

    def pool_for(self, job: Job) -> Pool | None:
        """Return the first of the job's pools in which it could start."""
        for pool in job.demand.pools:
            if pool.is_open and self.has_slots(pool, job):
                return pool
        return None

    def short(self, job: Job) -> list[tuple[Resource, int]]:
        """Return the resources, with amounts, that the job needs and cannot have."""
        if not job.demand.resources:
            return []
        return [
            (resource, amount)
            for resource, amount in job.demand.resources
            if resource in self._claimed or not resource.has(amount)
        ]

    def pass_by(self, job: Job, pool: Pool | None) -> None:
        """Withhold what the job needs from all behind it, except what could never be available."""
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
        elif pool is None and job.demand.slots > 1:  # if not even one slot is free, no job can pass anyway
            self._close(job.demand)

    def _close(self, demand: Demand) -> None:
        self._closed.update(pool for pool in demand.pools if pool.is_open and pool.could_have(demand.slots))


def heads_in_order(state: State) -> list[Job]:
    """Return the heads to examine: those with a reservation, then the first of each demand."""
    return _in_order(state, _candidates(state))


def _in_order(state: State, jobs: Iterable[Job]) -> list[Job]:
    if not state.reserved:
        return sorted(jobs, key=sort_key)
    return sorted(jobs, key=lambda job: (job not in state.reserved, sort_key(job)))


def _candidates(state: State) -> Iterator[Job]:
    """Yield the jobs with a reservation and the first head of each demand."""
    yield from state.reserved
    for demand in state.demands.values():
        first = demand.heads.first
        if first is not None and first not in state.reserved:
            yield first


def next_to_start(state: State) -> tuple[Job, Pool] | Walk:
    """Return the job that starts now and its pool; if there is none, what the examined heads withhold."""
    walk = Walk(state)
    for job in heads_in_order(state):
        pool = walk.pool_for(job)
        if pool is not None and not walk.short(job):
            return job, pool
        walk.pass_by(job, pool)
    return walk


def before(state: State, job: Job) -> Walk:
    """Return what all heads that precede the job withhold from it."""
    walk = Walk(state)
    ahead = [one for one in _candidates(state) if one is not job and _comes_before(state, one, job)]
    for one in _in_order(state, ahead):
        walk.pass_by(one, walk.pool_for(one))
    return walk


def _comes_before(state: State, one: Job, job: Job) -> bool:
    if (one in state.reserved) != (job in state.reserved):
        return one in state.reserved
    return sort_key(one) < sort_key(job)
