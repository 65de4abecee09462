"""Notes in the control folder: written late while a daemon is connected, else at once."""

import json
import os
from dataclasses import dataclass, field

from keeper.kit import Keeper, Peer
from locksided.keeper.loop import Loop
from locksided.keeper.notes import Notes


@dataclass
class FakeRun:
    token: str
    said: list[str] = field(default_factory=list)

    def note(self) -> None:
        self.said.append(self.token)


def connected_notes(loop: Loop) -> Notes:
    notes = Notes(loop)
    notes.somebody_listens()
    return notes


def run_until_noted(loop: Loop, run: FakeRun) -> None:
    while not run.said:
        loop._turn()


def test_without_a_daemon_everything_is_noted_at_once() -> None:
    notes, run = Notes(Loop()), FakeRun("1")
    notes.soon(run)
    assert run.said == ["1"]


def test_a_run_that_lasts_is_noted_a_moment_later() -> None:
    loop = Loop()
    notes, first, second = connected_notes(loop), FakeRun("1"), FakeRun("2")
    notes.soon(first)
    assert not first.said
    run_until_noted(loop, first)
    notes.soon(second)
    run_until_noted(loop, second)
    assert (first.said, second.said) == (["1"], ["2"])


def test_a_run_that_is_forgotten_before_that_is_never_noted() -> None:
    loop = Loop()
    notes, gone, later = connected_notes(loop), FakeRun("1"), FakeRun("2")
    notes.soon(gone)
    notes.soon(later)
    notes.forget("1")
    run_until_noted(loop, later)
    assert not gone.said


def test_a_run_that_was_to_be_noted_twice_is_noted_once() -> None:
    loop = Loop()
    notes, run, later = connected_notes(loop), FakeRun("1"), FakeRun("2")
    notes.soon(run)
    notes.soon(run)
    notes.soon(later)
    run_until_noted(loop, later)
    assert run.said == ["1"]


def test_all_pending_notes_are_written_when_the_daemon_disconnects() -> None:
    notes, run = connected_notes(Loop()), FakeRun("1")
    notes.soon(run)
    notes.nobody_listens()
    assert run.said == ["1"]


def test_the_runs_of_a_lost_daemon_are_noted_before_the_next_hello(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", "600", notedLate=True))
    started = daemon.expect("started", "1-1-0")
    keeper.connect()
    noted = json.loads((keeper.folder() / "run.json").read_text())
    assert noted["pid"] == started["pid"]


def test_an_end_that_nobody_acknowledged_is_noted_when_the_keeper_leaves(
    keeper: Keeper, daemon: Peer
) -> None:
    daemon.send(**keeper.order("sh", "-c", "exit 7", notedLate=True))
    assert daemon.outcome("1-1-0")["exitCode"] == 7
    keeper.process.terminate()
    keeper.process.wait()
    assert json.loads((keeper.folder() / "outcome.json").read_text())["exitCode"] == 7


def test_an_end_that_was_acknowledged_in_time_leaves_only_its_claim(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("true", notedLate=True))
    daemon.outcome("1-1-0")
    daemon.send(op="ack", token="1-1-0")
    keeper.connect()  # by now everything that had to be noted is noted
    left = set(os.listdir(keeper.folder())) - {"cwd"}
    assert left in ({"claim"}, {"claim", "outcome.json"}), "the latter only where the machine was too slow"
