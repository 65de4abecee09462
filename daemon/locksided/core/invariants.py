"""Invariants that hold between steps, recomputed from the jobs alone and compared with the core's indexes.

Holders, lines and reasons are found by searching all jobs, without the indexes. One check costs as much as
many steps: a live daemon does it on request, and after every step only when debugging.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lockside.documents.enums import JobType, Status
from locksided.core import expected
from locksided.core.admission import blockers
from locksided.core.containers import Container
from locksided.core.demands import Demand
from locksided.core.expected import Load, gate_name, started, unstarted_above
from locksided.core.gates import Gate
from locksided.core.invariants_of_runs import check_deadline, check_recovery, check_tables
from locksided.core.jobs import Job
from locksided.core.lines import Line
from locksided.core.model import BY_OTHER_JOBS, MOST_PREEMPTIONS, ReasonKind
from locksided.core.pools import Pool
from locksided.core.resources import Resource
from locksided.core.sorted_jobs import sort_key
from locksided.core.state import State
from locksided.core.transitions import NOT_STARTED, STARTED

LineName = expected.LineName


class Invariant(StrEnum):
    """The subject of a violation."""

    JOBS = "jobs"
    LOCKS = "locks"
    LINES = "lines"
    POOLS = "pools"
    DEPENDENCIES = "dependencies"
    CONTAINERS = "containers"
    REASONS = "reasons"
    DEADLINE = "deadline"
    TABLES = "tables"
    RECOVERY = "recovery"
    DEMANDS = "demands"


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold; the message says where in one sentence."""

    invariant: Invariant
    message: str


class InvariantBroken(AssertionError):
    """The state is inconsistent: a fault of the core. The message has every violation."""

    def __init__(self, found: list[Violation]) -> None:
        super().__init__("; ".join(f"{one.invariant}: {one.message}" for one in found))
        self.violations = found


def check(state: State) -> None:
    """Raise InvariantBroken when the state violates an invariant."""
    found = violations(state)
    if found:
        raise InvariantBroken(found)


def violations(state: State, kinds: Iterable[Invariant] = Invariant) -> list[Violation]:
    """Return all violations of the given kinds. The cost grows with the number of live jobs."""
    return [Violation(kind, message) for kind in kinds for message in _messages(CHECKS[kind], state)]


def _messages(check: "Check", state: State) -> Iterator[str]:
    """Yield what a check finds; an exception in the check itself is a finding, too."""
    try:
        yield from check(state)
    except (AssertionError, LookupError, AttributeError) as fault:
        yield f"the check failed: {fault!r}"


def gates(state: State) -> dict[tuple[str, str], Gate]:
    """Return all gates of lock keys, by project and key."""
    return {(project, key): gate for project, keys in state.gates.items() for key, gate in keys.items()}


def _pools(state: State) -> list[Pool]:
    return [*state.pools.values(), state.no_pool]


# -- the checks -------------------------------------------------------------------------------------------


def _jobs(state: State) -> Iterator[str]:
    for job_id, job in state.jobs.items():
        if not job_id == job.id < state.next_id:
            yield f"job {job.id} is filed under {job_id}, and the next id is {state.next_id}"
        if job.status not in NOT_STARTED | STARTED:
            yield f"job {job_id} is {job.status} and still live"
        pool = state.pools.get(job.pool_id if isinstance(job, Container) else job.pool.id)
        if pool is None or job.pool is not (state.no_pool if isinstance(job, Container) else pool):
            yield f"job {job_id} is in a pool that is gone"
        yield from _started_job(job) if job.status in STARTED else _unstarted_job(job)
        run = job.run
        if run is not None:
            launches = 1 if isinstance(job, Container) else run.launches
            if not launches >= run.starts >= 0:
                yield f"job {job_id} was started {run.starts} times and told to start {launches} times"
            if run.lost_count > state.max_requeues:
                yield f"job {job_id} was requeued {run.lost_count} times, which is more than allowed"
            if run.preempted_count > MOST_PREEMPTIONS:
                yield f"job {job_id} was requeued after {run.preempted_count} preemptions"
    strangers = set(state.waits) - {job.id for job in started(state)}
    if strangers:
        yield f"jobs {sorted(strangers)} wait for others and have not started"


def _started_job(job: Job) -> Iterator[str]:
    if job.run is None:
        yield f"job {job.id} has started and has no run"
    elif bool(job.run.token or job.run.waits_for_tables) == isinstance(job, Container):
        yield f"job {job.id} has started and its token is {job.run.token}"
    elif job.run.stop_asked != (job.status is Status.TERMINATING):
        yield f"job {job.id} is {job.status} and was {'' if job.run.stop_asked else 'not '}asked to stop"
    if job.held is not None or job.pending or job.start_at_us is not None:
        yield f"job {job.id} has started and something still keeps it back"


def _unstarted_job(job: Job) -> Iterator[str]:
    if job.run is not None and job.run.token is not None:
        yield f"job {job.id} has not started and has the token {job.run.token}"
    if job.run is not None and job.run.paused_since_us is not None:
        yield f"job {job.id} has not started and is paused"
    if job.run is not None and job.run.claim is not None:
        yield f"job {job.id} claims tables too early"


def _locks(state: State) -> Iterator[str]:
    members: dict[tuple[str, str], int] = {}
    holders: dict[tuple[str, str], set[int]] = {}
    for job in state.jobs.values():
        if job.gate is not None and job.gate.lock_key is not None:
            key = (job.project, job.gate.key)
            if state.gates.get(key[0], {}).get(key[1]) is not job.gate:
                yield f"job {job.id} has a gate that was forgotten"
            members[key] = members.get(key, 0) + 1
            if job.status in STARTED or (job.block is not None and job.block.terms.hold_lock):
                holders.setdefault(key, set()).add(job.id)
    kept = gates(state)
    if kept.keys() != members.keys() or not all(state.gates.values()):
        yield f"gates are kept without live jobs, or missing: {sorted(kept.keys() ^ members.keys())}"
    for key, gate in kept.items():
        yield from _lock(gate, key, members.get(key, 0), holders.get(key, set()))


def _lock(gate: Gate, key: tuple[str, str], members: int, holders: set[int]) -> Iterator[str]:
    if (gate.key, gate.members) != (key[1], members):
        yield f"the gate of {key} is that of {gate.key} and counts {gate.members} jobs instead of {members}"
    found = [holder.id for holder in gate.holders]
    if len(found) != len(set(found)) or set(found) != holders:
        yield f"the lock {key} is held by jobs {sorted(holders)}, its gate says {found}"
    shares = [holder.lock_share for holder in gate.holders]
    if not all(shares) and len(found) > 1:
        yield f"the exclusive lock {key} has {len(found)} holders: {found}"
    if any(shares) and len(found) > max(shares):
        yield f"the lock {key} has more holders than may share it: {found}"


def _lines_of_gates(state: State) -> Iterator[tuple[LineName, Line]]:
    rows = [(job.project, job.rows) for job in state.jobs.values() if isinstance(job, Container) and job.rows]
    for project, gate in (*((project, gate) for (project, _), gate in gates(state).items()), *rows):
        for line in gate.lines:
            yield (*gate_name(project, gate), place_of(line)), line


def place_of(line: Line) -> object:
    """Return what the jobs of a line have in common, in a form that two states share."""
    if isinstance(line.place, Demand):
        return line.place.key
    assert isinstance(line.place, tuple)
    return tuple(pool.id for pool in line.place)


def _check_lines(state: State) -> Iterator[str]:
    of_gates = list(_lines_of_gates(state))
    kept: dict[LineName, Line] = dict(of_gates)
    if len(of_gates) != len(kept):
        yield "a gate has two lines for one pool"
    yield from (f"the empty line {name} is kept" for name, line in kept.items() if not line.jobs())
    kept |= {(None, None, demand.key): demand.open_line for demand in state.demands.values()}
    wanted = expected.lines(state)
    for name in kept.keys() | wanted.keys():
        found = kept[name].jobs() if name in kept else []
        if found != sorted(wanted.get(name, []), key=sort_key):
            ids = [[job.id for job in jobs] for jobs in (wanted.get(name, []), found)]
            yield f"in the line {name} must stand jobs {ids[0]}, and there stand {ids[1]}"
    for line in kept.values():
        if line.head is not next(iter(line.jobs()), None) or any(job.line is not line for job in line.jobs()):
            yield f"the line {place_of(line)} and its jobs contradict each other"
    standing = {job.id for line in kept.values() for job in line.jobs()}
    strays = [job.id for job in state.jobs.values() if job.line is not None and job.id not in standing]
    if strays:
        yield f"jobs {strays} stand in lines that are gone"


def _check_pools(state: State) -> Iterator[str]:
    running: dict[str, set[int]] = {}
    for job in started(state):
        running.setdefault(job.pool.id, set()).add(job.id)
    for pool in _pools(state):
        if state.pools.get(pool.id, state.no_pool) is not pool:
            yield f"pool {pool.id} is filed under another name"
        if set(pool.running) != running.get(pool.id, set()):
            yield (
                f"the slots of pool {pool.id} are taken by jobs {sorted(running.get(pool.id, ()))}, "
                f"the pool says {sorted(pool.running)}"
            )
        if set(pool.heavy) != {job.id for job in state.jobs.values() if _is_heavy_in(job, pool)}:
            yield f"pool {pool.id} does not know which of its jobs take several slots"


def _is_heavy_in(job: Job, pool: Pool) -> bool:
    return job.demand.slots > 1 and job.pool is pool and job.id in (*pool.running, *pool.checking)


def _demands(state: State) -> Iterator[str]:
    """Check demands, holders of resources, assigned units and reservations."""
    members: dict[object, int] = {}
    heads: dict[object, set[int]] = {}
    for job in state.jobs.values():
        members[job.demand.key] = members.get(job.demand.key, 0) + 1
        if state.demands.get(job.demand.key) is not job.demand:
            yield f"job {job.id} has a demand that was forgotten"
        if job.line is not None and job.line.offered is job:
            heads.setdefault(job.demand.key, set()).add(job.id)
    if members != {key: demand.members for key, demand in state.demands.items()}:
        yield "the jobs of the demands are counted wrongly"
    for key, demand in state.demands.items():
        if {job.id for job in demand.heads} != heads.get(key, set()):
            yield f"the heads of the demand {key} are not those that are offered"
    for job, pool in state.reserved.items():
        if pool not in job.demand.pools or state.jobs.get(job.id) is not job or job.has_started:
            yield f"job {job.id} has a reservation and does not wait for it"
    if len(set(state.reserved.values())) != len(state.reserved):
        yield "a pool has two reservations"
    for resource in state.resources.values():
        yield from _resource(state, resource)


def _resource(state: State, resource: Resource) -> Iterator[str]:
    needs = {job: dict(job.demand.key.resources).get(resource.key) for job in started(state)}
    if resource.holders != {job: amount for job, amount in needs.items() if amount}:
        yield f"resource {resource.id} is held by others than it says"
    units = [unit for job in resource.holders if job.run for unit in job.run.shares[resource.id].units]
    if len(units) != len(set(units)):
        yield f"two jobs have the same unit of resource {resource.id}"


def _dependencies(state: State) -> Iterator[str]:
    descendants: dict[int, set[int]] = {}
    dependants: dict[int, set[int]] = {}
    for job in state.jobs.values():
        for ancestor_id in job.lineage if job.container is None else ():
            descendants.setdefault(ancestor_id, set()).add(job.id)
        for other_id in job.pending or ():
            if other_id not in state.jobs:
                yield f"job {job.id} waits for job {other_id}, which is final"
            dependants.setdefault(other_id, set()).add(job.id)
    if {key: set(jobs) for key, jobs in state.descendants.items()} != descendants:
        yield "the index of descendants is wrong"
    if {key: set(jobs) for key, jobs in state.dependants.items()} != dependants:
        yield "the index of dependants is wrong"


def _containers(state: State) -> Iterator[str]:
    children: dict[int, list[int]] = {}
    for job in state.jobs.values():
        if job.container is not None:
            if state.jobs.get(job.container.id) is not job.container:
                yield f"job {job.id} has outlived its container"
            if job.lineage != (*job.container.lineage, job.container.id):
                yield f"job {job.id} has the lineage {job.lineage} in container {job.container.id}"
            children.setdefault(job.container.id, []).append(job.id)
            yield from _child(job, job.container)
    for container in state.jobs.values():
        if isinstance(container, Container):
            if list(container.children) != children.get(container.id, []):
                yield f"container {container.id} does not know its children"
            if container.has_started and not container.children:
                yield f"container {container.id} has no live child and did not end"
            yield from _rows(container)


def _child(job: Job, container: Container) -> Iterator[str]:
    if job.has_started and not container.has_started:
        yield f"job {job.id} started before its container"
    if container.status is Status.TERMINATING and job.status is not Status.TERMINATING:
        yield f"job {job.id} is {job.status} in a container that is terminating"
    if container.tally.stopped and not job.has_started:
        yield f"job {job.id} still waits after a sibling's failure stopped the container"
    if job.pending and job.type is JobType.PHASE and not set(job.pending) <= set(container.children):
        yield f"phase {job.id} waits for a job that is no sibling"


def _rows(container: Container) -> Iterator[str]:
    rows, children = container.rows, container.children.values()
    if rows is not None:
        running = {child.id for child in children if child.has_started}
        if {child.id for child in rows.holders} != running or any(
            child.gate is not rows for child in children
        ):
            yield f"the gate of container {container.id} does not know its rows"
        if len(running) > rows.limit:
            yield f"{len(running)} rows of container {container.id} run, at most {rows.limit} may"
    if not set(container.delays) <= set(() if container.has_started else container.children):
        yield f"container {container.id} keeps delays of jobs that have none"


def _reasons(state: State) -> Iterator[str]:
    """Check the blockers and statuses of jobs that have not started: each has at least one blocker."""
    load = Load(state)
    for job in state.jobs.values():
        if job.status in STARTED:
            continue
        found, wanted = list(blockers(state, job)), expected.reasons(state, job, load)
        above = unstarted_above(job)
        if set(found) != wanted or len(found) != len(wanted):
            yield f"job {job.id} gives the reasons {_words(found)} instead of {_words(wanted)}"
        if not found and not above:
            yield f"job {job.id} could start and did not"
        if (job.status is Status.WAITING) != (bool(above) or not wanted.isdisjoint(BY_OTHER_JOBS)):
            yield f"job {job.id} is {job.status} with the reasons {_words(found)}"


def _words(kinds: Iterable[ReasonKind]) -> str:
    return ", ".join(sorted(kinds)) or "none"


Check = Callable[[State], Iterator[str]]
CHECKS: Final[dict[Invariant, Check]] = {
    Invariant.JOBS: _jobs,
    Invariant.LOCKS: _locks,
    Invariant.LINES: _check_lines,
    Invariant.POOLS: _check_pools,
    Invariant.DEPENDENCIES: _dependencies,
    Invariant.CONTAINERS: _containers,
    Invariant.REASONS: _reasons,
    Invariant.DEADLINE: check_deadline,
    Invariant.TABLES: check_tables,
    Invariant.RECOVERY: check_recovery,
    Invariant.DEMANDS: _demands,
}
