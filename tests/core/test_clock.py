"""The clock may be set back at any moment: times already reached stay reached, later ones still come."""

from core.trees import job, orchestration, phase
from core.world import SECOND, World
from locksided.core import inputs as i

HOUR_US = 3600 * SECOND


def test_a_start_time_that_was_reached_stays_reached_when_the_clock_is_set_back() -> None:
    world = World()
    one = world.submit(delay=5, held=True)
    world.advance(10)
    world.now_us -= HOUR_US
    world.pause_pool()
    world.release(one)
    world.crash()
    assert world.reasons(one) == {"pool_paused"}


def test_a_delay_counts_from_the_start_of_its_phase_even_if_the_clock_was_set() -> None:
    world = World()
    night = world.make(orchestration("night", phase("one", job("late", delay=5))), held=True)
    world.now_us -= HOUR_US
    world.release(night["night"])
    assert world.reasons(night["late"]) == {"start_time"}
    world.crash()
    assert world.reasons(night["late"]) == {"start_time"}
    world.advance(5)
    world.handle(i.TimePassed())
    assert world.status(night["late"]) == "processing"


def test_no_reason_is_older_than_its_job() -> None:
    world = World()
    one = world.submit(held=True)
    world.now_us -= HOUR_US
    world.drain()
    world.release(one)
    assert world.why(one)["draining"].since_us >= world.job(one).created_us
