"""Slots: which jobs run, which wait, and the effect of pausing, lowering and executors that refuse jobs."""

import pytest

from core.explanations import details
from core.world import NOON, SECOND, World
from locksided.api.reasons import sentences
from locksided.core import inputs as i
from locksided.core.errors import Conflict, Disabled, NotFound


def test_no_more_jobs_run_than_the_pool_has_slots() -> None:
    world = World(default=2)
    jobs = [world.submit() for _ in range(3)]
    assert world.statuses(*jobs) == ["processing", "processing", "created"]
    assert world.reasons(jobs[2]) == {"pool_full"}
    world.ends(jobs[1])
    assert world.started() == [jobs[2]]


def test_a_pool_without_limit_starts_everything() -> None:
    world = World(default=None)
    assert len([world.submit() for _ in range(50)]) == len(world.running())


def test_a_pool_of_no_slots_is_paused() -> None:
    world = World(default=0)
    job = world.submit()
    assert world.status(job) == "created"
    assert world.reasons(job) == {"pool_paused"}
    assert details(world.why(job)["pool_paused"]) == {"pool": "default", "by": None, "comment": None}
    world.pool("default", 1)
    assert world.started() == [job]


def test_lowering_the_slots_stops_no_job_and_starts_none_until_fewer_run() -> None:
    world = World(default=3)
    jobs = [world.submit() for _ in range(4)]
    world.pool("default", 1)
    assert len(world.running()) == 3
    world.ends(jobs[0])
    world.ends(jobs[1])
    assert world.started() == []
    world.ends(jobs[2])
    assert world.started() == [jobs[3]]


def test_lowering_the_slots_to_none_makes_the_pool_full_and_paused() -> None:
    world = World(default=1)
    world.submit()
    waiting = world.submit()
    world.pool("default", 0)
    assert world.reasons(waiting) == {"pool_full", "pool_paused"}


def test_raising_the_slots_starts_as_many_as_fit() -> None:
    world = World(default=1)
    jobs = [world.submit() for _ in range(4)]
    world.pool("default", 3)
    assert world.started() == jobs[1:3]


def test_a_paused_pool_starts_nothing_until_it_is_resumed_even_after_a_restart() -> None:
    world = World()
    world.pause_pool(comment="cleaning")
    job = world.submit("orders")
    assert world.reasons(job) == {"pool_paused"}
    why = world.why(job)["pool_paused"]
    assert details(why) == {"pool": "default", "by": "anna", "comment": "cleaning"}
    assert sentences(why)[0] == "anna paused pool 'default': cleaning."
    world.crash()
    world.handle_nothing()
    assert world.reasons(job) == {"pool_paused"}
    world.resume_pool()
    assert world.started() == [job]


def test_the_running_jobs_of_a_paused_pool_continue() -> None:
    world = World()
    job = world.submit()
    world.pause_pool()
    world.ends(job)
    assert world.status(job) == "success"


def test_the_time_at_which_a_pool_was_paused_does_not_change_with_its_slots() -> None:
    world = World()
    world.pause_pool()
    world.advance(60)
    job = world.submit()
    assert world.why(job)["pool_paused"].since_us == NOON + 60 * SECOND, "it entered after the pause began"
    world.advance(60)
    world.pool("default", 7)
    world.pause_pool(comment="still")
    assert world.why(job)["pool_paused"].since_us == NOON + 60 * SECOND


def test_the_time_since_which_a_pool_has_no_slots_survives_a_restart() -> None:
    world = World(default=1)
    world.submit()
    job = world.submit()
    world.advance(5)
    world.pool("default", 0)
    world.advance(5)
    world.crash()
    world.handle_nothing()
    assert world.why(job)["pool_paused"].since_us == NOON + 5 * SECOND


def test_an_unknown_pool_is_refused_with_a_list_of_the_existing_ones() -> None:
    world = World(big=1)
    with world.refused(NotFound, "no pool 'bg'.*big, default"):
        world.submit(pool="bg")


def test_a_pool_that_live_jobs_name_cannot_be_deleted() -> None:
    world = World(big=1)
    job = world.submit(pool="big", held=True)
    with world.refused(Conflict, f"name the pool 'big': {job}"):
        world.delete_pool("big")
    world.terminate(job)
    world.delete_pool("big")
    with world.refused(NotFound, "no pool 'big'"):
        world.submit(pool="big")


def test_several_pools_are_changed_together_or_not_at_all() -> None:
    world = World(big=1, small=1)
    job = world.submit(pool="big", held=True)
    waiting = [world.submit(pool="small") for _ in range(2)][1]
    with world.refused(Conflict, f"name the pool 'big': {job}"):
        world.change_pools(delete=("big",), small=2, new=1)
    with world.refused(NotFound, "no pool 'new'"):
        world.submit(pool="new")
    assert world.status(waiting) == "created"
    world.terminate(job)
    world.change_pools(delete=("big",), small=2, new=1)
    assert world.started() == [waiting]
    assert world.status(world.submit(pool="new")) == "processing"
    with world.refused(NotFound, "no pool 'big'"):
        world.submit(pool="big")


def test_the_default_pool_always_exists() -> None:
    world = World()
    with world.refused(Conflict, "always exists"):
        world.delete_pool("default")


def test_nothing_starts_while_the_executor_is_down() -> None:
    world = World()
    world.executor_down()
    job = world.submit()
    assert world.status(job) == "created"
    assert details(world.why(job)["no_executor"]) == {
        "pool": "default",
        "cause": "the keeper cannot be reached",
    }
    world.advance(3600)
    assert world.reasons(job) == {"no_executor"}
    world.executor_up()
    assert world.started() == [job]


def test_a_pool_created_while_its_executor_is_down_has_the_trouble() -> None:
    world = World()
    world.executor_down()
    world.pool("late", 1)
    job = world.submit(pool="late")
    assert world.reasons(job) == {"no_executor"}
    world.executor_up()
    assert world.started() == [job]


def test_a_pool_moved_to_another_executor_has_the_trouble_of_that_executor() -> None:
    world = World()
    world.executor_down()
    world.pool("default", 1, executor="slurm")
    job = world.submit()
    assert "is being started" in world.why(job)["no_executor"].cause
    world.handle(i.ExecutorUp("slurm"))
    assert world.status(job) == "processing"


def test_a_pause_is_refused_once_the_executor_has_said_that_it_cannot_pause() -> None:
    world = World()
    world.pool("far", 1, executor="slurm")
    world.handle(i.ExecutorUp("slurm", frozenset({"queue"})))
    job, here = world.submit(pool="far"), world.submit()
    with world.refused(Disabled, "slurm cannot pause"):
        world.pause(job)
    world.pause(here)
    world.handle(i.ExecutorUp("slurm", frozenset({"queue", "pause"})))
    world.pause(job)


def test_an_executor_reported_down_twice_is_down_since_the_first_time() -> None:
    world = World()
    job = world.submit(held=True)
    world.executor_down("the keeper died")
    world.advance(10)
    world.executor_down("it does not come back")
    reason = world.why(job)["no_executor"]
    assert reason.since_us == NOON
    assert reason.cause == "it does not come back"


def test_a_refusal_while_the_executor_is_down_starts_no_trial() -> None:
    world = World()
    job = world.submit()
    world.executor_down()
    world.not_started(job, "no memory")
    world.advance(600)
    assert world.status(job) == "created"
    assert world.reasons(job) == {"no_executor"}


def test_when_the_system_refuses_processes_the_pool_waits_and_tries_one_job_after_a_growing_pause() -> None:
    world = World(default=2)
    first, second = world.submit("a"), world.submit("b")
    third = world.submit("c")
    world.not_started(first, "no memory")
    assert world.status(first) == "created"
    assert world.row(first)["starts"] == 0
    assert world.reasons(first) == world.reasons(third) == {"no_executor"}
    assert world.scheduler.next_deadline_us() == NOON + SECOND
    world.spawned(second)
    assert world.reasons(first) == {"no_executor"}, "one that was under way proves nothing"
    pause = 1
    while pause < 200:
        world.advance(min(pause, 60) - 0.001)
        assert world.running() == [second]
        world.advance(0.001)
        assert world.started() == [first], "only one is tried"
        assert world.reasons(third) == {"pool_full", "no_executor"}
        world.not_started(first, "no memory")
        pause *= 2
    world.advance(60)
    world.ends(second)
    assert world.started() == []
    world.spawned(first)
    assert world.started() == [third]


def test_if_a_trial_is_cancelled_the_next_job_becomes_the_trial() -> None:
    world = World()
    first, second, third = (world.submit() for _ in range(3))
    for job in (first, second, third):
        world.not_started(job, "no processes")
    world.advance(1)
    assert world.running() == [first]
    world.terminate(first)
    world.not_started(first)
    assert world.status(first) == "cancelled"
    assert world.running() == [second]
    world.spawned(second)
    assert world.running() == [second, third]


@pytest.mark.parametrize("slots", [1, 2])
def test_a_job_that_was_not_started_keeps_its_place(slots: int) -> None:
    world = World(default=slots)
    jobs = [world.submit(f"key {number}") for number in range(4)]
    world.not_started(jobs[0])
    assert world.started() == [jobs[0]]
    assert world.history(jobs[0])[-2:] == ["created", "processing"]
    assert world.token(jobs[0]) == f"{jobs[0]}-2-0"
