"""Hypothesis compares pools, weights and resources with a model without lines and demands.

The model is a list of jobs. After every step it determines which jobs must run and where: it examines all
waiting jobs in order, again and again until no more job starts.
"""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.crowds import LONG
from core.world import World

SLOTS = {"a": 4, "b": 2, "c": 1}
LISTS = st.lists(st.sampled_from(list(SLOTS)), min_size=1, max_size=3, unique=True).map(tuple)
AMOUNTS = st.sampled_from([{}, {"api": 1}, {"api": 2}, {"gpu": 1}, {"gpu": 2}, {"api": 1, "gpu": 1}])
WEIGHTS = st.sampled_from([1, 1, 1, 2, 4])
RESERVE_SECONDS = 1.0


@dataclass(eq=False)
class Modelled:
    """A job in the model; `where` is the pool in which it runs."""

    id: int
    pools: tuple[str, ...]
    slots: int
    needs: dict[str, int]
    priority: int
    where: str | None = None
    waits_since: float | None = None

    @property
    def order(self) -> tuple[int, int]:
        return (-self.priority, self.id)


@dataclass
class Model:
    """The whole model, with the rules in the words of the specification."""

    slots: dict[str, int]
    capacity: dict[str, int]
    jobs: list[Modelled] = field(default_factory=list)
    seconds: float = 0.0

    def free(self, pool: str) -> int:
        return self.slots[pool] - sum(job.slots for job in self.jobs if job.where == pool)

    def left(self, resource: str) -> int:
        return self.capacity[resource] - sum(job.needs.get(resource, 0) for job in self.jobs if job.where)

    def settle(self) -> None:
        """Start every job that may start. Of jobs with equal requests only the first in the order counts."""
        for job in self.jobs:
            if any(other.order < job.order for other in self.alike(job)):
                job.waits_since = None
        while self._start_one():
            pass

    def alike(self, job: Modelled) -> list[Modelled]:
        """Return the waiting jobs with equal requests."""
        asks = (job.pools, job.slots, job.needs)
        return [one for one in self.jobs if one.where is None and (one.pools, one.slots, one.needs) == asks]

    def reservations(self) -> dict[str, Modelled]:
        """Return for each pool the job that has waited the longest, if it has waited long enough."""
        found: dict[str, Modelled] = {}
        late = [
            job
            for job in self.jobs
            if job.where is None
            and job.waits_since is not None
            and self.seconds >= job.waits_since + RESERVE_SECONDS
            and all(amount <= self.capacity[name] for name, amount in job.needs.items())
        ]
        for job in sorted(late, key=lambda job: (job.waits_since, job.order)):
            pools = [pool for pool in job.pools if pool not in found and job.slots <= self.slots[pool]]
            if pools:
                found[pools[0]] = job
        return found

    def _start_one(self) -> bool:
        reserved = self.reservations()
        waiting = [job for job in self.jobs if job.where is None]
        waits_as_first = []
        kept, closed, claimed, first = dict.fromkeys(self.slots, 0), set(), set(), {}
        for job in sorted(waiting, key=lambda job: (job not in reserved.values(), job.order)):
            for pool in job.pools:
                first.setdefault(pool, job)
            open_to_it = [
                pool for pool in job.pools if pool not in closed and self.free(pool) - kept[pool] >= job.slots
            ]
            short = {
                name for name, needed in job.needs.items() if name in claimed or self.left(name) < needed
            }
            if open_to_it and not short:
                job.where = open_to_it[0]
                return True
            if short and any(first[pool] is job for pool in job.pools):
                waits_as_first.append(job)
            if job in reserved.values():
                kept[next(pool for pool, one in reserved.items() if one is job)] += job.slots
                claimed |= set(job.needs)
            elif not short:
                closed |= {pool for pool in job.pools if job.slots <= self.slots[pool]}
            elif open_to_it:
                claimed |= {name for name in short if job.needs[name] <= self.capacity[name]}
        for job in waits_as_first:
            job.waits_since = self.seconds if job.waits_since is None else job.waits_since
        return False


class Pools(RuleBasedStateMachine):
    """The events that happen to the daemon's core and to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(**SLOTS)
        self.world.checking = False  # the model detects more, in less time
        self.world.reserve_after(RESERVE_SECONDS)
        self.world.resource("api", 2)
        self.world.resource("gpu", 0, "0", "1")
        self.model = Model(dict(SLOTS), {"api": 2, "gpu": 2})

    @rule(
        pools=LISTS,
        slots=st.sampled_from([1, 1, 1, 2, 4]),
        needs=AMOUNTS,
        priority=st.sampled_from([0, 0, 5]),
    )
    def submit(self, pools: tuple[str, ...], slots: int, needs: dict[str, int], priority: int) -> None:
        job = self.world.submit(pools=pools, slots=slots, needs=needs, priority=priority)
        self.model.jobs.append(Modelled(job, pools, slots, needs, priority))
        self.model.settle()

    @precondition(lambda self: self.world.running())
    @rule(data=st.data())
    def a_run_ends(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.world.running()))
        self.world.ends(job)
        self.model.jobs = [one for one in self.model.jobs if one.id != job]
        self.model.settle()

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        waiting = [job.id for job in self.model.jobs if job.where is None]
        if waiting:
            job = data.draw(st.sampled_from(waiting))
            self.world.terminate(job)
            self.model.jobs = [one for one in self.model.jobs if one.id != job]
            self.model.settle()

    @rule(pool=st.sampled_from(list(SLOTS)), slots=st.integers(1, 4))
    def change_slots(self, pool: str, slots: int) -> None:
        self.world.pool(pool, slots)
        self.model.slots[pool] = slots
        self.model.settle()

    @rule(capacity=st.integers(0, 3))
    def change_capacity(self, capacity: int) -> None:
        self.world.resource("api", capacity)
        self.model.capacity["api"] = capacity
        self.model.settle()

    @rule(seconds=st.sampled_from([1, 2]))
    def time_passes(self, seconds: int) -> None:
        self.world.advance(seconds)
        self.model.seconds += seconds
        self.world.handle_nothing()
        self.model.settle()

    @invariant()
    def the_same_jobs_run_in_the_same_pools(self) -> None:
        runs = {job.id: job.pool.id for job in self.world.state.jobs.values() if job.has_started}
        assert runs == {job.id: job.where for job in self.model.jobs if job.where is not None}

    @invariant()
    def the_same_jobs_have_reservations(self) -> None:
        reserved = {pool.id: job.id for job, pool in self.world.state.reserved.items()}
        assert reserved == {pool: job.id for pool, job in self.model.reservations().items()}

    @invariant()
    def no_unit_is_given_twice(self) -> None:
        rows = (self.world.row(job) for job in self.world.running())
        shares = [(row["resources"] or {}).get("gpu", {"units": []}) for row in rows]
        units = [unit for share in shares for unit in share["units"]]
        assert len(units) == len(set(units)) <= 2

    def teardown(self) -> None:
        self.world.check()


TestPools = Pools.TestCase
TestPools.settings = settings(
    max_examples=400 if LONG else 60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
