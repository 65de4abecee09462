"""The core's state: live jobs, gates, pools, and the indexes derived from them.

Only the functions of this package change it, within one step. Derived indexes (holders, lines, running jobs,
dependants, descendants) are rebuilt from the jobs at every start and compared with them in tests.
"""

from heapq import heappop, heappush

from lockside.documents.enums import Status
from locksided.core.demands import Demand, DemandKey
from locksided.core.errors import NotFound
from locksided.core.gates import Gate
from locksided.core.history import History
from locksided.core.jobs import HeldBy, Job
from locksided.core.lines import Line
from locksided.core.model import Needs
from locksided.core.pools import Pool, Trouble
from locksided.core.recoveries import Recoveries
from locksided.core.resources import Resource, ResourceKey
from locksided.core.table_locks import TableLocks

DAY_US = 86_400_000_000


class State:
    """The live jobs and their indexes. `ended` holds the jobs that became final in steps not yet saved.

    `gates` are those that live jobs name, by project and key. `descendants` has, by ancestor, the jobs that
    are not strong children; strong children are found through their containers. `delayed` are those of the
    former whose start time was given as a delay. Containers wait and run in `no_pool`, which has no limits
    and cannot be named. `next_serial` is given to the next claimed table. `demands` are those of the live
    jobs. `waiting_since` has the heads that lacked a resource while first in a pool; `reserved` those that
    did so for `reserve_us` (None: never reserve) at the last look, at `renewed_us`, with the pool whose slots
    are kept.
    """

    __slots__ = (
        "delayed",
        "demands",
        "dependants",
        "descendants",
        "draining",
        "ended",
        "gates",
        "history",
        "jobs",
        "max_requeues",
        "next_id",
        "next_serial",
        "no_pool",
        "pools",
        "recoveries",
        "renewed_us",
        "reserve_us",
        "reserved",
        "resources",
        "retention_us",
        "store_trouble",
        "tables",
        "timers",
        "waiting_since",
        "waits",
    )

    def __init__(self, next_id: int = 1, max_requeues: int = 3, retention_us: int = 30 * DAY_US) -> None:
        self.next_id = next_id
        self.next_serial = 1
        self.max_requeues = max_requeues
        self.retention_us = retention_us
        self.jobs: dict[int, Job] = {}
        self.gates: dict[str, dict[str, Gate]] = {}
        self.pools: dict[str, Pool] = {}
        self.no_pool = Pool("", None)
        self.resources: dict[ResourceKey, Resource] = {}
        self.demands: dict[DemandKey, Demand] = {}
        self.reserve_us: int | None = 600_000_000
        self.waiting_since: dict[Job, int] = {}
        self.reserved: dict[Job, Pool] = {}
        self.renewed_us = 0
        self.dependants: dict[int, dict[int, Job]] = {}
        self.descendants: dict[int, dict[int, Job]] = {}
        self.timers: list[tuple[int, int]] = []
        self.delayed: set[int] = set()
        self.ended: dict[int, Status] = {}
        self.tables = TableLocks()
        self.recoveries = Recoveries(self.jobs)
        self.waits: dict[int, list[tuple[frozenset[int], bool]]] = {}
        self.history = History()
        self.draining: HeldBy | None = None
        self.store_trouble: Trouble | None = None

    def job(self, job_id: int) -> Job:
        """Return the live job with that id. Raises NotFound if there is none (it may be final)."""
        job = self.jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no live job {job_id}.")
        return job

    def pool(self, pool_id: str, path: str = "$.pool") -> Pool:
        """Return the pool. NotFound names the existing pools, and the field at fault."""
        pool = self.pools.get(pool_id)
        if pool is None:
            raise NotFound(
                f"There is no pool '{pool_id}': take one of {', '.join(sorted(self.pools))}, "
                "or have an admin make it with pool.put.",
                path=path,
            )
        return pool

    def slots_by_pool(self) -> dict[str, int | None]:
        """Return the slots of each pool, None without limit."""
        return {pool.id: pool.slots for pool in self.pools.values()}

    def resource(self, project: str, resource_id: str, path: str = "$.needs") -> Resource:
        """Return a resource that jobs of the project may need: its own, or a shared one. Raises NotFound."""
        found = next((one for one in self.resources_of(project) if one.id == resource_id), None)
        if found is None:
            raise NotFound(
                f"There is no resource '{resource_id}': have an admin make it with resource.put.",
                path=f"{path}.{resource_id}",
            )
        return found

    def resources_of(self, project: str) -> list[Resource]:
        """Return the resources that jobs of a project may need."""
        return [one for one in self.resources.values() if one.is_shared or one.project == project]

    def demand_of(self, project: str, pools: tuple[str, ...], needs: Needs) -> Demand:
        """Return the demand for these pools and needs. Raises NotFound."""
        if not needs.resources:
            return self.demand(DemandKey(pools, needs.slots))
        amounts = sorted((self.resource(project, name).key, amount) for name, amount in needs.resources)
        return self.demand(DemandKey(pools, needs.slots, tuple(amounts)))

    def demand(self, key: DemandKey) -> Demand:
        """Return the demand with that key; it is created if no live job has it. Raises NotFound."""
        known = self.demands.get(key)
        if known is not None:
            return known
        pools = tuple(map(self.pool, key.pools))
        return Demand(key, pools, tuple((self.resources[one], amount) for one, amount in key.resources))

    @property
    def no_demand(self) -> Demand:
        """The demand of containers."""
        key = DemandKey((self.no_pool.id,))
        return self.demands.get(key) or Demand(key, (self.no_pool,))

    def gate(self, project: str, key: str) -> Gate:
        """Return the gate of a lock key; it is created on demand."""
        gates = self.gates.setdefault(project, {})
        gate = gates.get(key)
        if gate is None:
            gate = gates[key] = Gate(key)
        return gate

    def line_of(self, job: Job) -> Line:
        """Return the line that the job is in or must enter; a gate's line is created on demand."""
        return job.demand.open_line if job.gate is None else job.gate.line(job)

    def add(self, job: Job) -> None:
        """Add a job to the indexes. It is not in a line yet."""
        self.jobs[job.id] = job
        job.demand.members += 1
        self.demands[job.demand.key] = job.demand
        if job.gate is not None:
            job.gate.members += 1
        if job.container is not None:
            job.container.children[job.id] = job
        else:
            for ancestor_id in job.lineage:
                self.descendants.setdefault(ancestor_id, {})[job.id] = job
        self.index_dependencies(job)
        if job.start_at_us is not None:
            heappush(self.timers, (job.start_at_us, job.id))

    def index_dependencies(self, job: Job) -> None:
        """Register the job as a dependant of the jobs it waits for."""
        for other_id in job.pending or ():
            self.dependants.setdefault(other_id, {})[job.id] = job

    def occupy(self, job: Job) -> None:
        """Let a job that is processing or terminating hold its lock, its slots and its resources."""
        job.pool.admit(job)
        for resource, amount in job.demand.resources:
            resource.holders[job] = amount
        if job.gate is not None:
            job.gate.take(job)

    def vacate(self, job: Job) -> None:
        """Release everything the job holds; a blocked job may take its lock back at once."""
        job.pool.release(job)
        for resource, _ in job.demand.resources:
            del resource.holders[job]
        self.waits.pop(job.id, None)
        if job.gate is not None:
            job.gate.leave(job)

    def discard(self, job: Job, status: Status) -> list[Job]:
        """Remove a job that became final; returns the jobs that depended on it."""
        del self.jobs[job.id]
        job.pool.release(job)
        job.demand.members -= 1
        if not job.demand.members:
            del self.demands[job.demand.key]
        self.delayed.discard(job.id)
        self.ended[job.id] = status
        if job.container is not None:
            del job.container.children[job.id]
            job.container.delays.pop(job.id, None)
        else:
            self._leave_family(job)
        self.forget_dependencies(job)
        if job.gate is not None:
            job.gate.members -= 1
            if not job.gate.members and job.gate.lock_key is not None:
                self._forget_gate(job.project, job.gate.key)
        return list(self.dependants.pop(job.id, {}).values())

    def _leave_family(self, job: Job) -> None:
        for ancestor_id in job.lineage:
            family = self.descendants[ancestor_id]
            del family[job.id]
            if not family:
                del self.descendants[ancestor_id]

    def forget_dependencies(self, job: Job) -> None:
        """Remove the job from the dependants of the jobs it waits for."""
        for other_id in job.pending or ():
            others = self.dependants.get(other_id)
            if others is not None:
                del others[job.id]
                if not others:
                    del self.dependants[other_id]

    def _forget_gate(self, project: str, key: str) -> None:
        gates = self.gates[project]
        del gates[key]
        if not gates:
            del self.gates[project]

    def is_start_relative(self, job: Job) -> bool:
        """Whether its start time is relative to another moment: a delay, or a pause before an attempt."""
        return job.id in self.delayed or job.container is not None

    def due(self, now_us: int) -> list[Job]:
        """Return the jobs whose start time has come, and drop their timers."""
        jobs = []
        while self.timers and self.timers[0][0] <= now_us:
            at_us, job_id = heappop(self.timers)
            job = self.jobs.get(job_id)
            if job is not None and job.start_at_us == at_us:
                self.delayed.discard(job_id)
                jobs.append(job)
        return jobs

    def next_deadline_us(self) -> int | None:
        """Return when time alone changes something: a start, a trial, a reservation, a check, an expiry."""
        while self.timers:
            at_us, job_id = self.timers[0]
            job = self.jobs.get(job_id)
            if job is not None and job.start_at_us == at_us:
                break
            heappop(self.timers)
        moments = [self.timers[0][0]] if self.timers else []
        troubles = (pool.trouble for pool in self.pools.values() if pool.trouble is not None)
        moments += [trouble.retry_at_us for trouble in troubles if trouble.retry_at_us is not None]
        recovery_us = self.recoveries.next_us(is_draining=self.draining is not None)
        if recovery_us is not None:
            moments.append(recovery_us)
        if self.waiting_since:
            due = (since_us + (self.reserve_us or 0) for since_us in self.waiting_since.values())
            moments += [us for us in due if us > self.renewed_us]
        return min(moments, default=None)
