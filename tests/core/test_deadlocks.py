"""A wait that would close a cycle is refused; a job may wait for all others that can proceed without it."""

from itertools import pairwise

from core.crowds import CROWD
from core.world import World
from locksided.core.errors import Conflict


def test_a_job_may_wait_for_its_child_that_can_run() -> None:
    world = World(default=2)
    root = world.submit()
    child = world.submit(parent=root)
    world.wait(root, child)
    world.ends(child)
    world.stop_waiting(root, child)
    assert world.state.waits == {}


def test_a_wait_for_a_child_in_a_pool_of_one_slot_is_refused_as_a_cycle() -> None:
    world = World(default=1)
    root = world.submit()
    child = world.submit(parent=root)
    with world.refused(Conflict, f"wait for ever: {root} -> {child} -> {root}") as refusal:
        world.wait(root, child)
    assert refusal.value.data["circle"] == [str(root), str(child), str(root)]
    assert world.state.waits == {}


def test_a_wait_for_a_child_that_needs_the_waiters_own_lock_is_refused() -> None:
    world = World()
    root = world.submit("orders")
    child = world.submit("orders", parent=root)
    with world.refused(Conflict, f"{root} -> {child} -> {root}"):
        world.wait(root, child)


def test_a_wait_for_a_child_that_will_need_the_waiters_lock_only_later_is_refused_too() -> None:
    world = World()
    root = world.submit("orders")
    delayed = world.submit("orders", parent=root, delay=60)
    with world.refused(Conflict, f"{root} -> {delayed} -> {root}"):
        world.wait(root, delayed)


def test_a_wait_for_a_dependant_of_a_job_behind_the_waiters_lock_is_refused() -> None:
    world = World()
    root = world.submit("orders")
    needs_lock = world.submit("orders")
    behind = world.submit("orders")
    dependant = world.submit(after=[behind])
    with world.refused(Conflict, "wait for ever"):
        world.wait(root, dependant)
    assert world.status(needs_lock) == "waiting"


def test_waiting_for_any_of_several_jobs_is_refused_only_if_none_can_proceed() -> None:
    world = World(default=2)
    root = world.submit("orders")
    stuck = world.submit("orders", parent=root)
    running = world.submit(parent=root)
    world.wait(root, stuck, running, any_of=True)
    world.stop_waiting(root, stuck, running, any_of=True)
    with world.refused(Conflict, "wait for ever"):
        world.wait(root, stuck, running)
    with world.refused(Conflict, "wait for ever"):
        world.wait(root, stuck, any_of=True)


def test_two_jobs_may_not_wait_for_each_other() -> None:
    world = World()
    first, second = world.submit(), world.submit()
    world.wait(first, second)
    with world.refused(Conflict, f"{second} -> {first} -> {second}"):
        world.wait(second, first)


def test_a_job_may_not_wait_for_itself() -> None:
    world = World()
    job = world.submit()
    with world.refused(Conflict, f"{job} -> {job}"):
        world.wait(job, job)


def test_a_cycle_of_a_thousand_waits_is_found() -> None:
    world = World(default=None)
    with world.checked_at_the_end():
        jobs = world.submit_all(*[world.draft() for _ in range(1000)])
        for one, other in pairwise(jobs):
            world.wait(one, other)
    with world.refused(Conflict, "wait for ever"):
        world.wait(jobs[-1], jobs[0])


def test_a_full_pool_blocks_only_if_all_its_running_jobs_are_in_the_cycle() -> None:
    world = World(default=2)
    first, second = world.submit(), world.submit()
    child = world.submit(parent=first)
    other_child = world.submit(parent=second)
    world.wait(first, child)
    with world.refused(Conflict, "wait for ever"):
        world.wait(second, other_child)
    world.ends(second)
    assert world.started() == [child]


def test_in_a_pool_with_lowered_slots_more_than_one_job_must_end() -> None:
    world = World(default=2)
    first, second = world.submit(), world.submit()
    child = world.submit(parent=first)
    world.pool("default", 1)
    with world.refused(Conflict, "wait for ever"):
        world.wait(first, child)
    assert world.running() == [first, second]


def test_a_shared_lock_blocks_only_when_too_few_of_its_holders_can_end() -> None:
    world = World()
    root = world.submit("orders", shared=2)
    other = world.submit("orders", shared=2)
    child = world.submit("orders", shared=2, parent=root)
    world.wait(root, child)
    world.stop_waiting(root, child)
    world.wait(other, root)
    with world.refused(Conflict, "wait for ever"):
        world.wait(root, child)


def test_a_holder_that_is_being_terminated_blocks_no_job_forever() -> None:
    world = World()
    first, second = world.submit(), world.submit()
    world.spawned(first)
    world.wait(first, second)
    world.terminate(first)
    world.wait(second, first)


def test_a_held_job_or_a_paused_pool_is_not_a_cycle() -> None:
    world = World(other=1)
    world.pause_pool("other")
    root = world.submit()
    child = world.submit(parent=root, held=True)
    other = world.submit(pool="other")
    world.wait(root, child, other)


def test_a_wait_for_final_jobs_or_by_a_job_that_is_not_running_is_not_recorded() -> None:
    world = World(default=1)
    done = world.submit()
    world.ends(done)
    root = world.submit()
    child = world.submit(parent=root)
    world.wait(root, done)
    world.wait(root, done, child, any_of=True)
    world.wait(done, child)
    world.wait(child, root)
    assert set(world.state.waits) == {root}


def test_the_waits_of_a_job_end_with_its_run() -> None:
    world = World()
    first, second = world.submit(), world.submit()
    world.spawned(first)
    world.wait(first, second)
    world.loses(first)
    assert world.state.waits == {}
    world.wait(second, first)
    world.ends(second)
    assert world.state.waits == {}


def test_a_wait_behind_many_others_is_checked_without_delay() -> None:
    world = World(default=2)
    with world.checked_at_the_end():
        root = world.submit()
        world.submit("orders")
        world.submit_all(*[world.draft("orders") for _ in range(CROWD)])
        child = world.submit("orders", parent=root)
        world.wait(root, child)
    assert root in world.state.waits
