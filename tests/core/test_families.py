"""Terminating, amending and waiting across containers, their children, parents and dependants."""

import pytest

from core.explanations import details
from core.trees import PLAIN, job, of_rows, orchestration, phase, retried, rows
from core.world import NOON, SECOND, World
from lockside.documents.enums import Status
from locksided.core.errors import Conflict, InvalidTransition
from locksided.core.model import Condition, Dependency, Draft

# -- terminating ------------------------------------------------------------------------------------------


def test_terminating_a_container_cancels_waiting_and_stops_running_jobs_in_one_step() -> None:
    world = World()
    jobs = world.make(rows("orders", 4, at_once=2, lock="c:orders"))
    other = world.submit("c:orders")
    world.spawned(jobs["orders 1"], jobs["orders 2"])
    world.terminate(jobs["orders"])
    assert world.standing(jobs) == {
        "terminating": ["orders", "orders 1", "orders 2"],
        "cancelled": ["orders 3", "orders 4"],
    }
    assert world.stopped() == [jobs["orders 1"], jobs["orders 2"]]
    world.ends(jobs["orders 1"])
    assert world.status(jobs["orders"]) == "terminating"
    assert world.status(other) == "waiting", "nothing is released in between"
    world.crash()
    world.ends(jobs["orders 2"])
    assert world.status(jobs["orders"]) == "terminated"
    assert world.started() == [other]


def test_a_container_in_which_no_job_ever_started_is_cancelled() -> None:
    world = World()
    jobs = world.make(rows("orders", 2, at_once=2))
    world.terminate(jobs["orders"])
    assert world.status(jobs["orders"]) == "terminating", "two starts are in flight"
    world.not_started(jobs["orders 1"])
    world.not_started(jobs["orders 2"])
    assert set(world.standing(jobs)) == {"cancelled"}
    waiting = world.make(rows("items", 2, at_once=2, held=True))
    world.terminate(waiting["items"])
    assert set(world.standing(waiting)) == {"cancelled"}
    paused = World(default=0)
    jobs = paused.make(rows("orders", 2, at_once=2))
    paused.terminate(jobs["orders"])
    assert paused.history(jobs["orders"]) == ["created", "processing", "terminating", "cancelled"]


def test_terminating_an_orchestration_reaches_attempts_rows_and_phases_to_come() -> None:
    world = World()
    jobs = world.make(
        orchestration(
            "nightly",
            phase("get", rows("files", 3, at_once=1), retried("api", 2)),
            phase("load", job("upload"), after="get"),
        )
    )
    world.spawned(jobs["files 1"], jobs["api 1"])
    world.terminate(jobs["nightly"])
    assert world.standing(jobs) == {
        "terminating": ["nightly", "get", "files", "files 1", "api", "api 1"],
        "cancelled": ["files 2", "files 3", "load", "upload"],
    }
    world.fails(jobs["api 1"], failure="application")
    world.ends(jobs["files 1"])
    assert world.standing(jobs)["terminated"] == ["nightly", "get", "files", "files 1", "api", "api 1"]


def test_a_child_stopped_by_hand_counts_in_its_container_and_a_sibling_takes_its_place() -> None:
    world = World()
    jobs = world.make(rows("orders", 2, at_once=1, row_on_error="warning"))
    world.spawned(jobs["orders 1"])
    world.terminate(jobs["orders 1"])
    assert world.status(jobs["orders 2"]) == "waiting"
    world.ends(jobs["orders 1"])
    assert world.started() == [jobs["orders 2"]]
    world.ends(jobs["orders 2"])
    assert world.status(jobs["orders"]) == "warning"


def test_terminating_a_row_terminates_the_jobs_and_containers_that_it_submitted() -> None:
    world = World(default=None)
    jobs = world.make(rows("orders", 1, at_once=1))
    row = jobs["orders 1"]
    below = world.make(rows("inner", 2, at_once=1), parent_id=row)
    assert world.row(below["inner"])["relation"] == "weak"
    assert world.row(below["inner 1"])["run_id"].startswith(f"{jobs['orders']}.{row}.")
    world.terminate(jobs["orders"])
    assert world.standing(below) == {"terminating": ["inner", "inner 1"], "cancelled": ["inner 2"]}


def test_a_container_does_not_wait_for_a_weak_child() -> None:
    world = World(default=None)
    jobs = world.make(rows("orders", 1, at_once=1))
    below = world.submit(parent=jobs["orders 1"])
    world.ends(jobs["orders 1"])
    assert world.statuses(jobs["orders"], below) == ["success", "processing"]


def test_a_container_below_which_a_weak_job_ran_is_terminated_and_not_cancelled() -> None:
    world = World(default=None)
    jobs = world.make(rows("orders", 1, at_once=1))
    below = world.submit(parent=jobs["orders 1"])
    world.spawned(below)
    world.terminate(jobs["orders"])
    world.ends(below)
    world.not_started(jobs["orders 1"])
    assert world.statuses(jobs["orders 1"], jobs["orders"]) == ["cancelled", "terminated"]


# -- the forecast of a termination ------------------------------------------------------------------------


def check_forecast(world: World, job_id: int) -> None:
    """Terminate a job and check that the forecast was right."""
    forecast = world.scheduler.preview_termination(job_id, world.now_us)
    world.check()
    before = {other: world.status(other) for other in world.disk.jobs}
    world.terminate(job_id)
    stopped = world.stopped()
    with world.checked_at_the_end():
        for other in stopped:
            world.ends(other)
    now = {other: world.status(other) for other in before}
    assert sorted(forecast.stopped) == sorted(stopped)
    cancelled = {other for other, status in now.items() if status == "cancelled" != before[other]}
    ended = dict(forecast.ended)
    assert set(forecast.cancelled) | {one for one in ended if ended[one] is Status.CANCELLED} == cancelled
    for container, status in ended.items():
        assert now[container] == status
    started = [other for other, status in now.items() if status == "processing" != before[other]]
    assert sorted(forecast.started) == sorted(started)


def test_the_forecast_is_right_for_parents_children_and_dependants() -> None:
    world = World(default=3)
    nightly = world.make(
        orchestration(
            "nightly",
            phase("get", rows("files", 3, at_once=1, lock="c:files"), job("b", on_error="stop"), job("c")),
            phase("load", job("upload"), after="get"),
        )
    )
    after = world.submit(after=[nightly["nightly"]])
    same = world.make(rows("same", 2, at_once=2, lock="c:files"))
    anyway = world.submit(after=[nightly["nightly"]], when="final")
    forecast = world.scheduler.preview_termination(nightly["files"], world.now_us)
    assert forecast.stopped == (nightly["files 1"],)
    assert set(forecast.cancelled) == {nightly["files 2"], nightly["files 3"]}
    assert forecast.ended == ((nightly["files"], Status.TERMINATED),)
    assert forecast.freed == ("c:files",)
    assert forecast.started == (same["same"], same["same 1"])
    whole = world.scheduler.preview_termination(nightly["nightly"], world.now_us)
    assert after in whole.cancelled
    assert anyway in whole.started
    check_forecast(world, nightly["b"])
    check_forecast(world, nightly["files"])


@pytest.mark.parametrize("name", ["nightly", "get", "files", "files 1", "load", "upload", "api", "api 1"])
def test_the_forecast_for_every_job_of_an_orchestration_is_right(name: str) -> None:
    world = World(default=2)
    jobs = world.make(
        orchestration(
            "nightly",
            phase("get", rows("files", 3, at_once=2, row_on_error="stop"), retried("api", 2)),
            phase("load", job("upload"), after="get"),
            lock="c:nightly",
        )
    )
    world.submit("c:nightly")
    world.submit(after=[jobs["get"]], when="final")
    check_forecast(world, jobs[name])


# -- amending ---------------------------------------------------------------------------------------------


def test_the_successor_of_an_amended_job_takes_its_place() -> None:
    world = World()
    running = world.submit("c:orders")
    first, behind = world.submit("c:orders"), world.submit("c:orders")
    successor = world.amend(first, world.draft("c:orders"))
    assert world.status(first) == "cancelled"
    assert world.row(first)["message"] == f"Amended: job {successor} takes its place."
    assert world.row(first)["result"] is None
    assert world.row(successor)["line_order"] == first
    assert world.why(behind)["config_lock"].ahead == 1
    world.crash()
    world.ends(running)
    assert world.started() == [successor]


def test_the_successor_keeps_hold_and_start_time_unless_they_are_changed() -> None:
    world = World()
    first = world.submit(delay=60, held=True)
    kept = world.amend(first, world.draft())
    assert world.reasons(kept) == {"held", "start_time"}
    changed = world.amend(kept, world.draft(), keep_hold=False, keep_start_time=False)
    assert world.started() == [changed]


def test_the_successor_takes_over_the_dependants_and_the_dependencies() -> None:
    world = World()
    before = world.submit()
    first = world.submit(after=[before])
    after = world.submit(after=[first], when="final")
    successor = world.amend(first, world.draft(after=[before]))
    assert details(world.why(after)["dependency"]) == {"jobs": (Dependency(successor, Condition.FINAL),)}
    assert world.status(successor) == "waiting"
    world.crash()
    world.ends(before)
    assert world.started() == [successor]
    world.ends(successor)
    assert world.started() == [after]


def test_amending_a_job_with_other_dependencies_is_refused() -> None:
    world = World()
    before = world.submit()
    first = world.submit(after=[before])
    with world.refused(Conflict, "depend on other jobs"):
        world.amend(first, world.draft())


def test_a_task_is_amended_in_its_phase_and_the_original_does_not_count() -> None:
    world = World(default=1)
    jobs = world.make(orchestration("nightly", phase("get", job("a"), job("b", on_error="stop"))))
    successor = world.amend(jobs["b"], PLAIN)
    assert world.row(successor)["parent_id"] == jobs["get"]
    assert world.row(successor)["behavior_on_error"] == "stop"
    assert world.job(successor).container is world.job(jobs["get"])
    world.ends(jobs["a"])
    world.ends(successor)
    assert world.row(jobs["get"])["result"]["message"] == "All 2 jobs ended well."
    assert world.status(jobs["nightly"]) == "success"


def test_a_delay_that_counts_from_the_phase_moves_to_the_successor() -> None:
    world = World()
    jobs = world.make(
        orchestration("nightly", phase("a", job("x")), phase("b", job("y", delay=30), after="a"))
    )
    successor = world.amend(jobs["y"], PLAIN)
    world.ends(jobs["x"])
    assert world.row(successor)["start_at_us"] == NOON + 30 * SECOND


def test_a_whole_container_is_replaced_with_all_its_rows() -> None:
    world = World()
    world.submit("c:orders")
    jobs = world.make(rows("orders", 3, at_once=1, lock="c:orders"))
    successor = world.amend(jobs["orders"], rows("orders", 2, at_once=2, lock="c:orders"))
    assert set(world.standing(jobs)) == {"cancelled"}
    assert len(world.children(successor)) == 2
    assert world.reasons(successor) == {"config_lock"}


def test_rows_attempts_inner_containers_and_jobs_that_ran_are_not_amended() -> None:
    world = World()
    with_rows = world.make(rows("orders", 2, at_once=1))
    with world.refused(Conflict, "A row of a container cannot"):
        world.amend(with_rows["orders 2"], PLAIN)
    held = world.make(retried("api", 2, held=True))
    with world.refused(Conflict, "An attempt cannot"):
        world.amend(held["api 1"], PLAIN)
    nightly = world.make(
        orchestration("n", phase("a", job("x")), phase("b", rows("r", 1, at_once=1), after="a"))
    )
    for name in ("b", "r"):
        with world.refused(Conflict, "is a container in a container"):
            world.amend(nightly[name], PLAIN)
    with world.refused(InvalidTransition, "can be amended"):
        world.amend(nightly["x"], PLAIN)
    world.spawned(nightly["x"])
    world.pause_pool()
    world.loses(nightly["x"])
    with world.refused(InvalidTransition, "ran before"):
        world.amend(nightly["x"], PLAIN)


# -- waiting for each other -------------------------------------------------------------------------------


def test_a_row_may_not_wait_for_its_own_container() -> None:
    world = World()
    jobs = world.make(rows("orders", 2, at_once=2))
    with world.refused(Conflict, "would wait for ever: 2 -> 1 -> 2"):
        world.wait(jobs["orders 1"], jobs["orders"])


def test_a_row_may_not_wait_for_a_row_that_waits_for_its_place() -> None:
    world = World()
    jobs = world.make(rows("orders", 3, at_once=1))
    with world.refused(Conflict, "would wait for ever"):
        world.wait(jobs["orders 1"], jobs["orders 3"])
    two = world.make(rows("items", 3, at_once=2))
    world.wait(two["items 1"], two["items 3"])
    with world.refused(Conflict, "would wait for ever"):
        world.wait(two["items 2"], two["items 3"])


def test_a_job_may_not_wait_for_a_dependant_of_its_orchestration() -> None:
    world = World()
    jobs = world.make(orchestration("nightly", phase("a", job("x")), phase("b", job("y"), after="a")))
    after = world.submit(after=[jobs["nightly"]])
    with world.refused(Conflict, "would wait for ever"):
        world.wait(jobs["x"], after)
    with world.refused(Conflict, "would wait for ever"):
        world.wait(jobs["x"], jobs["y"])


def test_a_job_may_not_wait_for_a_container_that_needs_its_own_lock() -> None:
    world = World()
    waiter = world.submit("c:orders")
    jobs = world.make(rows("orders", 2, at_once=1, lock="c:orders"))
    for name in jobs:
        with world.refused(Conflict, "would wait for ever"):
            world.wait(waiter, jobs[name])


def test_a_job_may_wait_for_a_container_that_it_submitted_if_there_are_slots() -> None:
    world = World(default=2)
    waiter = world.submit()
    below = world.make(rows("orders", 3, at_once=3), parent_id=waiter)
    world.wait(waiter, below["orders"])
    small = World(default=1)
    waiter = small.submit()
    below = small.make(rows("orders", 3, at_once=3), parent_id=waiter)
    with small.refused(Conflict, "would wait for ever"):
        small.wait(waiter, below["orders"])
    assert small.why(below["orders 1"])["pool_full"].has_ancestor


def test_a_row_may_not_depend_on_its_ancestors() -> None:
    world = World()
    jobs = world.make(rows("orders", 1, at_once=1))
    draft: Draft = world.draft(parent=jobs["orders 1"], after=[jobs["orders"]])
    with world.refused(Conflict, "own ancestor"):
        world.submit_all(draft)


def test_an_empty_container_has_no_children() -> None:
    world = World()
    jobs = world.make(of_rows("nothing", [], at_once=1))
    assert world.children(jobs["nothing"]) == []
