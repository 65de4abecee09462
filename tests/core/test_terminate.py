"""Terminating a job in every state it can have, and its descendants at any depth."""

import pytest

from core.world import SECOND, World
from locksided.api.reasons import sentences
from locksided.core.errors import Conflict, Forbidden, InvalidTransition, NotFound


@pytest.mark.parametrize("wish", [{"delay": 60}, {"held": True}, {"key": "taken"}, {"after": [1]}])
def test_a_job_that_never_started_is_cancelled_at_once(wish: dict[str, object]) -> None:
    world = World()
    world.submit("taken")
    key = wish.pop("key", None)
    job = world.submit(key, **wish)  # type: ignore[arg-type]
    world.terminate(job)
    assert world.status(job) == "cancelled"
    assert world.stopped() == []
    assert world.row(job)["desired_status"] == "terminating"
    assert world.row(job)["result"] is None


def test_a_running_job_is_stopped_and_holds_lock_and_slot_until_its_tree_is_empty() -> None:
    world = World(default=1)
    job, same_key = world.submit("orders"), world.submit("orders")
    other = world.submit()
    world.spawned(job)
    world.terminate(job)
    assert world.status(job) == "terminating"
    assert world.stopped() == [job]
    assert world.statuses(same_key, other) == ["waiting", "created"]
    world.ends(job, status="success", kill_report={"proof": "cgroup"})
    assert world.status(job) == "terminated", "the status follows the request, not the exit code"
    assert world.started() == [same_key]


def test_terminating_a_job_again_changes_nothing() -> None:
    world = World()
    job = world.submit()
    world.terminate(job)
    events = len(world.disk.events)
    world.terminate(job)
    assert world.stopped() == []
    assert world.status(job) == "terminating"
    assert len(world.disk.events) == events


def test_terminating_a_final_job_is_refused_because_the_core_no_longer_knows_it() -> None:
    world = World()
    job = world.submit()
    world.ends(job)
    with world.refused(NotFound, "no live job"):
        world.terminate(job)


def test_a_start_in_flight_that_is_proved_not_to_have_happened_ends_as_cancelled() -> None:
    world = World()
    job = world.submit()
    world.terminate(job)
    assert world.stopped() == [job]
    assert world.status(job) == "terminating"
    world.not_started(job)
    assert world.history(job) == ["created", "processing", "terminating", "cancelled"]


def test_a_start_in_flight_that_happened_after_all_ends_as_terminated() -> None:
    world = World()
    job = world.submit()
    world.terminate(job)
    world.spawned(job)
    assert world.status(job) == "terminating"
    world.ends(job)
    assert world.status(job) == "terminated"


def test_a_terminated_job_that_is_lost_is_terminated_not_requeued() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.terminate(job)
    world.loses(job)
    assert world.status(job) == "terminated"


def test_a_request_to_terminate_a_job_survives_a_restart() -> None:
    world = World()
    job = world.submit()
    world.terminate(job)
    world.crash()
    world.not_started(job)
    assert world.status(job) == "cancelled"


def test_a_requeued_job_that_ran_before_is_terminated_in_one_step() -> None:
    world = World()
    job = world.submit("orders")
    world.spawned(job)
    world.pause_pool()
    world.loses(job)
    assert world.status(job) == "created"
    world.terminate(job)
    assert world.history(job)[-2:] == ["terminating", "terminated"]
    assert world.stopped() == []
    assert not world.state.gates


def test_a_requeued_job_that_waits_for_its_lock_is_terminated_in_one_step() -> None:
    world = World()
    job = world.submit("orders")
    urgent = world.submit("orders", priority=1)
    world.spawned(job)
    world.loses(job)
    assert world.running() == [urgent]
    world.terminate(job)
    assert world.history(job)[-3:] == ["waiting", "terminating", "terminated"]


def test_a_requeued_job_that_never_ran_is_cancelled() -> None:
    world = World()
    job = world.submit()
    world.not_started(job, "no memory")
    world.terminate(job)
    assert world.status(job) == "cancelled"


def test_a_job_that_ran_once_and_meets_its_terminate_in_its_next_start_is_terminated() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.loses(job)
    world.terminate(job)
    world.not_started(job)
    assert world.status(job) == "terminated"


def test_a_paused_job_can_be_terminated_and_its_duration_ends_at_the_pause() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.advance(2)
    world.pause(job)
    world.advance(10)
    world.terminate(job)
    world.advance(10)
    with world.refused(InvalidTransition, "can be resumed"):
        world.resume(job)
    world.ends(job)
    assert world.row(job)["duration_us"] == 2 * SECOND
    assert world.row(job)["paused_us"] == 10 * SECOND


def test_a_terminating_job_can_neither_be_paused_nor_held_nor_reprioritised() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.terminate(job)
    with world.refused(InvalidTransition, "can be paused"):
        world.pause(job)
    with world.refused(InvalidTransition, "can be held"):
        world.hold(job)
    with world.refused(InvalidTransition, "given another priority"):
        world.reprioritise(job, 1)


def test_a_job_just_being_started_is_paused_as_soon_as_its_process_exists() -> None:
    world = World()
    job = world.submit()
    world.pause(job)
    assert not world.paused()
    world.spawned(job)
    assert world.paused() == [job]


def test_a_pause_that_is_over_before_the_process_exists_has_no_effect() -> None:
    world = World()
    job = world.submit()
    world.pause(job)
    world.resume(job)
    world.spawned(job)
    assert not world.paused()


def test_a_dependant_of_a_terminated_job_is_cancelled_only_after_the_job_has_ended() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    dependant = world.submit(after=[job])
    world.terminate(job)
    assert world.status(dependant) == "waiting"
    world.ends(job)
    assert world.status(dependant) == "cancelled"


# -- families ---------------------------------------------------------------------------------------------


def test_a_child_carries_its_ancestors_in_its_run_id_and_is_not_waited_for() -> None:
    world = World()
    root = world.submit()
    child = world.submit(parent=root)
    grandchild = world.submit(parent=child)
    assert world.row(grandchild)["run_id"] == f"{root}.{child}.{grandchild}"
    assert (world.row(grandchild)["parent_id"], world.row(grandchild)["relation"]) == (child, "weak")
    world.ends(root)
    assert world.status(root) == "success"
    assert world.status(child) == "processing"


def test_terminating_a_parent_terminates_its_descendants_at_any_depth() -> None:
    world = World(default=None)
    root = world.submit()
    line = [root]
    for _ in range(30):
        line.append(world.submit(parent=line[-1]))
    waiting = world.submit(parent=line[-1], held=True)
    stranger = world.submit()
    world.terminate(root)
    assert sorted(world.stopped()) == line
    assert world.statuses(waiting, stranger) == ["cancelled", "processing"]


def test_descendants_below_an_intermediate_job_that_has_ended_are_terminated_too() -> None:
    world = World()
    root = world.submit()
    middle = world.submit(parent=root)
    below = world.submit(parent=middle)
    world.ends(middle)
    world.crash()
    world.terminate(root)
    assert sorted(world.stopped()) == [root, below]


def test_children_of_a_requeued_parent_stay_alive_and_are_terminated_with_it() -> None:
    world = World()
    root = world.submit()
    child = world.submit(parent=root)
    world.spawned(root)
    world.pause_pool()
    world.loses(root)
    assert world.status(child) == "processing"
    world.terminate(root)
    assert world.statuses(root, child) == ["terminated", "terminating"]


def test_a_descendant_that_waited_for_a_terminated_sibling_does_not_start() -> None:
    world = World()
    root = world.submit()
    first = world.submit(parent=root, held=True)
    second = world.submit(parent=root, after=[first], when="final")
    world.terminate(root)
    assert world.started() == []
    assert world.statuses(first, second) == ["cancelled", "cancelled"]


def test_a_lock_that_a_cancelled_descendant_waited_for_goes_to_others() -> None:
    world = World(default=1)
    root = world.submit()
    world.submit("orders", parent=root)
    outside = world.submit("orders")
    assert world.status(outside) == "waiting"
    world.terminate(root)
    assert world.status(outside) == "created"


def test_only_a_job_that_is_processing_can_be_a_parent() -> None:
    world = World()
    held, running = world.submit(held=True), world.submit()
    with world.refused(Conflict, "only a job that is processing"):
        world.submit(parent=held)
    world.spawned(running)
    world.terminate(running)
    with world.refused(Conflict, "cannot be a parent"):
        world.submit(parent=running)
    world.ends(running)
    with world.refused(Conflict, "cannot be a parent"):
        world.submit(parent=running)


def test_a_parent_must_have_the_same_owner() -> None:
    world = World()
    root = world.submit()
    with world.refused(Forbidden, "belongs to another user"):
        world.submit(parent=root, owner=2000)


# -- draining ---------------------------------------------------------------------------------------------


def test_while_the_daemon_drains_no_job_starts_and_running_jobs_continue() -> None:
    world = World()
    running = world.submit("orders")
    world.drain()
    job, second = world.submit(), world.submit("orders")
    assert world.reasons(job) == {"draining"}
    assert world.statuses(job, second) == ["created", "waiting"]
    world.ends(running)
    assert world.started() == []
    assert world.status(second) == "created"
    world.crash()
    world.handle_nothing()
    assert sentences(world.why(job)["draining"])[0] == "anna drains the daemon: no job starts."
    world.undrain()
    assert world.started() == [job, second]
