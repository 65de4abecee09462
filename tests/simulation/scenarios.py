"""Faults that simulations have found, as scenarios of their own: each must stay fixed."""

from collections.abc import Callable
from dataclasses import replace

from core.trees import PLAIN, job, orchestration, phase
from lockside.documents.enums import OnLost
from locksided.core import inputs as i
from locksided.core.model import Condition, Dependency, Draft
from simulation.keeper import Release
from simulation.people import ANNA, ROOT
from simulation.stage import Stage

Scenario = Callable[[Stage], None]
PUT = i.PutPool("third", 1, "local", "", ROOT)


def come_to_number(stage: Stage, number: int) -> None:
    """Give the next job this number, which decides if its run has one step or three and a prepared start."""
    while len(stage.world.statuses) + 1 < number:
        stage.submit(held=True)


def an_end_that_is_reported_while_a_new_daemon_takes_over(stage: Stage) -> None:
    """The end was acknowledged as unknown, and its job never ended."""
    stage.submit()
    stage.settle()
    stage.kill_daemon()
    stage.start_daemon()
    with stage.slow():
        stage.step("reach_keeper")
        stage.ask(PUT)  # its save delays the examination of jobs in flight
        stage.step("reach_daemon")
        stage.ends("1-1-0")
        stage.settle(but="'a save'")
    stage.settle()
    assert stage.status(1) == "success"


def a_terminate_in_the_step_of_the_start(stage: Stage) -> None:
    """The daemon failed at the start of a run that it had been told to stop."""
    stage.submit(lock_key="a")
    come_to_number(stage, 4)
    stage.submit(lock_key="a")
    stage.settle()
    with stage.slow():
        stage.ask(i.PausePool("third", None, ROOT))
        stage.ask(PUT)  # its save is slow: the next two come in one turn
        stage.ends("1-1-0")
        stage.step("reach_daemon")
        stage.ask(i.Terminate(4, ANNA))
    stage.settle()
    assert (stage.status(1), stage.status(4)) == ("success", "cancelled")


def a_caller_who_hangs_up_and_sends_again_at_once(stage: Stage) -> None:
    """Both calls came in one turn, and the scheduler ended with the first one's cancelled answer."""
    with stage.slow():
        stage.ask(PUT)  # its save is slow
        first = stage.submit()
        stage.step("come_back", "a read of the store")
        stage.hang_up(first)
        stage.send_again(first)
        stage.step("come_back", "a read of the store")
    stage.settle()
    assert first.ids == [1]


def a_power_loss_that_takes_a_claim(stage: Stage) -> None:
    """The boot was never noted, so no reboot was ever seen: what had run was taken for never started."""
    stage.submit(on_lost=OnLost.ERROR)
    stage.settle()
    stage.world.disk.claims.clear()
    stage.lose_power()
    stage.settle()
    assert (stage.status(1), stage.row(1)["starts"]) == ("error", 1)


def a_crash_after_the_reboot_is_recorded(stage: Stage) -> None:
    """Runs lost in the reboot are still lost for the next daemon, and not taken for never started."""
    stage.submit(on_lost=OnLost.ERROR)
    stage.settle()
    stage.world.disk.claims.clear()
    stage.lose_power()
    stage.start_daemon()
    with stage.slow():
        stage.step("reach_keeper")
        stage.step("reach_daemon")
        while stage.boot() != "boot 2":
            stage.step("come_back")
    stage.kill_daemon()
    stage.settle()
    assert (stage.status(1), stage.row(1)["starts"]) == ("error", 1)


def a_second_crash_after_a_reboot(stage: Stage) -> None:
    """The next step began before the boot was noted: the next daemon assigned it to the old boot."""
    for _ in range(3):
        stage.submit()
    stage.settle()
    for token in ("1-1-0", "2-1-0"):
        stage.ends(token)
    stage.settle()
    stage.ends("3-1-0")
    stage.lose_power()
    stage.start_daemon()
    with stage.slow():
        stage.step("reach_keeper")
        stage.step("reach_daemon")
        while stage.row(3)["start_token"] == "3-1-0":
            stage.step("come_back")
        stage.settle(but="'a save'")  # which would note the boot
        stage.kill_daemon()
    stage.settle()


def a_step_that_is_due_while_there_is_no_keeper(stage: Stage) -> None:
    """Its start was repeated, with a save and a folder each time, until a keeper came."""
    come_to_number(stage, 3)
    stage.submit()
    stage.settle()
    with stage.slow():
        stage.ends("3-1-0")
        stage.step("reach_daemon")
        stage.kill_keeper()
        stage.step("hang_up")
        stage.settle(but="the start of a keeper")
    assert stage.row(3)["launches"] == 1
    stage.settle()
    assert stage.world.witness.alive_of("3-1-1")


def a_keeper_that_exits_while_a_step_waits_and_a_save_is_slow(stage: Stage) -> None:
    """The step that waited for a keeper kept the daemon busy until the save was done."""
    come_to_number(stage, 3)
    stage.submit()
    stage.settle()
    with stage.slow():
        stage.ends("3-1-0")
        stage.settle(but="the making of a folder")
        stage.kill_keeper()
        stage.step("hang_up")
        stage.step("come_back", "the start of a keeper")
        stage.step("come_back", "a connection to a keeper")
        stage.step("reach_keeper")
        stage.ask(PUT)
        stage.step("reach_daemon")
        for _ in range(
            2
        ):  # the take-over's examination comes with the first save, the next one after the second
            stage.ask(PUT)
            stage.step("come_back", "'a save'")
            stage.step("come_back", "the word of a save")
        stage.kill_keeper()
        stage.step("hang_up")
        stage.step("come_back", "the making of a folder")
    stage.settle()
    assert stage.world.witness.alive_of("3-1-1")


def a_run_that_is_stopped_while_its_next_step_waits_for_a_keeper(stage: Stage) -> None:
    """None of its messages is sent to a keeper any more."""
    come_to_number(stage, 3)
    stage.submit()
    stage.settle()
    with stage.slow():
        stage.ends("3-1-0")
        stage.step("reach_daemon")
        stage.kill_keeper()
        stage.step("hang_up")
        stage.settle(but="the start of a keeper")
        stage.ask(i.Terminate(3, ANNA))
        stage.settle(but="the start of a keeper")
    assert stage.status(3) == "terminated"


def a_former_keeper_whose_connection_ends_before_its_last_end_is_saved(stage: Stage) -> None:
    """The keeper counted as let go, was never told so, and kept that end forever."""
    come_to_number(stage, 4)
    stage.submit()
    stage.settle()
    stage.kill_daemon()
    stage.ends("4-1-0")
    stage.world.release = Release(1)
    stage.start_daemon()
    with stage.slow():
        stage.step("reach_keeper")
        stage.step("reach_daemon")
        stage.settle(but="'a save'")
        former = stage.world.keepers[Release(0).path]
        assert former.wire is not None
        former.wire.ended = True
        stage.step("come_back", "a save")
        stage.step("come_back", "the word of a save")
        stage.settle()
    assert Release(0).path not in stage.world.keepers


def a_child_that_is_purged_before_its_container_has_ended(stage: Stage) -> None:
    """The container forgot after a restart that it had failed."""
    tree = orchestration("night", phase("one", job("x"), job("y", lock="k")), phase("two", after="one"))
    stage.submit(tree)
    stage.settle()
    stage.ends("3-1-0", code=2)
    stage.settle()
    stage.purge(3)
    stage.kill_daemon()
    stage.settle()
    stage.ends("4-1-0")
    stage.settle()
    assert stage.status(1) == "error"


def an_amend_after_the_purge_of_a_dependency(stage: Stage) -> None:
    """The store refused the whole turn, with the requests of all callers."""
    stage.submit(PLAIN)
    stage.settle()
    stage.ends("1-1-0")
    stage.settle()
    stage.submit(held=True, depends_on=_final(1))
    stage.purge(1)
    stage.ask(i.Amend(2, _held_after(1), ANNA))
    stage.settle()
    assert stage.status(3) == "created"


def a_clock_that_is_set_back_after_a_start_time_has_come(stage: Stage) -> None:
    """A daemon that started then waited for the start time once more."""
    stage.submit(held=True, start_at_us=stage.world.now_us + 5_000_000)
    stage.pass_time(10)
    stage.world.offset_us -= 3_600_000_000
    stage.ask(i.PausePool("default", None, ROOT))
    stage.ask(i.Release(1, ANNA))
    stage.kill_daemon()
    stage.settle()
    stage.ask(i.ResumePool("default", ROOT))
    stage.settle()
    assert stage.status(1) == "processing"


def processes_that_outlive_their_keeper(stage: Stage) -> None:
    """A job is not lost before its tree is empty."""
    stage.submit(lock_key="a", on_lost=OnLost.ERROR)
    stage.submit(lock_key="a")
    stage.settle()
    stage.kill_keeper()
    stage.settle()
    assert stage.status(1) == "processing"
    stage.ends("1-1-0")
    stage.settle()
    assert (stage.status(1), stage.status(2)) == ("error", "processing")


def a_requeued_job_that_is_cancelled(stage: Stage) -> None:
    """It ran before: it is terminated, never cancelled."""
    stage.submit()
    stage.settle()
    stage.ask(i.PausePool("default", None, ROOT))
    stage.kill_keeper()
    stage.settle()
    stage.ends("1-1-0")
    stage.settle()
    assert stage.status(1) == "created"
    stage.ask(i.Terminate(1, ANNA))
    assert stage.status(1) == "terminated"


def a_lock_that_passes_to_a_new_job_in_one_step(stage: Stage) -> None:
    """Within one transaction the lock is released before it is taken."""
    stage.submit(lock_key="a")
    stage.settle()
    with stage.slow():
        stage.ask(PUT)  # its save is slow: the next two come in one turn
        stage.ends("1-1-0")
        stage.step("reach_daemon")
        stage.submit(lock_key="a")
        stage.step("come_back", "a read of the store")
    stage.settle()
    assert (stage.status(1), stage.status(2)) == ("success", "processing")


def an_operation_that_is_lost_with_its_keeper(stage: Stage) -> None:
    """The step alone is started again."""
    come_to_number(stage, 3)
    stage.submit()
    stage.settle()
    stage.ends("3-1-0")
    stage.settle()
    stage.kill_keeper()
    stage.settle()
    stage.ends("3-1-1")
    stage.settle()
    stage.ends("3-2-1")
    stage.settle()
    stage.ends("3-2-2")
    stage.settle()
    assert (stage.status(3), stage.row(3)["starts"]) == ("success", 1)


def an_operation_that_another_boot_ended(stage: Stage) -> None:
    """The whole run begins again."""
    come_to_number(stage, 3)
    stage.submit()
    stage.settle()
    stage.ends("3-1-0")
    stage.settle()
    stage.lose_power()
    stage.settle()
    assert stage.row(3)["starts"] == 2
    stage.ends("3-2-0")


SCENARIOS: list[Scenario] = [
    an_end_that_is_reported_while_a_new_daemon_takes_over,
    a_terminate_in_the_step_of_the_start,
    a_caller_who_hangs_up_and_sends_again_at_once,
    a_power_loss_that_takes_a_claim,
    a_crash_after_the_reboot_is_recorded,
    a_second_crash_after_a_reboot,
    a_step_that_is_due_while_there_is_no_keeper,
    a_keeper_that_exits_while_a_step_waits_and_a_save_is_slow,
    a_run_that_is_stopped_while_its_next_step_waits_for_a_keeper,
    a_former_keeper_whose_connection_ends_before_its_last_end_is_saved,
    a_child_that_is_purged_before_its_container_has_ended,
    an_amend_after_the_purge_of_a_dependency,
    a_clock_that_is_set_back_after_a_start_time_has_come,
    processes_that_outlive_their_keeper,
    a_requeued_job_that_is_cancelled,
    a_lock_that_passes_to_a_new_job_in_one_step,
    an_operation_that_is_lost_with_its_keeper,
    an_operation_that_another_boot_ended,
]


def _final(job_id: int) -> tuple[Dependency, ...]:
    return (Dependency(job_id, Condition.FINAL),)


def _held_after(job_id: int) -> Draft:
    return replace(PLAIN, depends_on=_final(job_id))
