"""Scenarios of a full or unreadable disk: the end of a run is reported, saved and handled once."""

from lockside.documents.enums import OnLost
from simulation.keeper import Release
from simulation.scenarios import Scenario, come_to_number
from simulation.stage import Stage


def an_end_that_a_former_keeper_reports_to_a_full_disk(stage: Stage) -> None:
    """The new keeper was told to reap the run meanwhile; then two keepers had it and one reported it lost."""
    stage.submit(on_lost=OnLost.ERROR)
    stage.settle()
    stage.kill_daemon()
    stage.world.disk.is_full = True
    stage.ends("1-1-0")
    stage.world.release = Release(1)
    stage.start_daemon()
    with stage.slow():
        stage.settle(but="the start of a keeper")
    stage.settle()
    stage.world.disk.is_full = False
    stage.pass_time(2)
    stage.settle()
    assert stage.status(1) == "success"


def an_end_that_is_reported_twice_while_it_cannot_be_saved(stage: Stage) -> None:
    """The second report found no run and was acknowledged: then no keeper knew the outcome."""
    stage.submit(on_lost=OnLost.ERROR)
    stage.settle()
    stage.kill_keeper()
    stage.ends("1-1-0")
    stage.world.disk.is_full = True
    with stage.slow():
        stage.step("hang_up")
        stage.settle(but="in a thread")
        assert stage.keeper.wire is not None
        stage.keeper.wire.ended = True
        stage.settle(but="in a thread")
    stage.settle()
    stage.world.disk.is_full = False
    stage.pass_time(2)
    stage.settle()
    assert stage.status(1) == "error"


def a_core_that_can_neither_be_saved_nor_read(stage: Stage) -> None:
    """An unsaved state was shown, and the end of a run was acknowledged because of it."""
    stage.submit()
    stage.settle()
    stage.world.disk.fails_at = 0
    with stage.slow():
        stage.ends("1-1-0")
        stage.step("reach_daemon")
        stage.step("come_back")  # the outcome is read: its save is pending
        assert stage.keeper.wire is not None
        stage.keeper.wire.ended = True
        stage.keeper.wire = None
        stage.step("come_back")  # the save fails
        stage.world.disk.fails_at = -1
        stage.step("come_back")  # so does reading the stored state
        stage.step("hang_up")
        stage.step("come_back", "a connection")
        stage.step("reach_keeper")
        stage.step("reach_daemon")
    stage.pass_time(3)
    stage.settle()
    assert stage.status(1) == "success"


def an_outcome_that_cannot_be_read_at_once(stage: Stage) -> None:
    """It was not read again until the keeper's connection ended."""
    come_to_number(stage, 4)
    stage.submit()
    stage.settle()
    stage.world.unreadable_folders = 2
    stage.ends("4-1-0")
    stage.settle()
    assert stage.status(4) == "processing"
    stage.pass_time(2)
    stage.settle()
    stage.pass_time(4)
    stage.settle()
    assert stage.status(4) == "success"


def a_claim_that_cannot_be_made_on_a_full_disk(stage: Stage) -> None:
    """The job was examined only once, and hung when the disk had room again."""
    with stage.slow():
        stage.submit()
        stage.step("come_back")  # the deduplication id is looked up, before the call and in the step
        stage.step("come_back")
        stage.step("come_back", "a save")  # nothing is sent to the keeper
    stage.kill_daemon()
    stage.world.disk.is_full = True
    stage.settle()
    stage.world.disk.is_full = False
    stage.pass_time(2)
    stage.settle()
    assert stage.world.witness.alive


def callers_who_never_pause_while_the_disk_is_full(stage: Stage) -> None:
    """While they asked more often than once a second, no probe checked whether the disk had room again."""
    stage.world.disk.is_full = True
    stage.submit()
    stage.world.disk.is_full = False
    for _ in range(12):
        stage.pass_time(0.3)
        stage.submit()
    assert stage.world.serving.scheduler.trouble is None
    stage.settle()


DISK_SCENARIOS: list[Scenario] = [
    an_end_that_a_former_keeper_reports_to_a_full_disk,
    an_end_that_is_reported_twice_while_it_cannot_be_saved,
    a_core_that_can_neither_be_saved_nor_read,
    an_outcome_that_cannot_be_read_at_once,
    a_claim_that_cannot_be_made_on_a_full_disk,
    callers_who_never_pause_while_the_disk_is_full,
]
