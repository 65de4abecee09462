"""What is always true between two steps, recomputed from the jobs alone and compared with the core's indexes.

The indexes are not used to find the answers: holders, lines and reasons are searched among all jobs. The cost
is that of many steps: a live daemon does it on request, and after every step only when debugging.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lockside.documents.enums import JobType, Status
from locksided.core.admission import blockers
from locksided.core.containers import Container
from locksided.core.gates import Gate
from locksided.core.invariants_of_runs import check_deadline, check_recovery, check_tables
from locksided.core.jobs import Job
from locksided.core.lines import Line
from locksided.core.model import BY_OTHER_JOBS, Program, ReasonKind
from locksided.core.parallelism import ParallelGate
from locksided.core.pools import Pool
from locksided.core.state import State
from locksided.core.transitions import NOT_STARTED, STARTED

R = ReasonKind
GateName = tuple[str | None, str | None]
LineName = tuple[str | None, str | None, str]


class Invariant(StrEnum):
    """What a violation is about."""

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


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and in one sentence where."""

    invariant: Invariant
    message: str


class InvariantBroken(AssertionError):
    """The state contradicts itself: a fault of the core. The message has every violation."""

    def __init__(self, found: list[Violation]) -> None:
        super().__init__("; ".join(f"{one.invariant}: {one.message}" for one in found))
        self.violations = found


def check(state: State) -> None:
    """Raise InvariantBroken when anything about the state is not as it must be."""
    found = violations(state)
    if found:
        raise InvariantBroken(found)


def violations(state: State, kinds: Iterable[Invariant] = Invariant) -> list[Violation]:
    """Everything about the state that is not as it must be. The cost grows with the number of live jobs."""
    return [Violation(kind, message) for kind in kinds for message in _messages(CHECKS[kind], state)]


def _messages(check: "Check", state: State) -> Iterator[str]:
    """What a check finds; a state may be so wrong that a check itself fails on it."""
    try:
        yield from check(state)
    except (AssertionError, LookupError, AttributeError) as fault:
        yield f"the check failed: {fault!r}"


# -- what is found by searching all jobs ------------------------------------------------------------------


def gates(state: State) -> dict[tuple[str, str], Gate]:
    """All gates of lock keys, by project and key."""
    return {(project, key): gate for project, keys in state.gates.items() for key, gate in keys.items()}


def _pools(state: State) -> list[Pool]:
    return [*state.pools.values(), state.no_pool]


def _started(state: State) -> list[Job]:
    return [job for job in state.jobs.values() if job.status in STARTED]


def _unstarted_above(job: Job) -> list[Container]:
    """The containers above it that have not started, the nearest first."""
    found, above = [], job.container
    while above is not None:
        if above.status in NOT_STARTED:
            found.append(above)
        above = above.container
    return found


def _is_in_line(job: Job) -> bool:
    has_own_cause = job.start_at_us is not None or job.held is not None or job.pending or job.block
    is_settled = job.program.is_settled
    return job.status in NOT_STARTED and not has_own_cause and is_settled and not _unstarted_above(job)


def _lines(state: State) -> dict[LineName, list[Job]]:
    """Who has to stand where, in order: by project and key (None for jobs without a gate) and pool."""
    found: dict[LineName, list[Job]] = {}
    standing = [job for job in state.jobs.values() if _is_in_line(job)]
    for job in sorted(standing, key=lambda job: (-job.priority, job.order)):
        found.setdefault((*_gate_name(job.project, job.gate), job.pool.id), []).append(job)
    return found


def _gate_name(project: str, gate: Gate | None) -> GateName:
    if isinstance(gate, ParallelGate):
        return "rows", str(gate.container.id)
    return (project, gate.key) if gate is not None else (None, None)


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
    strangers = set(state.waits) - {job.id for job in _started(state)}
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
            yield (*_gate_name(project, gate), line.pool.id), line


def _check_lines(state: State) -> Iterator[str]:
    of_gates = list(_lines_of_gates(state))
    kept: dict[LineName, Line] = dict(of_gates)
    if len(of_gates) != len(kept):
        yield "a gate has two lines for one pool"
    yield from (f"the empty line {name} is kept" for name, line in kept.items() if not line.jobs())
    kept |= {(None, None, pool.id): pool.open_line for pool in _pools(state)}
    expected = _lines(state)
    for name in kept.keys() | expected.keys():
        found = kept[name].jobs() if name in kept else []
        if found != expected.get(name, []):
            ids = [[job.id for job in jobs] for jobs in (expected.get(name, []), found)]
            yield f"in the line {name} must stand jobs {ids[0]}, and there stand {ids[1]}"
    for line in kept.values():
        if line.head is not next(iter(line.jobs()), None) or any(job.line is not line for job in line.jobs()):
            yield f"a line of pool {line.pool.id} and its jobs contradict each other"
    standing = {job.id for line in kept.values() for job in line.jobs()}
    strays = [job.id for job in state.jobs.values() if job.line is not None and job.id not in standing]
    if strays:
        yield f"jobs {strays} stand in lines that are gone"


def _check_pools(state: State) -> Iterator[str]:
    running: dict[str, set[int]] = {}
    for job in _started(state):
        running.setdefault(job.pool.id, set()).add(job.id)
    for pool in _pools(state):
        if state.pools.get(pool.id, state.no_pool) is not pool:
            yield f"pool {pool.id} is filed under another name"
        if set(pool.running) != running.get(pool.id, set()):
            yield (
                f"the slots of pool {pool.id} are taken by jobs {sorted(running.get(pool.id, ()))}, "
                f"the pool says {sorted(pool.running)}"
            )


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
    """What blocks a job is right and gives its status; a job that has not started is blocked by something."""
    load = _Load(state)
    for job in state.jobs.values():
        if job.status in STARTED:
            continue
        found, expected = list(blockers(state, job)), _expected(state, job, load)
        above = _unstarted_above(job)
        if set(found) != expected or len(found) != len(expected):
            yield f"job {job.id} gives the reasons {_words(found)} instead of {_words(expected)}"
        if not found and not above:
            yield f"job {job.id} could start and did not"
        if (job.status is Status.WAITING) != (bool(above) or not expected.isdisjoint(BY_OTHER_JOBS)):
            yield f"job {job.id} is {job.status} with the reasons {_words(found)}"


def _words(kinds: Iterable[ReasonKind]) -> str:
    return ", ".join(sorted(kinds)) or "none"


class _Load:
    """Who stands before whom, and who runs in which pool and under which gate."""

    def __init__(self, state: State) -> None:
        self.ahead = {job.id: number for line in _lines(state).values() for number, job in enumerate(line)}
        self.slots: dict[str, int] = {}
        self.shares: dict[GateName, list[int]] = {}
        for job in state.jobs.values():
            if job.status in STARTED or job.program is Program.CHECKING:
                self.slots[job.pool.id] = self.slots.get(job.pool.id, 0) + 1
            if job.gate is not None and (job.status in STARTED or job.keeps_lock):
                self.shares.setdefault(_gate_name(job.project, job.gate), []).append(job.lock_share)

    def blocked_by_gate(self, job: Job) -> ReasonKind | None:
        """Which reason the gate of a job in line gives, if any."""
        shares = self.shares.get(_gate_name(job.project, job.gate), [])
        if isinstance(job.gate, ParallelGate):
            return R.PARALLELISM if len(shares) + self.ahead[job.id] >= job.gate.limit else None
        is_admitted = not shares or (all(shares) and len(shares) < job.lock_share)
        return R.CONFIG_LOCK if self.ahead[job.id] or not is_admitted else None


def _expected(state: State, job: Job, load: _Load) -> set[ReasonKind]:
    pool, is_checking = job.pool, not job.program.is_settled
    holds = {
        R.PHASE if job.type is JobType.PHASE else R.DEPENDENCY: bool(job.pending),
        R.START_TIME: job.start_at_us is not None,
        R.HELD: job.held is not None,
        R.RECOVERY: job.block is not None,
        R.POOL_PAUSED: pool.paused_by is not None or pool.slots == 0,
        R.NO_EXECUTOR: pool.is_troubled or is_checking,
        R.DRAINING: state.draining is not None,
        R.STORE_UNAVAILABLE: state.store_trouble is not None,
    }
    if _is_in_line(job):
        by_gate = load.blocked_by_gate(job) if job.gate is not None else None
        if by_gate is not None:
            holds[by_gate] = True
        holds[R.POOL_FULL] = pool.slots is not None and load.slots.get(pool.id, 0) >= max(pool.slots, 1)
    return {kind for kind, does_hold in holds.items() if does_hold}


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
}
