"""Recovery over the wire: blocked jobs, the tests that they wait for, and both after a crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import Daemon
from e2e.recovering import advance, at_noon, checks, fails_without, policy, until_blocked
from e2e.wire import Wire


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with at_noon() as made:
        yield made


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.socket) as opened:
        yield opened


def test_a_job_waits_until_its_file_is_there_and_runs_again(wire: Wire, tmp_path: Path) -> None:
    door = tmp_path / "door"
    job = wire.shell(fails_without(door), recovery=policy({"file": {"path": str(door)}}))
    blocked = until_blocked(wire, job)
    assert blocked["status"] == "created"
    assert blocked["result"]["error"]["message"] == "the door is shut"
    (reason,) = wire.explain(job)
    assert reason["kind"] == "recovery"
    assert reason["policy"] == "outage"
    assert reason["tester"] == f"{door} exists"
    assert reason["nextCheckTime"] == "2026-03-29T12:00:30.000000Z"
    assert reason["expiresTime"] == "2026-03-30T12:00:00.000000Z"
    advance(wire, 30, checks_end=1)
    (reason,) = wire.explain(job)
    assert reason["lastMessage"] == f"{door} does not exist"
    door.touch()
    advance(wire, 60, checks_end=1)
    ended = wire.done(job)
    assert (ended["status"], ended["starts"], ended["blockedCount"]) == ("success", 2, 1)
    assert ended["result"]["error"] is None
    assert wire.history(job) == ["created", "processing", "created", "processing", "success"]


def test_a_pause_alone_lets_a_job_go(wire: Wire) -> None:
    job = wire.shell("exit 75", recovery=policy({"wait": True}, maxBlocks=1))
    until_blocked(wire, job)
    wire.call("clock.advance", seconds=29)
    assert wire.kinds(job) == ["recovery"]
    wire.call("clock.advance", seconds=1)
    error = wire.done(job)["result"]["error"]
    assert error["recovery"] == {
        "cause": "max_blocks",
        "blocks": 1,
        "since": "2026-03-29T12:00:00.000000Z",
        "lastMessage": None,
    }


def test_a_blocked_job_is_blocked_after_a_restart_and_an_overdue_test_is_made_once(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    job = wire.shell(fails_without(door), recovery=policy({"file": {"path": str(door)}}))
    until_blocked(wire, job)
    wire.close()
    daemon.kill()
    door.touch()
    daemon.start("--test-clock", "2026-03-29T12:10:00Z")
    with Wire(daemon.socket) as again:
        ended = again.done(job)
        assert (ended["status"], ended["blockedCount"]) == ("success", 1)
        assert [(one["at"], one["outcome"]) for one in checks(again)] == [(600, "well")]
