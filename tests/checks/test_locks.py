"""Locks and slots that no live job accounts for are found."""

import pytest

from core.world import World
from locksided.checks.state import locks


@pytest.fixture
def world() -> World:
    """One job runs with its lock, another waits for it, a third has a shared one."""
    made = World()
    made.submit("orders")
    made.submit("orders")
    made.submit("stock", shared=2)
    return made


def test_nothing_is_found_in_a_sound_core(world: World) -> None:
    assert locks(world.scheduler) == []


def test_a_lock_that_a_job_holds_that_is_not_live_is_found(world: World) -> None:
    gone = world.state.jobs.pop(1)
    assert gone.gate is not None
    found = locks(world.scheduler)
    assert f"The lock {gone.gate.key} is held by [1], which are not live." in found
    assert any("in a slot without being started" in text for text in found)


def test_an_exclusive_lock_with_two_holders_is_found(world: World) -> None:
    second = world.state.jobs[2]
    assert second.gate is not None
    second.gate.take(second)
    assert f"The exclusive lock {second.gate.key} has 2 holders." in locks(world.scheduler)


def test_a_started_job_without_a_slot_is_found(world: World) -> None:
    del world.state.pool("default").running[3]
    assert locks(world.scheduler) == ["Jobs [3] are in a slot without being started, or the reverse."]
