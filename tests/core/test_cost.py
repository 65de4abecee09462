"""The cost of a decision: it grows with the jobs started, ended or released, never with the waiting jobs.

Costs are counted in function calls, never in time. Memory is measured for each job that waits.
"""

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from core.crowds import FEW, MANY, WAITING
from core.world import ANNA, NOON, SECOND
from lockside.documents.enums import Status
from locksided.core import inputs as i
from locksided.core.model import Draft, Needs
from locksided.core.resources import ResourceChanged, ResourceTerms
from locksided.core.scheduler import Scheduler
from locksided.core.state import State

SLACK = 1.35  # a search among 20 times as many takes four or five more comparisons
BYTES_OF_A_WAITING_JOB = 512  # 494, or up to 507 after tests that leave garbage


class Crowd:
    """A core with one running job and very many waiting jobs."""

    def __init__(
        self,
        number: int,
        keys: Callable[[int], str | None],
        pools: int = 1,
        asks: Callable[[int], dict[str, Any]] | None = None,
        slots: int = 1,
    ) -> None:
        self.core = Scheduler(State())
        self.slots = slots
        self.asks = asks or (lambda place: {})
        self.core.handle(ResourceChanged("default", "gpu", ResourceTerms("default", "gpu", 2)), NOON)
        for pool in range(pools):
            self.core.handle(i.PutPool(f"pool {pool}", self.slots, "local", "", ANNA), NOON)
        self.pools = pools
        self.first = self.submit("first", 0)
        for place in range(1, pools):
            self.submit(f"first of {place}", place)
        self.waiting = [self.submit(keys(place), place % pools) for place in range(number)]

    def submit(self, key: str | None, pool: int = 0, priority: int = 0) -> int:
        draft = Draft("default", 1000, f"pool {pool}", priority, key, **self.asks(pool))
        (job_id,) = self.core.handle(i.Submit((draft,), ANNA), NOON).answer
        self.core.saved()
        return int(job_id)

    def end(self, job_id: int) -> None:
        run = self.core.state.jobs[job_id].run
        assert run is not None
        assert run.token is not None
        self.core.handle(i.Finished(job_id, run.token, Status.SUCCESS, {}), NOON + SECOND)
        self.core.saved()

    def day(self) -> None:
        """Make one of each common decision."""
        middle = self.waiting[len(self.waiting) // 2]
        self.submit("same")
        self.submit("urgent", priority=50)
        self.end(self.first)
        self.core.handle(i.Reprioritise(middle, 7, ANNA), NOON)
        self.core.handle(i.Hold(middle, ANNA), NOON)
        self.core.handle(i.Release(middle, ANNA), NOON)
        self.core.handle(i.Terminate(middle, ANNA), NOON)
        self.core.handle(i.TimePassed(), NOON)
        for running in list(self.core.started_jobs()):
            self.end(running.id)
        self.core.next_deadline_us()


@contextmanager
def counted_calls() -> Iterator[list[int]]:
    """Count every call of a function, including functions written in C."""
    calls = [0]

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_call"):
            calls[0] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


CROWDS: dict[str, Callable[[int], Crowd]] = {
    "of one key": lambda number: Crowd(number, lambda place: "same"),
    "of as many keys": lambda number: Crowd(number, lambda place: f"key {place}"),
    "without a key": lambda number: Crowd(number, lambda place: None),
    "of a hundred keys in twenty pools": lambda number: Crowd(number, lambda place: f"key {place % 100}", 20),
}


@pytest.mark.parametrize("kind", CROWDS)
def test_a_decision_costs_no_more_among_many_waiting_jobs_than_among_few(kind: str) -> None:
    calls = []
    for number in (FEW, MANY):
        crowd = CROWDS[kind](number)
        with counted_calls() as counted:
            crowd.day()
        calls.append(counted[0])
    print(f"\ncalls of a day's decisions among {FEW} and {MANY} jobs {kind}: {calls[0]} and {calls[1]}")
    assert calls[1] <= calls[0] * SLACK


LISTS = {
    "lists of pools": lambda place: {"pools": (f"pool {place}", f"pool {1 - place}")},
    "resources": lambda place: {"needs": Needs(1 + place, (("gpu", 1),))},
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_decision_costs_no_more_among_jobs_that_ask_for_more_than_a_pool(kind: str) -> None:
    calls = []
    for number in (FEW, MANY):
        crowd = Crowd(number, lambda place: f"key {place}", 2, LISTS[kind], slots=2)
        with counted_calls() as counted:
            crowd.day()
        calls.append(counted[0])
    print(f"\ncalls of a day's decisions among {FEW} and {MANY} jobs with {kind}: {calls[0]} and {calls[1]}")
    assert calls[1] <= calls[0] * SLACK


def test_a_choice_of_pools_costs_little_more_than_one_pool() -> None:
    calls = []
    for asked in (None, LISTS["lists of pools"]):
        crowd = Crowd(MANY, lambda place: f"key {place}", 2, asked)
        with counted_calls() as counted:
            crowd.day()
        calls.append(counted[0])
    print(f"\ncalls of a day's decisions among {MANY} jobs of two pools, and of lists of both: {calls}")
    assert calls[1] <= calls[0] * 1.2


@pytest.mark.parametrize("kind", CROWDS)
def test_a_waiting_job_takes_few_bytes(kind: str) -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    crowd = CROWDS[kind](WAITING)
    del crowd.waiting
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size_bytes = (after - before) / WAITING
    print(f"\nbytes of a waiting job {kind}: {size_bytes:.0f}")
    assert size_bytes <= BYTES_OF_A_WAITING_JOB
