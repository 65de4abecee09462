"""Orchestrations: phases that follow each other, their tasks, and the effect of failures."""

from dataclasses import replace

import pytest

from core.explanations import details
from core.trees import job, orchestration, phase, retried, rows
from core.world import NOON, SECOND, World
from locksided.api.reasons import sentences
from locksided.core.errors import Invalid


def nightly(world: World, **wishes: object) -> dict[str, int]:
    """Make an orchestration: two extracts, then a transform, then a load and a notification in parallel."""
    return world.make(
        orchestration(
            "nightly",
            phase("extract", job("orders"), job("items")),
            phase("transform", job("sums"), after="extract"),
            phase("load", job("upload"), after="transform"),
            phase("tell", job("mail"), after="transform"),
            **wishes,
        )
    )


# -- order ------------------------------------------------------------------------------------------------


def test_phases_run_in_their_order_and_independent_phases_run_together() -> None:
    world = World()
    jobs = nightly(world)
    assert world.standing(jobs) == {
        "processing": ["nightly", "extract", "orders", "items"],
        "waiting": ["transform", "sums", "load", "upload", "tell", "mail"],
    }
    world.ends(jobs["orders"])
    assert world.status(jobs["transform"]) == "waiting"
    world.ends(jobs["items"])
    assert world.status(jobs["extract"]) == "success"
    assert world.started() == [jobs["sums"]]
    world.ends(jobs["sums"])
    assert world.started() == [jobs["upload"], jobs["mail"]]
    world.ends(jobs["mail"], jobs["upload"])
    assert set(world.standing(jobs)) == {"success"}
    assert world.row(jobs["nightly"])["result"] == {"message": "All 4 jobs ended well."}


def test_a_phase_that_waits_names_the_phases_before_it_and_their_unfinished_jobs() -> None:
    world = World()
    jobs = nightly(world)
    world.ends(jobs["orders"])
    reason = world.why(jobs["transform"])["phase"]
    assert details(reason) == {"phases": ("extract",), "jobs": (jobs["items"],)}
    assert sentences(reason)[0] == "Phase 'extract' must be done first."
    assert world.reasons(jobs["sums"]) == set()
    assert set(world.via(jobs["sums"])) == {("phase", jobs["transform"])}


def test_a_task_of_a_waiting_orchestration_reports_the_reasons_of_all_its_ancestors() -> None:
    world = World()
    other = world.submit("c:nightly")
    jobs = nightly(world, lock="c:nightly")
    assert set(world.standing(jobs)) == {"waiting"}
    assert set(world.via(jobs["orders"])) == {("config_lock", jobs["nightly"])}
    assert set(world.via(jobs["sums"])) == {("phase", jobs["transform"]), ("config_lock", jobs["nightly"])}
    world.ends(other)
    assert world.status(jobs["orders"]) == "processing"


def test_phases_may_be_listed_in_any_order() -> None:
    world = World()
    jobs = world.make(
        orchestration("nightly", phase("late", job("b"), after="early"), phase("early", job("a")))
    )
    assert world.standing(jobs) == {"processing": ["nightly", "early", "a"], "waiting": ["late", "b"]}
    world.ends(jobs["a"])
    assert world.started() == [jobs["b"]]


def test_phases_that_wait_for_each_other_are_refused_as_a_cycle() -> None:
    world = World()
    tree = orchestration(
        "nightly", phase("a", job("x"), after="b"), phase("b", job("y"), after="a"), phase("c", job("z"))
    )
    with world.refused(Invalid, "in a circle: a, b"):
        world.make(tree)


def test_empty_phases_are_done_at_once() -> None:
    world = World()
    jobs = world.make(
        orchestration("nightly", phase("a"), phase("b", after="a"), phase("c", job("x"), after="b"))
    )
    assert world.standing(jobs) == {"processing": ["nightly", "c", "x"], "success": ["a", "b"]}


def test_a_delay_counts_from_the_start_of_its_phase() -> None:
    world = World()
    jobs = world.make(
        orchestration(
            "nightly",
            phase("extract", job("orders")),
            phase("tell", job("mail", delay=30), job("post"), after="extract"),
        )
    )
    mail = jobs["mail"]
    assert set(world.via(mail)) == {("phase", jobs["tell"])}
    assert world.row(mail)["start_at_us"] is None
    world.advance(100)
    world.crash()
    world.ends(jobs["orders"])
    assert world.started() == [jobs["post"]]
    assert world.row(mail)["start_at_us"] == NOON + 130 * SECOND
    assert world.status(mail) == "created"
    assert world.why(mail)["start_time"].since_us == NOON + 100 * SECOND
    world.advance(30)
    assert world.started() == [mail]


# -- failures ---------------------------------------------------------------------------------------------


def test_a_failed_phase_cancels_the_phases_that_need_it_transitively() -> None:
    world = World()
    jobs = nightly(world)
    world.ends(jobs["orders"])
    world.fails(jobs["items"])
    assert world.standing(jobs) == {
        "error": ["nightly", "extract", "items"],
        "success": ["orders"],
        "cancelled": ["transform", "sums", "load", "upload", "tell", "mail"],
    }
    assert world.row(jobs["nightly"])["result"]["message"] == f"1 of 4 jobs failed: {jobs['extract']}."
    error = world.row(jobs["load"])["result"]["error"]
    phase = f"Phase 'transform' (job {jobs['transform']})"
    assert error["message"] == f"{phase} ended with status cancelled."
    assert world.row(jobs["sums"])["message"] == f"Its container, job {jobs['transform']}, was cancelled."


def test_the_failure_of_a_task_that_may_fail_is_a_warning_and_the_next_phase_runs() -> None:
    world = World()
    jobs = world.make(
        orchestration(
            "nightly",
            phase("extract", job("orders", on_error="warning"), job("items")),
            phase("load", job("upload"), after="extract"),
        )
    )
    world.fails(jobs["orders"])
    world.ends(jobs["items"])
    assert world.status(jobs["extract"]) == "warning"
    assert world.started() == [jobs["upload"]]
    world.ends(jobs["upload"])
    assert world.status(jobs["nightly"]) == "warning"


def test_a_phase_that_may_fail_is_an_error_that_counts_as_done() -> None:
    world = World()
    jobs = world.make(
        orchestration(
            "nightly",
            phase("extract", job("orders"), on_error="warning"),
            phase("load", job("upload"), after="extract"),
        )
    )
    world.fails(jobs["orders"])
    assert world.status(jobs["extract"]) == "error"
    assert world.started() == [jobs["upload"]]
    world.ends(jobs["upload"])
    assert world.status(jobs["nightly"]) == "warning"


def test_a_task_that_stops_its_phase_lets_running_tasks_continue() -> None:
    world = World(default=2)
    jobs = world.make(
        orchestration(
            "nightly",
            phase("extract", job("a", on_error="stop"), job("b"), job("c"), rows("r", 3, at_once=2)),
            phase("load", job("upload"), after="extract"),
        )
    )
    assert world.statuses(jobs["c"], jobs["r"], jobs["r 1"]) == ["created", "processing", "created"]
    world.fails(jobs["a"])
    assert world.status(jobs["c"]) == "cancelled"
    assert world.statuses(jobs["b"], jobs["r"]) == ["processing", "processing"], "these have started"
    world.ends(jobs["b"], jobs["r 1"], jobs["r 2"], jobs["r 3"])
    assert world.standing(jobs) == {
        "error": ["nightly", "extract", "a"],
        "success": ["b", "r", "r 1", "r 2", "r 3"],
        "cancelled": ["c", "load", "upload"],
    }


def test_a_phase_terminated_by_hand_before_it_began_counts_and_cancels_those_after_it() -> None:
    world = World()
    jobs = nightly(world)
    world.terminate(jobs["transform"])
    assert world.standing(jobs)["cancelled"] == ["transform", "sums", "load", "upload", "tell", "mail"]
    assert world.status(jobs["nightly"]) == "processing"
    world.ends(jobs["orders"], jobs["items"])
    assert world.status(jobs["nightly"]) == "error"


def test_the_end_of_a_phase_also_takes_effect_before_the_orchestration_has_started() -> None:
    world = World()
    jobs = nightly(world, held=True)
    world.terminate(jobs["extract"])
    assert world.standing(jobs)["created"] == ["nightly"]
    assert len(world.standing(jobs)["cancelled"]) == 9
    world.release(jobs["nightly"])
    assert world.history(jobs["nightly"])[-2:] == ["processing", "error"]


@pytest.mark.parametrize("end", ["success", "error"])
def test_a_dependant_of_an_orchestration_depends_on_how_the_orchestration_ends(end: str) -> None:
    world = World()
    jobs = world.make(orchestration("nightly", phase("only", job("orders"))))
    report = world.submit(after=[jobs["nightly"]])
    world.ends(jobs["orders"], status=end)
    assert world.status(report) == ("processing" if end == "success" else "cancelled")


# -- locks, slots, nesting --------------------------------------------------------------------------------


def test_tasks_take_their_own_locks_and_wait_for_them() -> None:
    world = World()
    other = world.submit("c:orders")
    jobs = world.make(
        orchestration("nightly", phase("extract", job("orders", lock="c:orders"), job("items")))
    )
    assert world.statuses(jobs["orders"], jobs["items"]) == ["waiting", "processing"]
    assert world.why(jobs["orders"])["config_lock"].holder_ids == (other,)
    world.ends(other)
    assert world.started() == [jobs["orders"]]


def test_an_orchestration_of_one_slot_does_all_its_work_in_it() -> None:
    world = World(default=1)
    jobs = nightly(world)
    order = []
    while world.state.jobs:
        (running,) = world.scheduler.started_jobs()
        order.append(running.id)
        world.ends(running.id)
    assert order == [jobs[name] for name in ("orders", "items", "sums", "upload", "mail")]


def test_the_result_that_a_phase_began_with_stays_beside_its_message() -> None:
    world = World()
    tree = orchestration("nightly", phase("extract", job("orders")))
    extract = tree.children[0]
    carried = {"tasks": [{"id": "1", "action": "carry", "job": "7"}]}
    extract = replace(extract, values={**extract.values, "result": carried})
    tree = replace(tree, children=(extract,))
    jobs = world.make(tree)
    world.crash()
    world.ends(jobs["orders"])
    assert world.row(jobs["extract"])["result"] == {**carried, "message": "Its job ended well."}


def test_three_phases_of_twelve_tasks_with_rows_a_warning_and_a_stop() -> None:
    world = World(default=6)
    jobs = world.make(
        orchestration(
            "nightly",
            phase(
                "extract",
                job("crm", on_error="warning"),
                job("shop"),
                rows("files", 20, at_once=3),
                retried("api", 2),
            ),
            phase(
                "transform",
                job("t1"),
                job("t2"),
                job("t3"),
                job("t4", on_error="stop"),
                after="extract",
            ),
            phase("load", job("l1"), job("l2"), job("l3"), job("l4"), after="transform"),
        )
    )
    most = 0
    while world.status(jobs["extract"]) == "processing":
        at_once = [name for name in world.standing(jobs)["processing"] if name.startswith("files ")]
        most = max(most, len(at_once))
        first = next(iter(world.scheduler.started_jobs())).id
        if first in (jobs["crm"], jobs["api 1"]):
            world.fails(first, failure="application")
        else:
            world.ends(first)
    assert most == 3
    assert world.status(jobs["extract"]) == "warning"
    assert world.statuses(jobs["crm"], jobs["api"]) == ["error", "success"], "the second attempt was better"
    world.fails(jobs["t4"])
    world.ends(jobs["t1"], jobs["t2"], jobs["t3"])
    assert world.status(jobs["transform"]) == "error"
    assert world.statuses(*[jobs[name] for name in ("load", "l1", "l4")]) == ["cancelled"] * 3
    assert world.status(jobs["nightly"]) == "error"
    assert not world.state.jobs
