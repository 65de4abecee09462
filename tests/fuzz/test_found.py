"""What fuzzing found: requests that the daemon once answered with a fault of its own, kept for ever."""

from typing import Any

import pytest

from e2e.harness import Wire

NINES = "9" * 64


@pytest.mark.parametrize(
    ("method", "params", "code", "path"),
    [
        ("job.report", {"token": NINES}, -32001, "$.token"),
        ("job.report", {"token": "٣-1-0"}, -32001, "$.token"),
        ("daemon.backup", {"path": "/" + "x" * 300}, -32602, "$.path"),
        ("daemon.backup", {"path": "/" + "x" * 300 + "/x"}, -32602, "$.path"),
        ("daemon.backup", {"path": "/dev/null/x"}, -32602, "$.path"),
        ("daemon.backup", {"path": "/dev/null"}, -32002, "$.path"),
        ("daemon.backup", {"path": "/proc/backup.db"}, -32006, "$.path"),
    ],
)
def test_a_request_that_once_was_a_fault_of_the_daemon_names_its_field(
    wire: Wire, method: str, params: dict[str, Any], code: int, path: str
) -> None:
    refusal = wire.refused(method, **params)
    assert (refusal.code, refusal.data.get("path")) == (code, path), refusal


@pytest.mark.parametrize("owner", [NINES, "4294967296", "٣"])
def test_an_owner_that_nobody_can_be_has_no_jobs(wire: Wire, owner: str) -> None:
    assert wire.call("job.list", owner=owner)["jobs"] == []
    assert wire.call("job.stats", owner=owner)["groups"] == []


def test_the_log_of_a_retried_job_that_has_not_started_is_empty(wire: Wire) -> None:
    held = wire.shell("true", retry={"maxAttempts": 2}, hold=True)
    assert wire.call("job.log", id=held["id"])["frames"] == []
    with Wire(wire.socket.getpeername()) as other:
        follow = other.ask("job.log", id=held["id"], waitSeconds=60)
        wire.call("job.release", id=held["id"])
        assert other.answer(follow)["isComplete"]


def test_an_action_that_answers_nothing_names_the_action(wire: Wire) -> None:
    wire.call("component.put", component={"id": "mute", "command": ["true"], "actions": ["ask"]})
    assert wire.refused("action.run", component="mute", action="ask").data["path"] == "$.action"
