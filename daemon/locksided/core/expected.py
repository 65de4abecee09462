"""The expected state, found by searching all jobs without the core's indexes, for comparison in `invariants`.

Nothing here is shared with `candidates`, which reaches the same decisions by other means.
"""

from dataclasses import dataclass, field

from lockside.documents.enums import JobType
from locksided.core.containers import Container
from locksided.core.gates import Gate
from locksided.core.jobs import Job
from locksided.core.model import Program, ReasonKind
from locksided.core.parallelism import ParallelGate
from locksided.core.resources import ResourceKey
from locksided.core.state import State
from locksided.core.transitions import NOT_STARTED, STARTED

R = ReasonKind
GateName = tuple[str | None, str | None]
LineName = tuple[str | None, str | None, object]


def started(state: State) -> list[Job]:
    """Return the jobs that are processing or terminating."""
    return [job for job in state.jobs.values() if job.status in STARTED]


def unstarted_above(job: Job) -> list[Container]:
    """Return the containers above the job that have not started, the nearest first."""
    found, above = [], job.container
    while above is not None:
        if above.status in NOT_STARTED:
            found.append(above)
        above = above.container
    return found


def is_in_line(job: Job) -> bool:
    """Return whether only its gate, pools, resources or the daemon as a whole keep the job from starting."""
    has_own_cause = job.start_at_us is not None or job.held is not None or job.pending or job.block
    is_settled = job.program.is_settled
    return job.status in NOT_STARTED and not has_own_cause and is_settled and not unstarted_above(job)


def lines(state: State) -> dict[LineName, list[Job]]:
    """Return the jobs that must be in each line, in order, by the names of the lines."""
    found: dict[LineName, list[Job]] = {}
    for job in in_order(state):
        found.setdefault(line_name(job), []).append(job)
    return found


def line_name(job: Job) -> LineName:
    """Return the project, key and pools; rows and jobs without a gate share a line with equal demands."""
    if job.gate is None:
        return (None, None, job.demand.key)
    name = gate_name(job.project, job.gate)
    return (*name, job.demand.key if isinstance(job.gate, ParallelGate) else job.demand.key.pools)


def gate_name(project: str, gate: Gate) -> GateName:
    """Return a name that is unique to the gate."""
    if isinstance(gate, ParallelGate):
        return "rows", str(gate.container.id)
    return project, gate.key


def in_order(state: State) -> list[Job]:
    """Return all jobs that must be in a line, in the order in which they may start."""
    standing = [job for job in state.jobs.values() if is_in_line(job)]
    return sorted(standing, key=lambda job: (job not in state.reserved, -job.priority, job.order))


@dataclass
class Load:
    """How many jobs are ahead of each job in its line, who holds what, and what each job in a line lacks."""

    state: State
    ahead: dict[int, int] = field(default_factory=dict)
    shares: dict[GateName, list[int]] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    held: dict[ResourceKey, int] = field(default_factory=dict)
    full: dict[int, set[str]] = field(default_factory=dict)
    short: dict[int, set[ResourceKey]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for line in lines(self.state).values():
            self.ahead |= {job.id: number for number, job in enumerate(line)}
        for job in self.state.jobs.values():
            if job.status in STARTED or job.program is Program.CHECKING:
                self.slots[job.pool.id] = self.slots.get(job.pool.id, 0) + job.demand.key.slots
            if job.status in STARTED:
                for key, amount in job.demand.key.resources:
                    self.held[key] = self.held.get(key, 0) + amount
            if job.gate is not None and (job.status in STARTED or job.keeps_lock):
                self.shares.setdefault(gate_name(job.project, job.gate), []).append(job.lock_share)
        self._walk()

    def blocked_by_gate(self, job: Job) -> ReasonKind | None:
        """Return the reason that the gate of a job in a line gives, if any."""
        if job.gate is None:
            return None
        shares = self.shares.get(gate_name(job.project, job.gate), [])
        if isinstance(job.gate, ParallelGate):
            return R.PARALLELISM if len(shares) + self.ahead[job.id] >= job.gate.limit else None
        is_admitted = not shares or (all(shares) and len(shares) < job.lock_share)
        return R.CONFIG_LOCK if self.ahead[job.id] or not is_admitted else None

    def _walk(self) -> None:
        """Examine all jobs in lines, in order; each head withholds what it needs from those behind it."""
        kept: dict[str, int] = {}
        closed: set[str] = set()
        claimed: set[ResourceKey] = set()
        for job in in_order(self.state):
            _, slots, resources = job.demand.key
            self.full[job.id] = {
                pool.id
                for pool in job.demand.pools
                if pool.id in closed or not self._fits(pool.id, slots + kept.get(pool.id, 0))
            }
            self.short[job.id] = {
                key for key, amount in resources if key in claimed or not self._is_free(key, amount)
            }
            is_head = job.gate is None or (self.ahead[job.id] == 0 and self.blocked_by_gate(job) is None)
            if job in self.state.reserved:
                where = self.state.reserved[job].id
                kept[where] = kept.get(where, 0) + slots
                claimed |= {key for key, _ in resources}
            elif is_head and not self.short[job.id] and not self.usable(job) - self.full[job.id]:
                closed |= {one for one in self.usable(job) if self._is_within_slots(one, slots)}
            elif is_head and self.short[job.id] and self.usable(job) - self.full[job.id]:
                amounts = dict(resources)
                claimed |= {key for key in self.short[job.id] if self._is_within_capacity(key, amounts[key])}

    def usable(self, job: Job) -> set[str]:
        """Return the ids of the job's pools that are neither paused nor in trouble."""
        return {pool.id for pool in job.demand.pools if not pool_reasons(self.state, pool.id)}

    def _fits(self, pool: str, slots: int) -> bool:
        return self._is_within_slots(pool, self.slots.get(pool, 0) + slots)

    def _is_within_slots(self, pool: str, slots: int) -> bool:
        limit = self.state.pools[pool].slots if pool else None
        return limit is None or slots <= max(limit, 1)

    def _is_free(self, key: ResourceKey, amount: int) -> bool:
        return self._is_within_capacity(key, self.held.get(key, 0) + amount)

    def _is_within_capacity(self, key: ResourceKey, amount: int) -> bool:
        capacity = self.state.resources[key].capacity
        return capacity is None or amount <= capacity


def pool_reasons(state: State, pool_id: str) -> set[ReasonKind]:
    """Return why a pool starts nothing, regardless of free slots."""
    if not pool_id:
        return set()
    pool = state.pools[pool_id]
    holds = {
        R.POOL_PAUSED: pool.paused_by is not None or pool.slots == 0,
        R.NO_EXECUTOR: pool.is_troubled,
    }
    return {kind for kind, does_hold in holds.items() if does_hold}


def reasons(state: State, job: Job, load: Load) -> set[ReasonKind]:
    """Return the kinds of all reasons that a job that has not started must have."""
    holds = {
        R.PHASE if job.type is JobType.PHASE else R.DEPENDENCY: bool(job.pending),
        R.START_TIME: job.start_at_us is not None,
        R.HELD: job.held is not None,
        R.RECOVERY: job.block is not None,
        R.RESOURCE: bool(load.short.get(job.id)),
        R.DRAINING: state.draining is not None,
        R.STORE_UNAVAILABLE: state.store_trouble is not None,
    }
    found = {kind for kind, does_hold in holds.items() if does_hold}
    of_pools = []
    for pool in job.demand.pools:
        is_full = pool.id in load.full.get(job.id, ())
        of_pools.append(pool_reasons(state, pool.id) | ({R.POOL_FULL} if is_full else set()))
    if all(of_pools):
        found = found.union(*of_pools)
    if not job.program.is_settled:
        found.add(R.NO_EXECUTOR)
    by_gate = load.blocked_by_gate(job) if is_in_line(job) else None
    return found if by_gate is None else found | {by_gate}
