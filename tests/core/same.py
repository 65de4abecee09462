"""Compares two states in everything that a daemon keeps over a restart."""

from typing import Any

from locksided.core import invariants
from locksided.core.containers import Container, Tally
from locksided.core.gates import Gate
from locksided.core.jobs import Job, Run
from locksided.core.pools import Pool
from locksided.core.state import State


def assert_same(rebuilt: State, live: State) -> None:
    """Raise AssertionError with the first difference. The trouble of a pool and waits are not kept."""
    assert rebuilt.next_id == live.next_id
    assert rebuilt.jobs.keys() == live.jobs.keys()
    for job_id, job in live.jobs.items():
        found, wanted = described(rebuilt.jobs[job_id]), described(job)
        differ = {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
        assert not differ, f"job {job_id} was loaded otherwise than it is: {differ}"
    assert gates(rebuilt) == gates(live)
    assert families(rebuilt.dependants) == families(live.dependants)
    assert families(rebuilt.descendants) == families(live.descendants)
    assert {pool_id: pool_values(pool) for pool_id, pool in rebuilt.pools.items()} == {
        pool_id: pool_values(pool) for pool_id, pool in live.pools.items()
    }
    assert pool_values(rebuilt.no_pool) == pool_values(live.no_pool)
    assert (rebuilt.draining is None) == (live.draining is None)
    if live.draining is not None and rebuilt.draining is not None:
        assert (rebuilt.draining.by, rebuilt.draining.since_us) == (live.draining.by, live.draining.since_us)
    assert start_times(rebuilt) == start_times(live)
    assert rebuilt.delayed == live.delayed
    assert demands(rebuilt) == demands(live)
    assert resources(rebuilt) == resources(live)
    assert rebuilt.next_serial == live.next_serial
    assert rebuilt.tables.claimants() == live.tables.claimants()
    assert conditions(rebuilt) == conditions(live)


def described(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "project": job.project,
        "owner": job.owner_uid,
        "pool": job.pool.id,
        "type": job.type,
        "status": job.status,
        "priority": job.priority,
        "order": job.order,
        "lock": (job.gate.key if job.gate is not None else None, job.lock_share),
        "lineage": job.lineage,
        "created": job.created_us,
        "entered": job.ready_us,
        "start_at": job.start_at_us,
        "held": (job.held.by, job.held.since_us) if job.held is not None else None,
        "pending": job.pending or {},
        "on_lost": job.terms.on_lost,
        "container": job.container.id if job.container is not None else None,
        "on_error": job.terms.on_error,
        "family": family_values(job) if isinstance(job, Container) else None,
        "run": run_values(job.run) if job.run is not None else None,
        "asks": job.demand.key,
    }


def family_values(container: Container) -> dict[str, Any]:
    tally = container.tally
    return {
        "children": list(container.children),
        "tally": {name: getattr(tally, name) for name in Tally.__slots__},
        "limit": container.limit,
        "running": {child.id for child in container.rows.holders} if container.rows else None,
        "lines": lines_of(container.rows) if container.rows else None,
        "delays": container.delays,
        "pool": container.pool_id,
        "title": container.title,
        "result": container.result,
        "policy": container.policy,
        "attempts": container.attempts,
        "about": container.about,
        "below": container.child_lineage,
    }


def lines_of(gate: Gate) -> dict[str, list[int]]:
    return {str(invariants.place_of(line)): [job.id for job in line.jobs()] for line in gate.lines}


def run_values(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in Run.__slots__ if name != "survivors"}


def pool_values(pool: Pool) -> tuple[Any, ...]:
    settings = (pool.slots, pool.executor, pool.description, pool.paused_by, pool.comment)
    since_us = pool.paused_us if pool.is_paused else None
    return (*settings, since_us, set(pool.running))


def demands(state: State) -> dict[Any, Any]:
    return {
        key: (demand.members, [job.id for job in demand.open_line.jobs()], [job.id for job in demand.heads])
        for key, demand in state.demands.items()
    }


def resources(state: State) -> dict[Any, Any]:
    return {
        key: (one.capacity, one.units, one.is_shared, {job.id: amount for job, amount in one.holders.items()})
        for key, one in state.resources.items()
    }


def gates(state: State) -> dict[tuple[str, str], Any]:
    return {
        key: (
            gate.members,
            {holder.id for holder in gate.holders},
            lines_of(gate),
        )
        for key, gate in invariants.gates(state).items()
    }


def families(index: dict[int, dict[int, Job]]) -> dict[int, set[int]]:
    return {job_id: set(jobs) for job_id, jobs in index.items()}


def start_times(state: State) -> list[tuple[int, int]]:
    return sorted((job.start_at_us, job.id) for job in state.jobs.values() if job.start_at_us is not None)


def conditions(state: State) -> dict[str, Any]:
    """Return the conditions without checks in progress, because those are made again."""
    return {
        condition.id: (condition.values(), set(condition.jobs))
        for condition in state.recoveries.conditions.values()
    }
