"""An inconsistent state is detected, whichever invariant it breaks, and can still be checked."""

from collections.abc import Callable
from typing import Any

import pytest

from core.trees import rows
from core.world import NOON, World
from lockside.documents.enums import Status
from locksided.core.containers import Container
from locksided.core.invariants import Invariant, InvariantBroken, check, violations
from locksided.core.jobs import HeldBy, Job
from locksided.core.model import Condition
from locksided.core.recoveries import RecoveryCondition
from locksided.core.resources import Resource, Share
from locksided.core.table_locks import TableClaim


def sound() -> World:
    """Job 1 holds a lock that 2 waits for, 3 shares one; of container 4 job 5 runs, 6 waits; 7 is delayed.

    Job 8 holds a unit that 9 waits for, 10 is blocked.
    """
    world = World()
    world.submit("orders")
    world.submit("orders")
    world.submit("stock", shared=2)
    world.make(rows("table", ["first", "second"], 1))
    world.submit(after=[1], delay=5)
    world.resource("gpu", 1, "0")
    world.submit(needs={"gpu": 1})
    world.submit(needs={"gpu": 1})
    world.pool("wide", None)
    world.blocks(world.submit(pool="wide"))
    return world


def gpu(world: World) -> Resource:
    return world.state.resource("default", "gpu")


def same_unit(world: World) -> Job:
    """Give a job a unit that another job has."""
    job = world.job(1)
    assert job.run is not None
    job.run.shares = {"gpu": Share(1, ("0",))}
    return job


def spoil(world: World, job_id: int, **values: Any) -> None:
    for name, value in values.items():
        setattr(world.job(job_id), name, value)


def container(world: World) -> Container:
    found = world.job(4)
    assert isinstance(found, Container)
    return found


def run(world: World, **values: Any) -> None:
    for name, value in values.items():
        setattr(world.job(1).run, name, value)


def conditions(world: World) -> dict[str, RecoveryCondition]:
    return world.state.recoveries.conditions


SPOILT: dict[str, tuple[Invariant, Callable[[World], Any]]] = {
    "job 1 is success and still live": (Invariant.JOBS, lambda w: spoil(w, 1, status=Status.SUCCESS)),
    "job 1 was started 2 times": (Invariant.JOBS, lambda w: run(w, starts=2)),
    "job 1 has started and its token is None": (Invariant.JOBS, lambda w: run(w, token=None)),
    "job 1 is processing and was asked to stop": (Invariant.JOBS, lambda w: run(w, stop_asked=True)),
    "job 1 has started and something": (Invariant.JOBS, lambda w: spoil(w, 1, held=HeldBy("ann", NOON))),
    "job 2 is in a pool that is gone": (Invariant.JOBS, lambda w: w.state.pools.clear()),
    "jobs [2] wait for others": (Invariant.JOBS, lambda w: w.state.waits.setdefault(2, [])),
    "job 1 has a gate": (
        Invariant.LOCKS,
        lambda w: w.state.gates["default"].pop("orders"),
    ),
    "is held by jobs [1]": (Invariant.LOCKS, lambda w: w.job(1).gate.leave(w.job(1))),  # type: ignore[union-attr]
    "the exclusive lock": (Invariant.LOCKS, lambda w: w.job(2).gate.take(w.job(2))),  # type: ignore[union-attr]
    "counts 9 jobs": (Invariant.LOCKS, lambda w: setattr(w.job(3).gate, "members", 9)),
    "must stand jobs [2]": (Invariant.LINES, lambda w: w.job(2).line.remove(w.job(2))),  # type: ignore[union-attr]
    "contradict each other": (Invariant.LINES, lambda w: spoil(w, 2, line=None)),
    "the slots of pool default": (Invariant.POOLS, lambda w: w.state.pool("default").running.pop(3)),
    "job 7 waits for job 1": (Invariant.DEPENDENCIES, lambda w: w.state.jobs.pop(1)),
    "dependants is wrong": (Invariant.DEPENDENCIES, lambda w: w.state.dependants.clear()),
    "job 6 has outlived": (Invariant.CONTAINERS, lambda w: w.state.jobs.pop(4)),
    "container 4 does not know": (Invariant.CONTAINERS, lambda w: container(w).children.pop(6)),
    "job 6 still waits": (Invariant.CONTAINERS, lambda w: setattr(container(w).tally, "stopped", True)),
    "keeps delays": (Invariant.CONTAINERS, lambda w: container(w).delays.setdefault(6, 1)),
    "job 2 is created with": (Invariant.REASONS, lambda w: spoil(w, 2, status=Status.CREATED)),
    "gives the reasons": (Invariant.REASONS, lambda w: setattr(w.job(2).gate, "_holders", ())),
    "the tables are claimed by": (Invariant.TABLES, lambda w: run(w, claim=TableClaim(("t",), 1, 0))),
    "is held by others": (Invariant.DEMANDS, lambda w: gpu(w).holders.clear()),
    "are counted wrongly": (Invariant.DEMANDS, lambda w: setattr(w.job(8).demand, "members", 9)),
    "the heads of the demand": (Invariant.DEMANDS, lambda w: w.job(9).demand.heads.remove(w.job(9))),
    "the same unit": (Invariant.DEMANDS, lambda w: gpu(w).holders.setdefault(same_unit(w), 1)),
    "does not wait for it": (
        Invariant.DEMANDS,
        lambda w: w.state.reserved.setdefault(w.job(8), w.job(8).pool),
    ),
    "the conditions block": (Invariant.RECOVERY, lambda w: conditions(w).clear()),
    "job 10 is waiting and blocked": (Invariant.RECOVERY, lambda w: spoil(w, 10, status=Status.WAITING)),
    "job 10 was blocked 0 times": (Invariant.RECOVERY, lambda w: setattr(w.job(10).run, "blocked_count", 0)),
    "the next deadline is": (Invariant.DEADLINE, lambda w: w.state.timers.clear()),
}


@pytest.mark.parametrize("says", SPOILT)
def test_an_inconsistent_state_is_detected(says: str) -> None:
    world = sound()
    check(world.state)
    invariant, spoils = SPOILT[says]
    spoils(world)
    found = violations(world.state)
    assert any(one.invariant is invariant and says in one.message for one in found), found
    assert {one.invariant for one in violations(world.state, [invariant])} == {invariant}
    with pytest.raises(InvariantBroken, match=f"{invariant}: "):
        check(world.state)


def test_every_invariant_is_broken_by_a_case_above() -> None:
    assert {invariant for invariant, _ in SPOILT.values()} == set(Invariant)


def test_a_check_that_fails_on_a_broken_state_is_itself_a_violation() -> None:
    world = sound()
    world.job(2).pending = {99: Condition.FINAL}
    world.job(2).pool = None  # type: ignore[assignment]
    assert any(one.message.startswith("the check failed: AttributeError") for one in violations(world.state))
