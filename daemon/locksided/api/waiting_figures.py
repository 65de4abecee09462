"""What metrics tell of pools beside their counts: who has waited for longest, and what can be started."""

from collections import Counter
from typing import Final, TypeAlias

from locksided.core.explanation import explain
from locksided.core.scheduler import Scheduler

LOOKED_AT: Final = 1000
"""The oldest jobs of a pool that are explained: the others wait for the same reasons."""

Waiting: TypeAlias = dict[tuple[str, str], int]
"""Since when, in microseconds, by pool and kind of reason."""


def startable(core: Scheduler, *, is_up: bool) -> dict[str, bool]:
    """Of each pool whether processes can be started in it, when its executor `is_up`."""
    return {name: is_up and not pool.is_troubled for name, pool in sorted(core.state.pools.items())}


def engine_queues(core: Scheduler) -> Counter[tuple[str, str]]:
    """How many jobs wait for an engine to find a machine, by pool and what the engine calls it."""
    runs = ((job.pool.id, job.run.engine) for job in core.state.jobs.values() if job.run is not None)
    return Counter((pool, told.get("remoteState") or "queued") for pool, told in runs if told is not None)


def oldest_waiting(core: Scheduler) -> Waiting:
    """Of each pool and reason the time since when it has held that has held for longest."""
    state, seen, found = core.state, Counter[str](), Waiting()
    for job in state.jobs.values():
        pool = job.pool.id
        if job.has_started or seen[pool] == LOOKED_AT:
            continue
        seen[pool] += 1
        for reason in explain(state, job).reasons:
            key = pool, reason.kind.value
            found[key] = min(found.get(key, reason.since_us), reason.since_us)
    return found
