"""A job that may run in any of several pools: it waits for all of them and takes the first that has room."""

from dataclasses import replace
from random import Random

import pytest

from core.trees import retried
from core.world import World
from locksided.core import inputs as i
from locksided.core.errors import Conflict, NotFound


def two_pools(a: int | None = 1, b: int | None = 1) -> World:
    return World(a=a, b=b)


def test_with_room_in_several_pools_a_job_takes_the_first_of_its_list() -> None:
    world = two_pools()
    job = world.submit(pools=("b", "a"))
    assert world.job(job).pool.id == "b"
    assert world.row(job)["pool"] == "b"


def test_if_the_first_pool_is_full_a_job_runs_in_the_next_and_is_stored_there() -> None:
    world = two_pools()
    world.submit(pool="a")
    job = world.submit(pools=("a", "b"))
    assert world.row(job)["pool"] == "b"
    world.crash()
    assert world.job(job).pool.id == "b"


def test_a_free_slot_goes_to_the_first_in_the_order_whichever_list_it_has() -> None:
    world = two_pools()
    running = [world.submit(pool="a"), world.submit(pool="b")]
    both, only_b = world.submit(pools=("a", "b")), world.submit(pool="b")
    world.ends(running[1])
    assert world.started() == [both]
    assert world.job(both).pool.id == "b"
    world.ends(running[0])
    assert world.started() == []
    world.ends(both)
    assert world.started() == [only_b]


def test_no_slot_is_idle_while_a_job_that_may_take_it_waits_and_jobs_start_in_order() -> None:
    world, dice = two_pools(2, 3), Random(7)
    with world.checked_at_the_end():
        jobs = [world.submit(pools=("a", "b")) for _ in range(200)]
        started = world.running()
        while waiting := [job for job in jobs if job not in started]:
            assert len(world.running()) == 5
            assert {(one.kind.value, one.pool) for one in world.why_all(waiting[-1])} == {
                ("pool_full", "a"),
                ("pool_full", "b"),
            }
            world.ends(dice.choice(world.running()))
            started += world.started()
    assert started == jobs


def test_pools_are_a_reason_only_if_none_would_take_the_job_and_then_all_are_named() -> None:
    world = two_pools()
    world.submit(pool="a")
    world.pause_pool("b")
    job = world.submit(pools=("a", "b"))
    assert [(reason.kind.value, reason.pool) for reason in world.why_all(job)] == [
        ("pool_full", "a"),
        ("pool_paused", "b"),
    ]
    world.resume_pool("b")
    assert world.started() == [job]


def test_the_position_of_a_job_counts_all_jobs_that_wait_for_one_of_its_pools() -> None:
    world = two_pools()
    world.submit(pool="a")
    world.submit(pool="b")
    world.submit(pool="a")
    world.submit(pool="b")
    assert world.position(world.submit(pools=("a", "b"))) == 3
    assert world.position(world.submit(pool="a")) == 3


def test_a_job_that_is_run_again_chooses_its_pool_again() -> None:
    world = two_pools()
    blocker = world.submit(pool="a")
    job = world.submit(pools=("a", "b"))
    world.spawned(job)
    world.pause_pool("b")
    world.loses(job)
    assert world.row(job)["pool"] == "a"
    world.ends(blocker)
    assert world.started() == [job]
    assert world.row(job)["pool"] == "a"


def test_the_next_attempt_chooses_its_pool_again() -> None:
    world = two_pools()
    blocker = world.submit(pool="a")
    (container,) = world.submit_all(retried("load", 2, pool="a", pools=("a", "b")))
    (first,) = world.children(container)
    assert world.row(first)["pool"] == "b"
    world.ends(blocker)
    world.fails(first, failure="application")
    second = world.children(container)[-1]
    assert (world.row(second)["pool"], world.row(second)["pools"]) == ("a", ["a", "b"])


def test_jobs_of_one_key_with_different_lists_wait_in_separate_lines() -> None:
    world = two_pools()
    world.submit(pool="a")
    first, second = world.submit("key", pool="a"), world.submit("key", pools=("a", "b"))
    assert world.statuses(first, second) == ["waiting", "processing"]
    assert world.reasons(first) == {"config_lock", "pool_full"}


def test_a_pool_in_the_list_of_a_live_job_cannot_be_deleted() -> None:
    world = two_pools()
    job = world.submit(pools=("a", "b"))
    with world.refused(Conflict, says="name the pool 'b'"):
        world.delete_pool("b")
    world.ends(job)
    world.delete_pool("b")


def test_an_unknown_pool_in_a_list_is_refused() -> None:
    world = two_pools()
    with world.refused(NotFound, says="no pool 'c'"):
        world.submit(pools=("a", "c"))


def test_a_program_is_looked_up_in_the_pool_whose_slot_is_free() -> None:
    world = two_pools()
    world.submit(pool="a")
    draft = replace(world.draft(pools=("a", "b")), is_program_missing=True)
    (job,) = world.submit_all(draft)
    assert list(world.state.pool("b").checking) == [job]
    waiting = world.submit(pool="b")
    assert world.reasons(waiting) == {"pool_full"}
    world.handle(i.ProgramFound(job))
    assert world.started() == [job]
    assert world.job(job).pool.id == "b"


def test_a_wait_for_a_job_that_another_pool_could_take_is_not_a_deadlock() -> None:
    world = two_pools()
    waiter = world.submit(pool="a")
    world.submit(pool="b")
    world.wait(waiter, world.submit(pools=("a", "b")))
    only_a = world.submit(pool="a")
    with pytest.raises(Conflict, match="for ever"):
        world.wait(waiter, only_a)


def test_a_job_takes_as_many_slots_as_its_weight_and_no_job_passes_it() -> None:
    world = World(default=4)
    light = [world.submit() for _ in range(2)]
    heavy = world.submit(slots=3)
    behind = world.submit()
    assert world.statuses(heavy, behind) == ["created", "created"]
    assert world.reasons(behind) == {"pool_full"}
    world.ends(light[0])
    assert world.started() == [heavy]
    world.ends(light[1])
    assert world.started() == [behind]
    assert world.state.pool("default").taken == 4


def test_a_job_whose_weight_exceeds_the_lowered_slots_holds_back_no_other_job() -> None:
    world = World(default=4)
    running = [world.submit() for _ in range(2)]
    heavy = world.submit(slots=4)
    world.pool("default", 3)
    light = world.submit()
    assert world.statuses(heavy, light) == ["created", "processing"]
    world.ends(*running, light)
    assert world.status(heavy) == "created"
    world.pool("default", 4)
    assert world.started() == [heavy]
