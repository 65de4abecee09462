"""The conclusions from an engine's status of a run and from the files in the run's folder."""

import errno
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from locksided.executors.engine import Engine, Order, State, Status
from locksided.executors.executor import Executor
from locksided.executors.records import Phase, Record
from locksided.executors.remote_run import HEARD_SECONDS, LEASE_EXPIRES_SECONDS, RemoteRun, hello
from locksided.executors.watching import Watching
from locksided.keeper import clock, outcome, remote, wire
from locksided.keeper.journal import Journal
from locksided.keeper.messages import Down, Remote, to_wire

NAME = "ls-12345678-7-1-0"


class Clock:
    """A loop that runs delayed calls when the test says so."""

    def __init__(self) -> None:
        self.later: list[Callable[[], Any]] = []

    def after(self, _seconds: float, do: Callable[[], Any]) -> Any:
        self.later.append(do)
        return self

    def cancel(self) -> None: ...

    def watch(self, *_given: Any) -> None: ...

    def hurry(self) -> None: ...


class Knowing(Engine):
    kind = "slurm"
    knows_status = True
    knows_names = True

    def __init__(self) -> None:
        self.blamed: list[str] = []
        self.told: dict[str, Status] = {}
        self.cancelled: list[str] = []

    def status(self, ids: Sequence[str]) -> dict[str, Status]:
        return self.told

    def cancel(self, ids: Sequence[str], prefix: str) -> None:
        self.cancelled += ids

    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        raise AssertionError("nothing is submitted here")

    def blame(self, node: str) -> None:
        self.blamed.append(node)


class Desk:
    """One run, and the messages and actions about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        record = Record(
            "7-1-0", NAME, str(folder), str(folder), str(folder), {}, ids=["1"], submitted_us=10**12
        )
        self.run = RemoteRun(record)
        self.told: list[Any] = []
        self.taken_back: list[tuple[str, str]] = []
        self.engine, self.clock = Knowing(), Clock()
        self.watching = Watching(
            self.clock,  # type: ignore[arg-type] - of a loop it has what is needed
            Journal(None),
            self.engine,
            self.clock,  # type: ignore[arg-type] - nothing is submitted
            {"7-1-0": self.run},
            lambda run: self.told.append("concluded"),
            lambda run: self.told.append("resubmitted"),
            lambda token, kind, words: self.taken_back.append((kind, words)),
            self.told.append,
        )
        self.run.phase = Phase.QUEUED

    def claim(self) -> None:
        os.symlink(remote.runners_claim("1", "n1", "77-x"), self.folder / "claim")
        self.run.look()
        self.run._beat_seconds -= HEARD_SECONDS
        assert self.run.phase is Phase.RUNNING

    def end(self, **made: Any) -> None:
        remote.write(str(self.folder), outcome.FILE, made)
        self.run.look()
        self.watching.ended(self.run)

    def hear(self, state: State, times: int = 2, **more: Any) -> None:
        status = Status(state, state.name, name=NAME, **{"node": "n1", **more})
        for _ in range(times):
            self.watching._answered({"1": status})

    @property
    def messages(self) -> list[str]:
        return [one.message for one in self.told if isinstance(one, Remote)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("state", "kind", "blamed"),
    [
        (State.ENDED, "system", ["n1"]),
        (State.NODE_DOWN, "system", []),
        (State.PREEMPTED, "system", []),
        (State.TIMEOUT, "system", []),
        (State.CANCELLED, "system", []),
    ],
)
def test_a_run_that_ended_before_it_was_claimed_is_taken_back(
    desk: Desk, state: State, kind: str, blamed: list[str]
) -> None:
    desk.hear(state, times=1)
    assert desk.taken_back == []
    desk.hear(state, times=1)
    assert [one[0] for one in desk.taken_back] == [kind]
    assert desk.engine.blamed == blamed


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (State.ENDED, {"lost": True}),
        (State.PREEMPTED, {"stopped": "machine", "preempted": True}),
        (State.OUT_OF_MEMORY, {"outOfMemory": True}),
        (State.TIMEOUT, {"stopped": "timeout"}),
        (State.CANCELLED, {"stopped": "terminate"}),
    ],
)
def test_a_claimed_run_without_outcome_ends_as_the_engine_says(
    desk: Desk, state: State, says: dict[str, Any]
) -> None:
    desk.claim()
    desk.hear(state)
    made = desk.run.outcome or {}
    assert says.items() <= made.items()
    assert made["killReport"]["proof"] == "engine"
    assert desk.told[-1] == "concluded"
    assert desk.engine.blamed == (["n1"] if state is State.ENDED else [])


@pytest.mark.parametrize(
    ("state", "more"), [(State.ENDED, {}), (State.NODE_DOWN, {"booted_us": 10**12 + 1}), (State.TIMEOUT, {})]
)
def test_an_end_that_a_runner_recorded_but_could_not_report_counts(
    desk: Desk, state: State, more: dict[str, int]
) -> None:
    desk.claim()
    remote.write(str(desk.folder), outcome.FILE, {"exitCode": 0, "stopped": None})
    desk.hear(state, **more)
    assert (desk.run.outcome or {}).get("lost") is None
    assert (desk.run.outcome or {})["exitCode"] == 0
    assert desk.told == ["concluded"]


@pytest.mark.parametrize("node", [b"\xff", b"\x1b]0;", b"a\nb", "\u202e".encode()])
def test_a_claim_with_unprintable_words_is_no_runners(desk: Desk, node: bytes) -> None:
    os.symlink(b"started 1 " + node + b" 77-x", desk.folder / "claim")
    desk.run.look()
    assert desk.run.claimant is None


@pytest.mark.parametrize("bad", ["x", -1, 2**60, True, [1], {"a": 1}])
def test_nothing_in_an_outcome_that_a_job_wrote_itself_is_passed_on_unchecked(desk: Desk, bad: Any) -> None:
    desk.claim()
    desk.run.record.order["nodes"] = 2
    remote.write(str(desk.folder), outcome.RUN_FILE, {"spawnTime": bad})
    desk.end(endTime=bad, killReport=bad, stopped=bad, signal=bad, exitCode=bad)
    desk.hear(State.ENDED, times=1)
    (*_, said) = [one.remote for one in desk.told if isinstance(one, Remote)] or [desk.run.ending]
    assert said["remoteEnded"] is None
    assert desk.run.spawn_us is None
    assert desk.told[-1] == "concluded"


@pytest.mark.parametrize(("runs", "tries"), [({"7-1-0": None}, 1), ({}, 0)])
def test_a_request_that_cannot_be_written_is_retried_only_while_its_run_lasts(
    desk: Desk, runs: dict[str, Any], tries: int
) -> None:
    (desk.folder / remote.ASKS).mkdir()
    executor: Any = SimpleNamespace(_runs=runs, _journal=Journal(None), _loop=desk.clock)
    Executor._ask(executor, desk.run)
    assert len(desk.clock.later) == tries


def test_a_hello_fits_into_a_line_however_long_the_outcomes_are_that_jobs_wrote(desk: Desk) -> None:
    desk.claim()
    remote.write(str(desk.folder), outcome.FILE, {"stderrTail": "x" * 1_000_000})
    desk.run.look()
    made = hello(desk.engine, [desk.run] * 40, "")
    assert len(wire.encode(to_wire(made))) < wire.MAX_LINE_BYTES + 10_000
    states = [one.state for one in made.runs]
    assert (states[0], states[-1], made.runs[-1].outcome) == ("ended", "stopping", None)


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/shadow"), os.mkfifo, socket_at])
def test_a_run_is_lost_with_its_runner_whatever_the_job_does_to_its_files(
    desk: Desk, make: Callable[[Path], object]
) -> None:
    desk.claim()
    make(desk.folder / outcome.FILE)
    (desk.folder / "claim").unlink()
    (desk.folder / "claim").touch()
    desk.hear(State.ENDED)
    assert (desk.run.outcome or {})["lost"] is True


def test_a_run_whose_folder_cannot_be_read_is_not_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.claim()

    def failing(*_given: Any) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patched:
        patched.setattr(remote, "read", failing)
        desk.hear(State.ENDED)
    assert desk.run.outcome is None
    desk.hear(State.ENDED, times=1)
    assert (desk.run.outcome or {})["lost"] is True


def test_the_run_of_a_stopped_runner_ends_when_the_engine_has_ended_it(desk: Desk) -> None:
    desk.claim()
    desk.end(signal=9)
    desk.hear(State.RUNNING)
    assert desk.told == ["concluded"] * 0
    desk.hear(State.OUT_OF_MEMORY, times=1)
    assert (desk.run.outcome or {})["outOfMemory"] is True


@pytest.mark.parametrize(
    ("is_signalled", "more", "says"),
    [
        (False, {}, {"lost": True}),
        (True, {}, {"stopped": "terminate"}),
        (False, {"by": "anna"}, {"stoppedBy": "anna"}),
    ],
)
def test_a_cancellation_unknown_to_runner_and_accounting_is_a_mistake_of_the_engine(
    desk: Desk, is_signalled: bool, more: dict[str, str], says: dict[str, Any]
) -> None:
    desk.engine.asks_first = True  # type: ignore[misc] - of this engine alone
    desk.claim()
    remote.write(str(desk.folder), remote.LEASE, {"beat": 1, "signalled": is_signalled})
    desk.hear(State.CANCELLED, **more)
    assert says.items() <= (desk.run.outcome or {}).items()


def test_a_run_whose_runner_is_alive_has_not_ended_whatever_the_engine_says(desk: Desk) -> None:
    desk.claim()
    remote.write(str(desk.folder), remote.LEASE, {"beat": 5})
    desk.run.look_at_lease()
    desk.hear(State.ENDED, times=5)
    assert desk.run.outcome is None
    desk.run._beat_seconds -= HEARD_SECONDS
    desk.hear(State.ENDED, times=1)
    assert (desk.run.outcome or {})["lost"] is True


def test_a_run_on_several_machines_has_ended_when_the_engine_says_so(desk: Desk) -> None:
    desk.run.record.order["nodes"] = 2
    desk.claim()
    desk.end(exitCode=0, killReport={"proof": "cgroup", "processes": []})
    desk.hear(State.RUNNING, times=20)
    desk.watching._answered(TimeoutError("squeue did not answer"))
    assert "concluded" not in desk.told
    assert "slurm is ending its processes on the other machines." in desk.messages
    desk.hear(State.ENDED, times=1)
    assert desk.told[-1] == "concluded"
    assert (desk.run.outcome or {})["killReport"] == {"proof": "engine", "processes": []}


def test_a_run_whose_node_is_down_continues_until_the_node_has_booted(desk: Desk) -> None:
    desk.claim()
    desk.hear(State.NODE_DOWN, times=5, booted_us=10**12 - 1)
    assert desk.run.outcome is None
    assert desk.messages[-1].startswith("slurm has lost n1; it is lost when")
    desk.hear(State.NODE_DOWN, times=1, booted_us=10**12 + 1)
    assert (desk.run.outcome or {})["killReport"]["proof"] == "boot"


@pytest.mark.parametrize("state", [State.CANCELLED, State.ENDED, State.TIMEOUT])
def test_the_end_of_a_run_whose_node_does_not_answer_proves_nothing(desk: Desk, state: State) -> None:
    desk.claim()
    desk.hear(state, times=5, is_node_up=False)
    assert desk.run.outcome is None


def test_the_reason_of_a_queued_run_is_reported_beside_the_engines_own_words(desk: Desk) -> None:
    desk.hear(State.QUEUED, times=1, reason="Priority", why="others go first")
    told = desk.told[-1]
    assert (told.remote["remoteState"], told.remote["remoteReason"]) == ("QUEUED", "Priority")
    assert (told.state, told.reason) == ("queued", "others go first")


def test_the_outcome_of_a_run_names_the_user_who_made_the_engine_end_it(desk: Desk) -> None:
    desk.claim()
    desk.hear(State.CANCELLED, by="anna")
    assert (desk.run.outcome or {})["stoppedBy"] == "anna"


def test_an_id_with_a_foreign_name_says_nothing_about_a_run(desk: Desk) -> None:
    desk.claim()
    for _ in range(5):
        desk.watching._answered({"1": Status(State.ENDED, "FAILED", name="somebody")})
    assert desk.run.outcome is None
    assert "no longer knows it" in desk.messages[-1]


@pytest.mark.parametrize(
    ("said", "is_ours"),
    [
        ({"name": NAME}, True),
        ({"name": "ls-12345678-7-1-3"}, True),
        ({"name": "ls-12345678-7-2-0"}, False),
        ({"name": f"{NAME}.ab12"}, False),
        ({"name": "ls-12345678-9-1-0.ab12", "control": "/w/7/steps/1-3"}, True),
        ({"name": "ls-12345678-9-1-0.ab12", "control": "/w/8/steps/1-0"}, False),
    ],
)
def test_a_submission_belongs_to_a_run_or_to_the_step_that_passed_on_its_machine(
    desk: Desk, said: dict[str, str], is_ours: bool
) -> None:
    desk.run.record.folder = "/w/7/steps/1-0"
    assert desk.run.is_of(Status(State.RUNNING, **said)) is is_ours


def test_an_id_that_was_reused_for_another_job_is_not_cancelled(desk: Desk) -> None:
    desk.engine.told = {
        "1": Status(State.RUNNING, name="ls-12345678-9-1-0"),
        "2": Status(State.QUEUED, name=NAME),
    }
    done: list[Any] = []
    desk.watching._worker.do = lambda work, then: done.append(work())  # type: ignore[method-assign]
    desk.watching.cancel(["1", "2", "3"], desk.run.prefix, desk.run)
    desk.watching.cancel(["4"], desk.run.prefix)
    desk.clock.later[-1]()
    assert desk.engine.cancelled == ["2", "4"]


def test_a_suspension_and_an_engine_without_answers_are_reported_until_they_end(desk: Desk) -> None:
    desk.claim()
    desk.hear(State.RUNNING, is_suspended=True)
    desk.hear(State.RUNNING)
    desk.watching._answered(TimeoutError("squeue did not answer"))
    assert isinstance(desk.told[-2], Down)
    desk.hear(State.RUNNING)
    assert desk.messages[0] == "slurm has suspended it."
    assert desk.messages[1] == ""
    assert desk.messages[2].startswith("slurm has not answered since ")
    assert desk.messages[3] == ""


def test_an_answer_about_statuses_does_not_end_the_trouble_of_submissions(desk: Desk) -> None:
    desk.watching.engine_down("submit", "job submit limit")
    desk.hear(State.QUEUED)
    assert {"op": "up"} not in desk.told
    desk.watching.engine_up("submit", "status")
    assert desk.told[-1] == {"op": "up"}


def test_a_lease_expires_even_if_the_executor_is_killed_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(clock, "boot_seconds", lambda: seconds[0])
    remote.write(str(desk.folder), remote.LEASE, {"beat": 7})
    run = RemoteRun(desk.run.record)
    run.look_at_lease()
    while not run.is_quiet:
        seconds[0] += 5
        run.look_at_lease()
    seconds[0] = 1000 + LEASE_EXPIRES_SECONDS
    after = RemoteRun(Record(**json.loads(json.dumps(asdict(run.record)))))
    after.look_at_lease()
    assert not after.is_lease_over
    after.look_at_lease()
    assert after.is_lease_over
    remote.write(str(desk.folder), remote.LEASE, {"beat": 8})
    after.look_at_lease()
    assert not after.is_lease_over
    monkeypatch.setattr(clock, "boot_id", lambda: "another")
    assert RemoteRun(run.record)._beat_seconds == seconds[0]
