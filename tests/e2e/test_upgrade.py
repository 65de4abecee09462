"""Upgrades and downgrades: jobs under another release's keeper continue, new jobs start under our own."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.activation import INSTALLED, Manager, manager
from e2e.harness import Daemon, short_folder
from e2e.processes import is_alive, kill_and_wait, wait_for_end
from e2e.releases import release
from e2e.signs import Ear, Gate
from e2e.wire import Message, Wire, of, until_running

OTHERS = {
    "an older protocol": {"version": 0},
    "a newer protocol": {"version": 2},
    "other code": {"remark": "\n# another build\n"},
}


@pytest.fixture
def upgrading() -> Iterator[Daemon]:
    """A daemon's folder in which no daemon runs yet."""
    with short_folder() as folder:
        daemon = Daemon(folder)
        yield daemon
        daemon.end()


def keepers(wire: Wire) -> tuple[Message, list[Message]]:
    """Return the current keeper and the former ones, once new jobs can start."""
    wire.done(wire.shell("true"))
    status = wire.call("daemon.status")
    return status["keeper"], status["formerKeepers"]


@pytest.mark.parametrize("other", OTHERS)
def test_a_job_continues_under_the_keeper_of_another_release_which_exits_with_it(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate, other: str
) -> None:
    daemon = upgrading.start(before=release(place, **OTHERS[other]))
    wire = daemon.wire()
    job = wire.shell(f"echo up > {ear.path}; echo before; {gate.text}; echo after; exit 7")
    assert ear.hear() == "up"
    old = daemon.keeper_pid()
    daemon.kill()

    wire = daemon.start().wire()
    current, former = keepers(wire)
    assert current["pid"] != old
    assert of(current, "isConnected", "protocolVersion", "isOutdated") == (True, 1, False)
    assert [of(one, "pid", "isConnected", "runs", "isOutdated") for one in former] == [(old, True, 1, True)]
    assert former[0]["protocolVersion"] == OTHERS[other].get("version", 1)
    second = wire.shell(f"echo second > {ear.path}")
    assert ear.hear() == "second"
    assert wire.done(second)["status"] == "success"

    follow = wire.ask("job.log", id=job["id"], offset=1, waitSeconds=60)
    gate.open()
    assert [frame["text"] for frame in wire.answer(follow)["frames"]] == ["after\n"]
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["process"]["exitCode"] == 7
    wait_for_end(old)
    assert wire.call("daemon.check")["problems"] == []


def test_a_daemon_killed_during_the_change_finds_both_keepers_again(
    upgrading: Daemon, place: Path, ear: Ear, gates: Callable[[str], Gate]
) -> None:
    daemon = upgrading.start(before=release(place, version=0))
    wire = daemon.wire()
    one, two = gates("first"), gates("second")
    first = wire.shell(f"echo up > {ear.path}; {one.text}; exit 3")
    assert ear.hear() == "up"
    old = daemon.keeper_pid()
    daemon.kill()
    wire = daemon.start().wire()
    second = wire.shell(f"echo up > {ear.path}; {two.text}; exit 4")
    assert ear.hear() == "up"
    new = daemon.keeper_pid()
    for stop in (daemon.kill, daemon.stop):
        stop()
        wire = daemon.start().wire()
        current, former = keepers(wire)
        assert (current["pid"], [each["pid"] for each in former]) == (new, [old])
    daemon.kill()
    one.open()
    wire = daemon.start().wire()
    assert of(wire.done(first)["process"], "exitCode") == (3,)
    wait_for_end(old)
    assert is_alive(new)
    two.open()
    assert of(wire.done(second)["process"], "exitCode") == (4,)
    assert [wire.get(job["id"])["starts"] for job in (first, second)] == [1, 1]


def test_jobs_of_a_former_keeper_are_paused_resumed_and_stopped(
    upgrading: Daemon, place: Path, ear: Ear
) -> None:
    daemon = upgrading.start(before=release(place, version=0))
    wire = daemon.wire()
    job = wire.shell(f"echo $$ > {ear.path}; while :; do sleep 0.05; done")
    ear.hear()
    pid = until_running(wire, job)["process"]["pid"]
    old = daemon.keeper_pid()
    daemon.kill()
    wire = daemon.start().wire()
    keepers(wire)
    for action, stage in (("job.pause", True), ("job.resume", False), ("job.pause", True)):
        wire.call(action, id=job["id"])
        assert wire.events(job)[-1]["kind"] == ("job.paused" if stage else "job.resumed")
    wire.call("job.terminate", id=job["id"])
    ended = wire.done(job)
    assert ended["status"] == "terminated"
    assert pid in [one["pid"] for one in ended["killReport"]["processes"]]
    wait_for_end(old)
    assert not is_alive(pid)


def test_the_death_of_a_former_keeper_loses_only_its_own_jobs(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate
) -> None:
    daemon = upgrading.start(before=release(place, version=0))
    wire = daemon.wire()
    lost = wire.shell(f"echo $$ > {ear.path}; {gate.text}", onLost="error")
    again = wire.shell(f"echo $$ > {ear.path}; {gate.text}")
    first = {int(ear.hear()), int(ear.hear())}
    old = daemon.keeper_pid()
    daemon.kill()
    wire = daemon.start().wire()
    other = wire.shell(f"echo up > {ear.path}; {gate.text}")
    assert ear.hear() == "up"
    kill_and_wait(old)
    ended = wire.done(lost)
    assert of(ended["result"]["error"], "kind") == ("lost",)
    second = int(ear.hear())
    assert not [pid for pid in first if is_alive(pid)]
    gate.open()
    assert of(wire.done(again), "status", "starts") == ("success", 2)
    assert of(wire.done(other), "status", "starts") == ("success", 1)
    assert second not in first
    assert wire.call("daemon.status")["formerKeepers"] == []


def test_an_end_under_a_former_keeper_without_a_daemon_is_known(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate
) -> None:
    daemon = upgrading.start(before=release(place, version=2))
    wire = daemon.wire()
    job = wire.shell(f"echo $$ > {ear.path}; {gate.text}; exit 5")
    pid = int(ear.hear())
    old = daemon.keeper_pid()
    daemon.kill()
    gate.open()
    wait_for_end(pid)
    wire = daemon.start().wire()
    assert of(wire.done(job)["process"], "exitCode") == (5,)
    wait_for_end(old)


def test_an_unresponsive_former_keeper_loses_nothing_and_does_not_prevent_the_start(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate
) -> None:
    daemon = upgrading.start(before=release(place, version=0))
    wire = daemon.wire()
    job = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 6")
    assert ear.hear() == "up"
    old = daemon.keeper_pid()
    daemon.kill()
    os.kill(old, signal.SIGSTOP)
    try:
        wire = daemon.start().wire()
        _, former = keepers(wire)
        assert [of(one, "isConnected", "pid") for one in former] == [(False, None)]
        (problem,) = wire.call("daemon.check")["problems"]
        assert problem["kind"] == "keeper"
        assert wire.get(job["id"])["status"] == "processing"
        gate.open()
    finally:
        os.kill(old, signal.SIGCONT)
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["process"]["exitCode"] == 6
    wait_for_end(old)


def test_an_idle_keeper_is_replaced_at_once(upgrading: Daemon, place: Path) -> None:
    daemon = upgrading.start(before=release(place, version=0))
    with daemon.wire() as wire:
        wire.done(wire.shell("true"))
    old = daemon.keeper_pid()
    daemon.stop()
    wire = daemon.start().wire()
    current, _ = keepers(wire)
    wait_for_end(old)
    assert current["pid"] != old


# -- keepers that a service manager starts ------------------------------------------------------------------


def start_old_release(daemon: Daemon, units: Manager, ear: Ear, gate: Gate, **other: Any) -> Message:
    """Kill another release under a service manager while a job runs that will exit with 7, and start ours."""
    old = units.folder / "old"
    units.release = old
    daemon.settings["LOCKSIDE_KEEPER__SOCKET"] = units.setting
    wire = daemon.start(before=release(old, **other)).wire()
    job = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 7")
    assert ear.hear() == "up"
    units.release = INSTALLED
    daemon.kill()
    return job


def test_under_a_service_manager_new_jobs_go_to_the_idle_socket(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate
) -> None:
    with manager(place, "ab") as units:
        job = start_old_release(upgrading, units, ear, gate, remark="\n# another build\n")
        wire = upgrading.start().wire()
        current, former = keepers(wire)
        old, new = units.pids
        assert (current["pid"], [one["pid"] for one in former]) == (new, [old])
        gate.open()
        assert of(wire.done(job)["process"], "exitCode") == (7,)
        wait_for_end(old)
        wire = upgrading.restart().wire()
        assert keepers(wire)[0]["pid"] == new
        assert units.pids == [old, new]


def test_with_one_socket_jobs_wait_until_a_keeper_of_another_protocol_is_idle(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate
) -> None:
    with manager(place, "a") as units:
        job = start_old_release(upgrading, units, ear, gate, version=2)
        wire = upgrading.start().wire()
        until_running(wire, job)
        waiting = wire.shell("true")
        (reason,) = [one for one in wire.explain(waiting) if one["kind"] == "no_executor"]
        assert "version 2" in reason["cause"]
        assert wire.call("daemon.status")["keeper"]["cause"] == reason["cause"]
        gate.open()
        assert of(wire.done(job)["process"], "exitCode") == (7,)
        assert wire.done(waiting)["status"] == "success"
        assert len(units.pids) == 2


def test_with_one_socket_a_keeper_of_the_same_protocol_takes_jobs_until_replaced(
    upgrading: Daemon, place: Path, ear: Ear, gate: Gate
) -> None:
    with manager(place, "a") as units:
        job = start_old_release(upgrading, units, ear, gate, remark="\n# another build\n")
        wire = upgrading.start().wire()
        current, former = keepers(wire)
        assert (current["pid"], current["isOutdated"], former) == (units.pids[0], True, [])
        gate.open()
        assert of(wire.done(job)["process"], "exitCode") == (7,)
        wire = upgrading.restart().wire()
        current, _ = keepers(wire)
        assert (current["pid"], current["isOutdated"]) == (units.pids[1], False)
