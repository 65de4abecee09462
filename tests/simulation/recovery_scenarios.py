"""Scenarios of blocked jobs: each test runs and counts once, whatever dies when."""

from locksided.core import inputs as i
from simulation.people import ROOT
from simulation.runs import BLOCKED
from simulation.scenarios import Scenario
from simulation.stage import Stage


def _blocked(stage: Stage) -> None:
    """Job 1 is blocked, and its first test runs."""
    stage.submit()
    stage.settle()
    stage.ends("1-1-0", BLOCKED)
    stage.settle()
    assert stage.status(1) == "created"
    stage.pass_time(3)
    stage.settle()
    assert stage.world.witness.alive_of("aside-test-1")


def a_test_that_ends_while_there_is_no_daemon(stage: Stage) -> None:
    """The next daemon uses its result and makes no other test."""
    _blocked(stage)
    stage.kill_daemon()
    stage.ends("aside-test-1", 0)
    stage.settle()
    assert stage.status(1) == "processing"
    assert stage.world.tests == 1


def a_test_that_continues_while_a_daemon_starts(stage: Stage) -> None:
    """The test is found again, although it is overdue."""
    _blocked(stage)
    stage.kill_daemon()
    stage.pass_time(30)
    stage.settle()
    assert stage.world.tests == 1
    stage.ends("aside-test-1", 1)
    stage.settle()
    stage.pass_time(6)
    stage.settle()
    assert stage.world.tests == 2


def a_test_that_is_recorded_and_never_started(stage: Stage) -> None:
    """The daemon dies between the save and the start: the test is made again."""
    stage.submit()
    stage.settle()
    stage.ends("1-1-0", BLOCKED)
    stage.settle()
    with stage.slow():
        stage.pass_time(3)
        stage.step("come_back", "a folder for a test")
        stage.step("come_back", "a save")
        stage.kill_daemon()
    stage.settle()
    assert stage.world.witness.alive_of("aside-test-2")


def a_lost_test_whose_loss_is_saved_while_a_request_arrives(stage: Stage) -> None:
    """The core handles the next message before the loss is fully handled: the test is still made again."""
    _blocked(stage)
    stage.kill_keeper()
    stage.settle()
    with stage.slow():
        stage.ends("aside-test-1")
        stage.step("reach_daemon")
        stage.step("come_back", "a test")
        stage.ask(i.PausePool("other", None, ROOT))
        stage.step("come_back", "a save")
    stage.settle()
    assert stage.world.witness.alive_of("aside-test-2")


RECOVERY_SCENARIOS: list[Scenario] = [
    a_test_that_ends_while_there_is_no_daemon,
    a_test_that_continues_while_a_daemon_starts,
    a_test_that_is_recorded_and_never_started,
    a_lost_test_whose_loss_is_saved_while_a_request_arrives,
]
