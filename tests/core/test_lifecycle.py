"""The course of a started job: steps, ends, losses, refusals; and what `starts` counts."""

import pytest

from core.world import NOON, SECOND, World
from lockside.documents.enums import Status
from locksided.api.reasons import sentences
from locksided.core import inputs as i
from locksided.core.model import MOST_PREEMPTIONS


@pytest.mark.parametrize("status", ["success", "warning", "error"])
def test_the_outcome_of_the_work_decides_the_final_status_of_a_job(status: str) -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.advance(5)
    world.ends(job, status=status, result={"message": "done"})
    assert world.history(job) == ["created", "processing", status]
    assert world.row(job)["duration_us"] == 5 * SECOND
    assert world.row(job)["result"] == {"message": "done"}
    assert world.row(job)["end_us"] == world.now_us


def test_an_outcome_that_comes_before_the_report_of_the_start_counts_the_start() -> None:
    world = World()
    job = world.submit()
    world.ends(job)
    assert world.row(job)["starts"] == 1


def test_an_error_before_the_first_process_counts_no_start() -> None:
    world = World()
    job = world.submit()
    world.handle(i.Finished(job, world.token(job), Status.ERROR, {}, started=False))
    assert world.status(job) == "error"
    assert world.row(job)["starts"] == 0


def test_a_report_of_a_start_that_comes_twice_counts_once() -> None:
    world = World()
    job = world.submit()
    world.spawned(job, job)
    assert world.row(job)["starts"] == 1


def test_reports_of_an_old_token_are_ignored() -> None:
    world = World()
    job = world.submit()
    old = world.token(job)
    world.not_started(job)
    reports: list[i.Input] = [
        i.Spawned(job, old, {}),
        i.StageReached(job, old, "running"),
        i.Progressed(job, old, 0.5, "half"),
        i.StepEnded(job, old),
        i.Finished(job, old, Status.SUCCESS, {}),
        i.NotStarted(job, old, "no memory"),
        i.Orphaned(job, old),
        i.StepLost(job, old),
        i.Lost(job, old, {}),
        i.Finished(999, "999-1-0", Status.SUCCESS, {}),
    ]
    for report in reports:
        step = world.handle(report)
        assert (step.saves, step.actions) == ([], [])


def test_stages_have_their_times_and_the_first_two_always_exist() -> None:
    world = World()
    job = world.submit(delay=1)
    world.advance(1)
    world.advance(1)
    world.spawned(job)
    world.advance(1)
    world.handle(i.StageReached(job, world.token(job), "output_mapping"))
    world.ends(job)
    begun = NOON + SECOND
    assert world.row(job)["stages"] == {
        "accepted": NOON,
        "validated": NOON,
        "preparing": begun,
        "running": begun + SECOND,
        "output_mapping": begun + 2 * SECOND,
        "done": begun + 2 * SECOND,
    }
    never_started = world.submit(held=True)
    world.terminate(never_started)
    assert set(world.row(never_started)["stages"]) == {"accepted", "validated", "done"}


def test_a_stage_is_never_earlier_than_the_one_before_and_keeps_its_first_time() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    running_us = world.row(job)["stages"]["running"]
    world.advance(1)
    world.step_ends(job)
    world.spawned(job)
    stages = {"output_mapping": running_us - SECOND, "cleaning_up": running_us + SECOND // 2}
    world.handle(i.Finished(job, world.token(job), Status.SUCCESS, {}, stages))
    seen = world.row(job)["stages"]
    assert seen["running"] == seen["output_mapping"] == running_us
    assert list(seen.values()) == sorted(seen.values())


def test_a_requeued_job_starts_its_stages_over() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.pause_pool()
    world.loses(job)
    assert set(world.row(job)["stages"]) == {"accepted", "validated"}
    world.terminate(job)
    assert set(world.row(job)["stages"]) == {"accepted", "validated", "done"}


def test_progress_never_sets_a_status_and_is_reset_by_a_requeue() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.handle(i.Progressed(job, world.token(job), 0.5, "half"))
    world.handle(i.Progressed(job, world.token(job), 0.6, None, {"success": 2}))
    assert world.row(job)["result"] == {"counts": {"success": 2}}
    assert (world.row(job)["progress"], world.row(job)["message"]) == (0.6, "half")
    assert world.status(job) == "processing"
    world.loses(job)
    assert [world.row(job)[name] for name in ("progress", "message", "result")] == [None, None, None]


# -- steps ------------------------------------------------------------------------------------------------


def test_the_next_step_starts_under_a_token_of_its_own_and_counts_no_start() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.step_ends(job)
    assert world.started() == [job]
    assert world.token(job) == f"{job}-1-1"
    world.spawned(job)
    assert world.row(job)["starts"] == 1
    world.ends(job)
    assert world.status(job) == "success"


def test_the_next_step_starts_even_while_the_daemon_drains() -> None:
    world = World()
    job = world.submit()
    world.drain()
    world.step_ends(job)
    assert world.started() == [job]


def test_a_step_that_ended_before_its_start_was_reported_counts_as_a_start() -> None:
    world = World()
    job = world.submit()
    world.step_ends(job)
    assert world.row(job)["starts"] == 1
    world.terminate(job)
    world.not_started(job)
    assert world.status(job) == "terminated", "its first step ran"


def test_a_later_step_that_was_not_started_starts_again_without_the_steps_before_it() -> None:
    world = World()
    job = world.submit("orders")
    world.spawned(job)
    world.step_ends(job)
    world.crash()
    world.not_started(job)
    assert world.started() == [job]
    assert world.token(job) == f"{job}-2-1", "the same step under a token that was never burnt"
    assert world.status(job) == "processing"
    world.ends(job)
    assert world.row(job)["starts"] == 1


@pytest.mark.parametrize(("on_lost", "status"), [("requeue", "created"), ("error", "error")])
def test_a_run_whose_later_step_the_system_refuses_is_lost(on_lost: str, status: str) -> None:
    world = World()
    job = world.submit(on_lost=on_lost)
    world.spawned(job)
    world.step_ends(job)
    world.not_started(job, "no memory")
    assert world.status(job) == status
    if status == "error":
        assert world.row(job)["result"]["error"]["kind"] == "spawn"
    else:
        assert world.reasons(job) == {"no_executor"}
        assert world.row(job)["lost_count"] == 1


def test_a_step_that_ends_after_the_request_to_terminate_ends_the_job() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.terminate(job)
    world.step_ends(job)
    assert world.started() == []
    assert world.status(job) == "terminated"


# -- losses -----------------------------------------------------------------------------------------------


def test_a_preempted_job_is_requeued_at_most_twenty_times_and_losses_count_separately() -> None:
    world = World()
    job = world.submit("orders")
    for preemption in range(1, MOST_PREEMPTIONS + 1):
        world.spawned(job)
        world.loses(job, preempted=True)
        assert (world.row(job)["preempted_count"], world.row(job)["lost_count"]) == (preemption, 0)
        assert world.started() == [job]
        world.crash()
    world.spawned(job)
    world.loses(job)
    assert world.row(job)["lost_count"] == 1
    world.spawned(job)
    world.loses(job, preempted=True)
    assert world.status(job) == "error"


def test_a_preempted_job_whose_on_lost_is_error_ends_as_an_error_at_once() -> None:
    world = World()
    job = world.submit(on_lost="error")
    world.spawned(job)
    world.loses(job, preempted=True)
    assert world.status(job) == "error"


def test_a_job_removed_from_an_engines_queue_is_cancelled_because_nothing_of_it_ran() -> None:
    world = World()
    job = world.submit()
    world.handle(i.Finished(job, world.token(job), Status.TERMINATED, {"message": "gone"}, started=False))
    assert (world.status(job), world.row(job)["starts"]) == ("cancelled", 0)


def test_a_lost_job_is_requeued_at_most_three_times_and_then_ends_as_an_error() -> None:
    world = World()
    job = world.submit("orders")
    for launch in range(1, 4):
        world.spawned(job)
        world.loses(job)
        assert world.row(job)["lost_count"] == launch
        assert world.started() == [job]
        world.crash()
    world.spawned(job)
    world.loses(job)
    assert world.status(job) == "error"
    assert world.row(job)["result"]["error"]["kind"] == "lost"
    assert world.row(job)["starts"] == 4
    assert world.history(job) == ["created", *["processing", "created"] * 3, "processing", "error"]


def test_a_job_that_must_not_run_twice_ends_as_an_error_when_it_is_lost() -> None:
    world = World()
    job = world.submit(on_lost="error")
    world.spawned(job)
    world.loses(job)
    assert world.status(job) == "error"


def test_a_loss_before_the_start_was_reported_counts_as_a_start() -> None:
    world = World()
    job = world.submit()
    world.pause_pool()
    world.loses(job)
    assert world.row(job)["starts"] == 1
    world.terminate(job)
    assert world.status(job) == "terminated", "nobody can tell what it did"


def test_a_requeued_job_keeps_its_place_in_line() -> None:
    world = World()
    first = world.submit("orders")
    second = world.submit("orders")
    world.spawned(first)
    world.loses(first)
    assert world.started() == [first]
    urgent = world.submit("orders", priority=1)
    world.loses(first)
    assert world.started() == [urgent]
    assert world.history(first)[-2:] == ["created", "waiting"]
    world.ends(urgent)
    assert world.started() == [first]
    assert world.status(second) == "waiting"


def test_a_requeued_job_releases_its_lock_and_its_slot() -> None:
    world = World(default=1)
    job = world.submit("orders")
    other = world.submit("orders")
    world.not_started(job, "no memory")
    assert world.statuses(job, other) == ["created", "waiting"]
    assert not world.state.pools["default"].running


def test_a_job_whose_keeper_died_keeps_lock_and_slot_until_its_tree_is_empty() -> None:
    world = World(default=1)
    job, other = world.submit("orders"), world.submit("orders")
    world.spawned(job)
    world.keeper_dies(job)
    assert world.status(job) == "processing"
    assert "keeper died" in world.row(job)["message"]
    assert "being cleaned up" in sentences(world.why(other)["config_lock"])[0]
    world.loses(job)
    assert world.started() == [job]
    assert world.row(job)["message"] is None


def test_duration_is_the_time_in_processing_over_all_launches() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.advance(10)
    world.pause_pool()
    world.loses(job)
    world.advance(100)
    world.resume_pool()
    world.spawned(job)
    world.advance(5)
    world.ends(job)
    assert world.row(job)["duration_us"] == 15 * SECOND


# -- pauses -----------------------------------------------------------------------------------------------


def test_a_paused_job_keeps_lock_and_slot_while_its_duration_stands_still() -> None:
    world = World(default=1)
    job, other = world.submit("orders"), world.submit("orders")
    world.spawned(job)
    world.advance(10)
    world.pause(job)
    assert world.paused() == [job]
    world.advance(100)
    assert world.reasons(other) == {"config_lock", "pool_full"}
    assert "(paused)" in sentences(world.why(other)["config_lock"])[0]
    world.crash()
    world.resume(job)
    assert world.resumed() == [job]
    world.advance(5)
    world.ends(job)
    assert world.row(job)["duration_us"] == 15 * SECOND
    assert world.row(job)["paused_us"] == 100 * SECOND


def test_pausing_and_resuming_twice_change_nothing() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.resume(job)
    assert world.resumed() == []
    world.pause(job)
    world.pause(job)
    assert world.paused() == []


def test_a_job_that_ends_while_it_is_paused_is_no_longer_paused() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.advance(1)
    world.pause(job)
    world.advance(10)
    world.ends(job)
    assert world.row(job)["duration_us"] == SECOND
    assert world.row(job)["paused_by"] is None


def test_a_job_lost_while_it_was_paused_can_be_paused_again_in_its_next_run() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.pause(job)
    world.advance(10)
    world.loses(job)
    world.spawned(job)
    world.advance(3)
    world.pause(job)
    assert world.paused() == [job]
    world.advance(10)
    world.ends(job)
    assert world.row(job)["duration_us"] == 3 * SECOND


def test_a_step_that_is_lost_alone_is_started_again_and_the_steps_before_it_are_not() -> None:
    world = World(default=1)
    job, other = world.submit("orders"), world.submit("orders")
    world.spawned(job)
    world.step_ends(job)
    old = world.token(job)
    world.spawned(job)
    world.keeper_dies(job)
    world.handle(i.StepLost(job, old))
    assert world.token(job) == f"{job}-2-1"
    assert world.started() == [job]
    assert world.statuses(job, other) == ["processing", "waiting"]
    assert world.row(job)["starts"] == 1
    world.spawned(job)
    world.ends(job)
    assert world.history(job) == ["created", "processing", "success"]


def test_a_first_step_that_is_lost_alone_counts_every_start() -> None:
    world = World()
    job = world.submit()
    for starts in (1, 2):
        world.spawned(job)
        assert world.row(job)["starts"] == starts
        world.handle(i.StepLost(job, world.token(job)))


def test_a_step_that_is_lost_while_the_job_is_being_stopped_is_not_started_again() -> None:
    world = World()
    job = world.submit()
    world.spawned(job)
    world.terminate(job)
    world.handle(i.StepLost(job, world.token(job)))
    assert (world.status(job), world.started()) == ("terminated", [])
