"""Containers of rows: they take no slot, limit the running rows, and end as the rows determine."""

import pytest

from core.explanations import details
from core.trees import job, of_rows, rows
from core.world import NOON, SECOND, World
from locksided.api.reasons import sentences
from locksided.core.errors import Conflict, InvalidTransition

# -- starting ---------------------------------------------------------------------------------------------


def test_a_container_and_as_many_rows_as_allowed_start_in_the_step_that_creates_them() -> None:
    world = World()
    jobs = world.make(rows("orders", 5, at_once=3))
    assert world.standing(jobs) == {
        "processing": ["orders", "orders 1", "orders 2", "orders 3"],
        "waiting": ["orders 4", "orders 5"],
    }
    assert world.started() == [jobs["orders 1"], jobs["orders 2"], jobs["orders 3"]]
    assert world.row(jobs["orders 4"])["run_id"] == f"{jobs['orders']}.{jobs['orders 4']}"
    assert world.row(jobs["orders 4"])["relation"] == "strong"


def test_a_waiting_row_names_its_container_the_limit_and_the_running_rows() -> None:
    world = World()
    jobs = world.make(rows("orders", 5, at_once=2))
    reason = world.why(jobs["orders 4"])["parallelism"]
    running = [jobs["orders 1"], jobs["orders 2"]]
    assert details(reason) == {
        "container": jobs["orders"],
        "limit": 2,
        "running": tuple(running),
        "ahead": 1,
    }
    limit = f"Container {jobs['orders']} has reached its limit of 2 running jobs"
    assert sentences(reason)[0] == f"{limit} and 1 sibling comes first."


def test_the_next_row_starts_when_one_ends() -> None:
    world = World()
    jobs = world.make(rows("orders", 3, at_once=1))
    world.ends(jobs["orders 1"])
    assert world.started() == [jobs["orders 2"]]
    world.ends(jobs["orders 2"], jobs["orders 3"])
    assert world.status(jobs["orders"]) == "success"
    assert world.row(jobs["orders"])["result"] == {"message": "All 3 jobs ended well."}
    assert not world.state.jobs


def test_without_a_limit_every_row_that_finds_a_slot_runs() -> None:
    world = World(default=None)
    jobs = world.make(rows("orders", 20, at_once=None))
    assert len(world.started()) == 20
    assert world.row(jobs["orders"])["parallelism"] == "infinity"


def test_a_container_takes_no_slot() -> None:
    world = World(default=1)
    jobs = world.make(rows("orders", 2, at_once=2))
    assert world.standing(jobs) == {"processing": ["orders", "orders 1"], "created": ["orders 2"]}
    assert world.reasons(jobs["orders 2"]) == {"pool_full"}


def test_rows_within_the_limit_wait_for_a_slot_and_later_rows_for_their_siblings_too() -> None:
    world = World(default=1)
    jobs = world.make(rows("orders", 5, at_once=3))
    assert world.standing(jobs) == {
        "processing": ["orders", "orders 1"],
        "created": ["orders 2", "orders 3"],
        "waiting": ["orders 4", "orders 5"],
    }
    assert world.reasons(jobs["orders 4"]) == {"pool_full", "parallelism"}
    world.ends(jobs["orders 1"])
    assert world.status(jobs["orders 4"]) == "created", "two are ahead of it or run, and three may"
    assert world.status(jobs["orders 5"]) == "waiting"


def test_a_held_row_leaves_its_place_within_the_limit_to_the_next_row() -> None:
    world = World(default=1)
    jobs = world.make(rows("orders", 4, at_once=2))
    world.hold(jobs["orders 2"])
    assert world.statuses(jobs["orders 3"], jobs["orders 4"]) == ["created", "waiting"]
    world.release(jobs["orders 2"])
    assert world.statuses(jobs["orders 2"], jobs["orders 3"]) == ["created", "waiting"]


def test_a_container_without_children_succeeds_in_one_step() -> None:
    world = World()
    jobs = world.make(of_rows("nothing", [], at_once=2))
    assert world.history(jobs["nothing"]) == ["created", "processing", "success"]
    assert world.row(jobs["nothing"])["result"] == {"message": "No configurations executed."}


def test_rows_of_two_containers_share_a_pool_in_the_order_of_their_age() -> None:
    world = World(default=3)
    first = world.make(rows("first", 4, at_once=2))
    second = world.make(rows("second", 4, at_once=2))
    assert world.standing(second)["processing"] == ["second", "second 1"]
    world.ends(first["first 1"])
    assert world.started() == [first["first 3"]], "the older container's row comes first"


# -- reasons of the container to wait ---------------------------------------------------------------------


def test_rows_wait_for_the_lock_of_their_container_and_name_the_container() -> None:
    world = World()
    other = world.submit("c:orders")
    jobs = world.make(rows("orders", 2, at_once=2, lock="c:orders"))
    assert set(world.standing(jobs)) == {"waiting"}
    assert world.reasons(jobs["orders"]) == {"config_lock"}
    via = world.via(jobs["orders 1"])
    assert set(via) == {("config_lock", jobs["orders"])}
    assert via["config_lock", jobs["orders"]].holder_ids == (other,)
    assert world.reasons(jobs["orders 1"]) == set()
    world.ends(other)
    assert set(world.standing(jobs)) == {"processing"}


def test_a_container_keeps_its_lock_until_its_last_row_has_ended() -> None:
    world = World()
    jobs = world.make(rows("orders", 2, at_once=1, lock="c:orders"))
    single_row = world.submit("c:orders")
    world.ends(jobs["orders 1"])
    assert world.why(single_row)["config_lock"].holder_ids == (jobs["orders"],)
    world.ends(jobs["orders 2"])
    assert world.started() == [single_row]
    assert [world.row(job_id)["lock_key"] for job_id in jobs.values()] == ["c:orders", None, None]


def test_hold_delay_and_dependencies_belong_to_the_container() -> None:
    world = World()
    first = world.submit()
    tree = rows("orders", 2, at_once=2, held=True, start_at_us=NOON + 10 * SECOND)
    jobs = world.make(tree, depends_on=world.draft(after=[first]).depends_on)
    container, row = jobs["orders"], jobs["orders 1"]
    assert world.reasons(container) == {"held", "start_time", "dependency"}
    assert {kind for kind, _ in world.via(row)} == {"held", "start_time", "dependency"}
    assert world.status(row) == "waiting"
    world.release(container)
    world.advance(10)
    world.ends(first)
    assert set(world.standing(jobs)) == {"processing"}


def test_a_dependency_that_cannot_be_met_cancels_the_container_with_its_rows() -> None:
    world = World()
    first = world.submit()
    world.fails(first)
    jobs = world.make(rows("orders", 2, at_once=2), depends_on=world.draft(after=[first]).depends_on)
    assert set(world.standing(jobs)) == {"cancelled"}
    assert world.row(jobs["orders"])["result"]["error"]["kind"] == "dependency"


def test_a_dependant_of_a_container_waits_for_all_its_rows() -> None:
    world = World()
    jobs = world.make(rows("orders", 2, at_once=1))
    report = world.submit(after=[jobs["orders"]])
    world.ends(jobs["orders 1"])
    assert world.reasons(report) == {"dependency"}
    world.ends(jobs["orders 2"])
    assert world.started() == [report]


def test_a_container_does_not_wait_for_a_paused_or_full_pool() -> None:
    world = World(default=0)
    jobs = world.make(rows("orders", 2, at_once=1))
    assert world.standing(jobs) == {
        "processing": ["orders"],
        "created": ["orders 1"],
        "waiting": ["orders 2"],
    }
    assert world.reasons(jobs["orders 1"]) == {"pool_paused"}


def test_draining_starts_no_container_and_no_row_of_a_running_container() -> None:
    world = World()
    running = world.make(rows("orders", 2, at_once=1))
    world.drain()
    late = world.make(rows("items", 1, at_once=1))
    assert world.reasons(late["items"]) == {"draining"}
    world.ends(running["orders 1"])
    assert world.reasons(running["orders 2"]) == {"draining"}
    assert world.scheduler.started_jobs() == [], "drained: the container stays processing"
    assert world.status(running["orders"]) == "processing"
    world.crash()
    world.undrain()
    assert world.status(running["orders 2"]) == "processing"
    assert world.status(late["items 1"]) == "processing"


def test_a_row_that_needs_the_lock_of_its_own_ancestor_names_the_ancestor() -> None:
    world = World()
    jobs = world.make(of_rows("orders", [job("inside", lock="c:orders")], at_once=None, lock="c:orders"))
    reason = world.why(jobs["inside"])["config_lock"]
    assert reason.holder_ids == (jobs["orders"],)
    assert reason.has_ancestor


# -- how it ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "on_error", "status", "message"),
    [
        (["success", "success"], None, "success", "All 2 jobs ended well."),
        (["warning", "success"], None, "warning", "1 of 2 jobs ended with a warning."),
        (["error", "success"], None, "error", "1 of 2 jobs failed: 2."),
        (["error", "success"], "fail", "error", "1 of 2 jobs failed: 2."),
        (["error", "success"], "warning", "warning", "1 of 2 jobs failed, which is tolerated: 2."),
        (["error", "error"], "warning", "warning", "2 of 2 jobs failed, which is tolerated: 2, 3."),
        (["error", "success"], "stop", "error", "1 of 2 jobs failed: 2."),
        (["error", "warning"], None, "error", "1 of 2 jobs failed: 2; 1 of 2 jobs ended with a warning."),
    ],
)
def test_the_rows_decide_how_the_container_ends(
    ends: list[str], on_error: str | None, status: str, message: str
) -> None:
    world = World()
    jobs = world.make(rows("orders", 2, at_once=2, row_on_error=on_error))
    for name, end in zip(["orders 1", "orders 2"], ends, strict=True):
        world.ends(jobs[name], status=end)
    assert world.status(jobs["orders"]) == status
    assert world.row(jobs["orders"])["result"]["message"] == message


@pytest.mark.parametrize("crashes", [False, True])
def test_a_failed_container_names_the_job_below_it_that_failed(crashes: bool) -> None:
    world = World()
    jobs = world.make(of_rows("all", [rows("orders", 3, at_once=3)], at_once=None))
    for name in ("orders 3", "orders 2"):
        error = {"type": "user", "kind": "exit", "message": f"{name} is broken.\nThe whole story."}
        world.ends(jobs[name], status="error", message=f"{name} is broken.", result={"error": error})
        if crashes:
            world.crash()
    world.ends(jobs["orders 1"])
    cause = {"job": str(jobs["orders 2"]), "message": "orders 2 is broken."}
    for name in ("orders", "all"):
        assert world.row(jobs[name])["result"]["error"]["cause"] == cause


def test_a_row_that_stops_its_siblings_cancels_the_unstarted_ones_immediately() -> None:
    world = World()
    jobs = world.make(rows("orders", 4, at_once=2, row_on_error="stop"))
    world.fails(jobs["orders 1"])
    assert world.standing(jobs) == {
        "processing": ["orders", "orders 2"],
        "error": ["orders 1"],
        "cancelled": ["orders 3", "orders 4"],
    }
    world.ends(jobs["orders 2"])
    assert world.status(jobs["orders"]) == "error"
    assert world.row(jobs["orders"])["result"]["message"] == f"1 of 4 jobs failed: {jobs['orders 1']}."


def test_a_row_that_is_lost_after_a_siblings_stop_is_not_run_again() -> None:
    world = World()
    jobs = world.make(rows("orders", 3, at_once=3, row_on_error="stop"))
    world.spawned(jobs["orders 2"])
    world.fails(jobs["orders 1"])
    world.loses(jobs["orders 2"])
    world.not_started(jobs["orders 3"])
    assert world.history(jobs["orders 2"])[-2:] == ["terminating", "terminated"]
    assert world.history(jobs["orders 3"])[-2:] == ["terminating", "cancelled"]
    assert world.status(jobs["orders"]) == "error"


def test_a_row_terminated_by_hand_counts_according_to_its_own_behaviour() -> None:
    for on_error, status in [(None, "error"), ("warning", "warning"), ("stop", "error")]:
        world = World()
        jobs = world.make(rows("orders", 2, at_once=1, row_on_error=on_error))
        world.terminate(jobs["orders 2"])
        assert world.status(jobs["orders 2"]) == "cancelled"
        assert world.status(jobs["orders"]) == "processing"
        world.ends(jobs["orders 1"])
        assert world.status(jobs["orders"]) == status


def test_a_stop_also_takes_effect_before_the_container_has_started() -> None:
    world = World()
    jobs = world.make(rows("orders", 3, at_once=2, row_on_error="stop", held=True))
    world.terminate(jobs["orders 2"])
    assert world.standing(jobs) == {
        "created": ["orders"],
        "cancelled": ["orders 1", "orders 2", "orders 3"],
    }
    world.release(jobs["orders"])
    assert world.history(jobs["orders"])[-2:] == ["processing", "error"]


def test_a_container_whose_rows_all_failed_names_only_the_first_of_them() -> None:
    world = World(default=None)
    jobs = world.make(rows("orders", 13, at_once=None))
    with world.checked_at_the_end():
        world.fails(*[job_id for name, job_id in jobs.items() if name != "orders"])
    message = world.row(jobs["orders"])["result"]["message"]
    assert message == "13 of 13 jobs failed: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more."


def test_a_requeued_row_comes_back_to_its_place_among_its_siblings() -> None:
    world = World()
    jobs = world.make(rows("orders", 3, at_once=1))
    world.spawned(jobs["orders 1"])
    world.loses(jobs["orders 1"])
    assert world.started() == [jobs["orders 1"]]
    assert world.status(jobs["orders 2"]) == "waiting"


# -- actions of people on a container ---------------------------------------------------------------------


def test_pausing_a_container_pauses_its_running_jobs_and_resuming_continues_them() -> None:
    world = World(default=2)
    jobs = world.make(rows("orders", 3, at_once=2))
    one, two, three = (jobs[f"orders {number}"] for number in (1, 2, 3))
    world.spawned(one)
    world.pause(jobs["orders"])
    paused = [world.job(each).run.paused_since_us is not None for each in (one, two)]
    assert paused == [True, True], "the second one as soon as it has a process"
    assert world.job(three).run is None
    world.resume(jobs["orders"])
    assert [world.job(each).run.paused_since_us for each in (one, two)] == [None, None]


def test_a_container_in_which_nothing_runs_cannot_be_paused() -> None:
    world = World()
    world.pool("default", 0)
    jobs = world.make(rows("orders", 1, at_once=1))
    with world.refused(InvalidTransition, "waiting|No job in container"):
        world.pause(jobs["orders"])


def test_a_new_priority_passes_down_to_unstarted_jobs_even_while_the_container_runs() -> None:
    world = World(default=2)
    low = world.make(rows("low", 3, at_once=2))
    other = world.make(rows("other", 2, at_once=2))
    world.reprioritise(other["other"], 50)
    assert [world.job(other[name]).priority for name in ("other", "other 1", "other 2")] == [50, 50, 50]
    assert world.job(low["low 3"]).priority == 0
    world.ends(low["low 1"])
    assert world.started() == [other["other 1"]]
    world.reprioritise(low["low"], 100)
    assert world.job(low["low 2"]).priority == 0, "it runs already"
    world.ends(low["low 2"])
    assert world.started() == [low["low 3"]]
    with world.refused(InvalidTransition, "given another priority"):
        world.reprioritise(low["low"], 7)


def test_a_pool_that_a_container_names_cannot_be_deleted() -> None:
    world = World(other=1)
    tree = of_rows("orders", [job("inside")], at_once=1, pool="other", held=True)
    world.make(tree)
    with world.refused(Conflict, "not ended name the pool"):
        world.delete_pool("other")


def test_a_container_survives_a_restart_with_all_its_counts() -> None:
    world = World()
    jobs = world.make(rows("orders", 4, at_once=1, row_on_error="warning"))
    world.fails(jobs["orders 1"])
    world.ends(jobs["orders 2"], status="warning")
    world.crash()
    world.ends(jobs["orders 3"], jobs["orders 4"])
    assert world.status(jobs["orders"]) == "warning"
    assert world.row(jobs["orders"])["result"]["message"] == (
        f"1 of 4 jobs failed, which is tolerated: {jobs['orders 1']}; 1 of 4 jobs ended with a warning."
    )
