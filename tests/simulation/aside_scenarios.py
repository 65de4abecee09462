"""Scenarios of asides: an outcome is delivered once, whatever dies; an aside without a caller is stopped."""

from simulation.scenarios import Scenario
from simulation.stage import Stage


def an_aside_that_ends_while_there_is_no_daemon(stage: Stage) -> None:
    """The next daemon delivers its outcome."""
    stage.ask_for_an_aside()
    stage.settle()
    stage.kill_daemon()
    stage.ends("aside-1", 2)
    stage.settle()
    assert stage.delivered() == ["1 2"]


def an_aside_that_continues_while_a_daemon_starts(stage: Stage) -> None:
    """The aside is found again and continues."""
    stage.ask_for_an_aside()
    stage.settle()
    stage.kill_daemon()
    stage.settle()
    assert stage.keeper.runs["aside-1"].stopped_by is None
    stage.ends("aside-1")
    stage.settle()
    assert stage.delivered() == ["1 0"]


def an_aside_whose_delivery_is_saved_and_not_acknowledged(stage: Stage) -> None:
    """The keeper reports its end again, and no caller is told twice."""
    stage.ask_for_an_aside()
    stage.settle()
    with stage.slow():
        stage.ends("aside-1")
        stage.step("reach_daemon")
        stage.step("come_back", "an aside")
        stage.step("come_back", "a save")  # it is on the disk, but the daemon does not know it
        assert stage.delivered() == ["1 0"]
        stage.kill_daemon()
    stage.settle()
    assert not stage.keeper.runs


def an_aside_that_is_recorded_and_never_started(stage: Stage) -> None:
    """The daemon dies between the save and the start: the caller is told that the aside never ran."""
    with stage.slow():
        stage.ask_for_an_aside()
        stage.step("come_back", "a save")
        stage.kill_daemon()
    stage.settle()
    assert stage.delivered() == ["1 never"]


def an_aside_that_is_lost_with_its_keeper(stage: Stage) -> None:
    """Its remaining processes are stopped before its caller is told."""
    stage.ask_for_an_aside()
    stage.settle()
    stage.kill_keeper()
    stage.settle()
    assert stage.delivered() == []
    stage.ends("aside-1")
    stage.settle()
    assert stage.delivered() == ["1 lost"]


def an_aside_that_another_boot_ended(stage: Stage) -> None:
    stage.ask_for_an_aside()
    stage.settle()
    stage.lose_power()
    stage.settle()
    assert stage.delivered() == ["1 lost"]


def an_aside_whose_caller_is_gone(stage: Stage) -> None:
    """The aside is stopped and forgotten."""
    stage.ask_for_an_aside(is_waited_for=True)
    stage.settle()
    stage.kill_daemon()
    stage.settle()
    assert stage.keeper.runs["aside-1"].stopped_by == "terminate"
    stage.ends("aside-1")
    stage.settle()
    assert not stage.keeper.runs
    assert not stage.world.disk.rows("SELECT 1 FROM asides")


def an_aside_whose_end_cannot_be_saved(stage: Stage) -> None:
    """It is delivered when the disk has room again."""
    stage.ask_for_an_aside()
    stage.settle()
    stage.world.disk.is_full = True
    stage.ends("aside-1")
    stage.settle()
    assert stage.delivered() == []
    stage.world.disk.is_full = False
    stage.pass_time(3)
    stage.settle()
    assert stage.delivered() == ["1 0"]


ASIDE_SCENARIOS: list[Scenario] = [
    an_aside_that_ends_while_there_is_no_daemon,
    an_aside_that_continues_while_a_daemon_starts,
    an_aside_whose_delivery_is_saved_and_not_acknowledged,
    an_aside_that_is_recorded_and_never_started,
    an_aside_that_is_lost_with_its_keeper,
    an_aside_that_another_boot_ended,
    an_aside_whose_caller_is_gone,
    an_aside_whose_end_cannot_be_saved,
]
