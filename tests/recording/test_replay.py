"""Recorded inputs bring a fresh core to the same state, show where a fault occurs, and contain no secrets."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import pytest

from core import test_simulation
from core.same import assert_same
from core.test_simulation import Day
from core.trees import job, retried, rows
from core.world import ANNA, NOON, World, recovery_terms
from lockside.documents.enums import CheckOutcome, FailureClass, Status
from locksided import recording
from locksided.core import inputs as i
from locksided.core import lifecycle
from locksided.core.errors import Refused
from locksided.core.gates import Gate
from locksided.core.invariants import InvariantBroken
from locksided.core.loading import LoadedState, restore
from locksided.core.model import Draft
from locksided.core.recovery_inputs import Checked
from locksided.core.scheduler import Scheduler, Step
from locksided.core.state import State
from locksided.recording import (
    CARGO,
    INPUTS,
    ObservedScheduler,
    Recording,
    input_line,
    read_inputs,
    read_state,
    state_line,
    without_cargo,
)
from locksided.replay import main, replay

EMPTY = LoadedState(next_id=1, max_requeues=3, retention_us=30 * 86_400_000_000, now_us=NOON)


class RecordedWorld(World):
    """A world whose current core is recorded."""

    def __init__(self, **slots: int | None) -> None:
        self.lines = [state_line(EMPTY)]
        super().__init__(**slots)

    def handle(self, asked: i.Input) -> Step:
        self.lines.append(input_line(asked, self.now_us))
        return super().handle(asked)

    def crash(self, *, doubting: bool = False) -> None:
        self.lines = [state_line(self.disk.loaded())]
        super().crash(doubting=doubting)

    def replayed(self) -> State:
        core = Scheduler(*restore(read_state(self.lines[0])))
        for _, now_us, asked in read_inputs(self.lines[1:]):
            try:
                core.handle(asked, now_us)
            except Refused:
                continue
        return core.state


@pytest.mark.parametrize("seed", range(5))
def test_replaying_a_recorded_day_gives_a_fresh_core_the_same_state(seed: int) -> None:
    with patch.object(test_simulation, "World", RecordedWorld):
        day = Day(seed)
        day.live_through(150)
    world = day.world
    assert isinstance(world, RecordedWorld)
    assert_same(world.replayed(), world.state)
    assert "every invariant holds" in replay(iter(world.lines))


def recorded() -> RecordedWorld:
    world = RecordedWorld(default=1)
    world.submit("orders")
    world.submit("orders")
    world.spawned(1)
    with pytest.raises(Refused):
        world.hold(99)
    return world


def written(folder: Path, world: RecordedWorld) -> Path:
    file = folder / "recording.jsonl"
    file.write_bytes(b"".join(world.lines))
    return file


def test_a_recording_that_replays_without_a_fault_reports_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(written(tmp_path, recorded()))]) == 0
    assert capsys.readouterr().out == (
        "4 inputs were handled and 1 refused; every invariant holds; 2 jobs are live at the end\n"
    )


def test_a_step_that_fails_is_reported_with_its_line_and_the_history_of_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(turn: Any, found: Any, run: Any) -> None:
        turn.move(found, Status.WAITING, "by mistake")

    file = written(tmp_path, recorded())
    with patch.object(lifecycle, "_count_start", wrong):
        assert main([str(file)]) == 1
    output = capsys.readouterr().out
    assert output.startswith(
        "line 5, Spawned at 1970-01-12T13:46:40.000000Z: IllegalTransition: job 1 cannot go"
    )
    assert "created -> processing (admitted) during Submit" in output


def test_a_broken_invariant_is_reported_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = recorded()
    world.ends(1)
    file = written(tmp_path, world)
    with patch.object(Gate, "leave", lambda self, job: None):
        assert main([str(file)]) == 1
    output = capsys.readouterr().out
    assert output.startswith(
        "line 7, Finished at 1970-01-12T13:46:40.000000Z: the state contradicts itself\n  locks:"
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: [b"{}\n", *lines[1:]], "line 1 is no loaded state of this release"),
        (lambda lines: [*lines[:2], lines[2][:30]], "line 3 is no input of this release"),
        (lambda lines: [lines[0], lines[1].replace(b"PutPool", b"Conjure")], "line 2 is no input"),
        (lambda lines: [], "line 1 is no loaded state"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[list[bytes]], list[bytes]],
    says: str,
) -> None:
    world = recorded()
    world.lines = spoil(world.lines)
    assert main([str(written(tmp_path, world))]) == 2
    assert says in capsys.readouterr().err


SECRET = "swordfish"
CARRIED = {"result": {"message": SECRET}, "#password": SECRET, "env_hash": SECRET, "name": "a name"}
TREE = replace(rows("table", ["first"], 1), values=CARRIED, blobs=((SECRET, SECRET.encode()),))
DRAFT: Draft = replace(TREE, children=(replace(TREE.children[0], values=CARRIED, blobs=TREE.blobs),))
LOADED = {
    i.Submit: i.Submit((DRAFT, retried("api", 3)), ANNA, {7: Status.SUCCESS}),
    i.Amend: i.Amend(1, DRAFT, ANNA),
    i.Spawned: i.Spawned(1, "1-1-0", {"argv": [SECRET]}),
    i.LeaderEnded: i.LeaderEnded(1, "1-1-0", NOON, {"leftovers": [SECRET]}),
    i.Progressed: i.Progressed(1, "1-1-0", 0.5, SECRET),
    i.Finished: i.Finished(1, "1-1-0", Status.ERROR, CARRIED, {"done": 1}, failure=FailureClass.USER),
    i.CannotStart: i.CannotStart(1, CARRIED, FailureClass.USER),
    i.Lost: i.Lost(1, "1-1-0", CARRIED, recovery_terms()),
    Checked: Checked("door", 1, CheckOutcome.NOT_YET, SECRET),
}


@pytest.mark.parametrize("kind", LOADED)
def test_values_that_the_core_only_passes_on_are_not_recorded(kind: type) -> None:
    line = input_line(LOADED[kind], NOON)
    assert SECRET not in line.decode()
    ((number, now_us, asked),) = read_inputs([line])
    assert (number, now_us, asked) == (2, NOON, without_cargo(LOADED[kind]))
    assert set(json.loads(line)["values"]) == {field.name for field in fields(kind)}


def test_every_input_that_has_such_a_value_is_tested_above() -> None:
    carrying = {kind for kind in get_args(i.Input) if {field.name for field in fields(kind)} & CARGO.keys()}
    assert carrying | {i.Submit, i.Amend} == set(LOADED)
    assert set(INPUTS.values()) == set(get_args(i.Input))


def test_the_results_of_containers_are_not_recorded() -> None:
    world = World()
    world.submit_all(replace(rows("table", ["first"], 1), values={"result": {"message": SECRET}}))
    loaded = world.disk.loaded()
    assert SECRET in str(loaded)
    assert SECRET not in state_line(loaded).decode()


def test_an_input_is_written_before_it_is_handled_and_old_files_are_removed(tmp_path: Path) -> None:
    for number in range(recording.MOST_FILES + 3):
        written = Recording(tmp_path, replace(EMPTY, now_us=NOON + number))
    core = ObservedScheduler(State(), (), written, checks=False)
    with patch.object(lifecycle, "_count_start", side_effect=ZeroDivisionError):
        core.handle(i.PutPool("default", 1, "local", "", ANNA), NOON)
        core.handle(i.Submit((job("one"),), ANNA), NOON)
        with pytest.raises(ZeroDivisionError):
            core.handle(i.Spawned(1, "1-1-0", {}), NOON)
    files = sorted(tmp_path.iterdir())
    assert len(files) == recording.MOST_FILES
    with open(files[-1], "rb") as lines:
        assert "3 inputs were handled" in replay(iter(lines))


def test_a_recording_ends_at_its_limit_and_the_core_continues(tmp_path: Path) -> None:
    with patch.object(recording, "MOST_BYTES", 1000):
        core = ObservedScheduler(State(), (), Recording(tmp_path, EMPTY), checks=False)
    for _ in range(50):
        core.handle(i.TimePassed(), NOON)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size <= 1000


def test_a_recording_that_cannot_be_written_does_not_stop_the_core(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    core = ObservedScheduler(State(), (), Recording(tmp_path / "file", EMPTY), checks=False)
    assert core.handle(i.TimePassed(), NOON).saves == []


def test_a_checked_core_raises_at_the_step_that_breaks_an_invariant() -> None:
    core = ObservedScheduler(State(), (), None, checks=True)
    core.handle(i.PutPool("default", 1, "local", "", ANNA), NOON)
    core.handle(i.Submit((replace(job("one"), lock_key="k"),), ANNA), NOON)
    with patch.object(Gate, "leave", lambda self, job: None), pytest.raises(InvariantBroken, match="locks: "):
        core.handle(i.NotStarted(1, "1-1-0"), NOON)
