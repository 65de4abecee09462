"""The wall clock is set by an hour while jobs run and wait: durations do not change."""

from dataclasses import replace

import pytest

from core.trees import retried
from core.world import SECOND, World
from locksided.core import inputs as i
from locksided.core.pools import LONGEST_PAUSE_US

HOUR = 3600.0
both_ways = pytest.mark.parametrize("seconds", [HOUR, -HOUR])


def set_clock(world: World, seconds: float) -> None:
    """Set the clock as the scheduler does: the core is told before any other input at the new time."""
    world.now_us += round(seconds * SECOND)
    world.handle(i.ClockSet(round(seconds * SECOND)))
    world.handle(i.TimePassed())


@both_ways
def test_the_processing_time_excludes_the_jump(seconds: float) -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.advance(5)
    set_clock(world, seconds)
    world.advance(2)
    world.ends(job)
    assert world.row(job)["duration_us"] == 7 * SECOND


@both_ways
def test_a_pause_across_the_jump_keeps_its_length(seconds: float) -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.advance(5)
    world.pause(job)
    world.advance(10)
    set_clock(world, seconds)
    world.crash()
    world.advance(10)
    world.resume(job)
    world.advance(2)
    world.ends(job)
    assert world.row(job)["duration_us"] == 7 * SECOND


@both_ways
def test_a_pause_before_an_attempt_keeps_its_length(seconds: float) -> None:
    world = World()
    jobs = world.make(retried("api", 3, pause=30))
    world.fails(jobs["api 1"], failure="application")
    second = world.children(jobs["api"])[1]
    world.advance(10)
    set_clock(world, seconds)
    world.crash()
    world.handle_nothing()
    world.advance(19)
    assert world.status(second) == "created"
    world.advance(1)
    assert world.status(second) == "processing"


@both_ways
def test_a_delay_keeps_its_length(seconds: float) -> None:
    world = World()
    (job,) = world.submit_all(replace(world.draft(delay=30), delay_us=30 * SECOND))
    world.advance(10)
    set_clock(world, seconds)
    world.crash()
    world.handle_nothing()
    world.advance(19)
    assert world.status(job) == "created"
    world.advance(1)
    assert world.status(job) == "processing"


def test_a_start_time_is_a_moment_of_the_wall_clock() -> None:
    world = World()
    job = world.submit(delay=30)
    set_clock(world, -HOUR)
    world.advance(30)
    assert world.status(job) == "created"
    set_clock(world, HOUR)
    assert world.status(job) == "processing"


def test_a_pool_that_could_not_start_jobs_retries_as_soon_as_without_the_jump() -> None:
    world = World()
    job = world.submit()
    world.not_started(job, "no processes")
    assert world.reasons(job) == {"no_executor"}
    set_clock(world, -HOUR)
    world.advance(LONGEST_PAUSE_US / SECOND)
    assert world.status(job) == "processing"
