"""The testers of recovery: which results each takes as good, not yet good, and hopeless."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from e2e.harness import Daemon, python
from e2e.recovering import advance, at_noon, checks, policy, until_blocked
from e2e.wire import Message, Wire, put_component


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with at_noon() as made:
        yield made


def outcome_of(wire: Wire, tester: Message, **job: Any) -> tuple[str, str | None]:
    """Return the result and the message of the first test of a blocked job."""
    made = wire.shell("exit 75", recovery=policy(tester), **job)
    until_blocked(wire, made)
    before = len(checks(wire))
    advance(wire, 30, checks_end=1)
    (check,) = checks(wire)[before:]
    if not wire.get(made["id"])["isFinished"]:
        wire.call("job.terminate", id=made["id"])
    return check["outcome"], check["message"]


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["true"], ("well", None)),
        (["sh", "-c", "echo not yet >&2; exit 1"], ("not_yet", "not yet")),
        (["sh", "-c", "echo one; echo never; exit 2"], ("hopeless", "never")),
        (["sh", "-c", "kill -9 $$"], ("not_yet", None)),
        (["sh", "-c", 'test "$DOOR" = open'], ("well", None)),
    ],
)
def test_a_command_has_the_jobs_environment_and_its_exit_code_decides(
    wire: Wire, argv: list[str], found: tuple[str, str | None]
) -> None:
    assert outcome_of(wire, {"command": argv}, environment={"DOOR": "open"}) == found


def test_a_missing_or_endless_command_is_not_good_yet(wire: Wire) -> None:
    outcome, said = outcome_of(wire, {"command": ["/no/such/program"]})
    assert outcome == "not_yet"
    assert said is not None
    assert said.startswith("It could not be started")
    tester = {"command": ["sleep", "600"], "timeoutSeconds": 0.2}
    assert outcome_of(wire, tester) == ("not_yet", "no answer within 0.2 seconds")


class Answers(BaseHTTPRequestHandler):
    """Answers a request for `/503` with that status."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:4]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a running server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as found:
        thread = Thread(target=found.serve_forever)
        thread.start()
        yield found.server_port
        found.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "wanted", "outcome"),
    [
        (200, [], "well"),
        (299, [], "well"),
        (503, [], "not_yet"),
        (302, [], "not_yet"),
        (404, [], "hopeless"),
        (401, [], "hopeless"),
        (404, [404], "well"),
    ],
)
def test_a_request_is_judged_by_its_status(
    wire: Wire, server: int, status: int, wanted: list[int], outcome: str
) -> None:
    tester = {"http": {"url": f"http://127.0.0.1:{server}/{status}", "status": wanted}}
    assert outcome_of(wire, tester) == (outcome, f"HTTP {status}")


def test_a_connection_that_is_refused_is_not_good_yet(wire: Wire, server: int) -> None:
    assert outcome_of(wire, {"tcp": {"host": "127.0.0.1", "port": server}}) == ("well", "connected")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        outcome, said = outcome_of(wire, {"tcp": {"host": "127.0.0.1", "port": port}})
        assert outcome == "not_yet"
        assert "refused" in str(said)
        outcome, _ = outcome_of(wire, {"http": {"url": f"http://127.0.0.1:{port}/"}})
        assert outcome == "not_yet"


def test_free_disk_space_and_the_absence_of_a_file_can_be_tested(wire: Wire, tmp_path: Path) -> None:
    assert outcome_of(wire, {"disk": {"path": "/tmp", "freeBytes": 1}})[0] == "well"
    assert outcome_of(wire, {"disk": {"path": "/tmp", "freeBytes": "1000TB"}})[0] == "not_yet"
    lock = tmp_path / "lock"
    assert outcome_of(wire, {"file": {"path": str(lock), "absent": True}})[0] == "well"
    lock.touch()
    assert outcome_of(wire, {"file": {"path": str(lock), "absent": True}})[0] == "not_yet"


ACTION = """
import json, os, sys
config = json.load(open(os.environ["KBC_DATADIR"] + "config.json"))
if config["action"] == "run":
    sys.exit(75)
print(json.dumps(config["parameters"]["says"]))
"""


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ({"status": "ok"}, "well"),
        ({"status": "error", "message": "no login"}, "not_yet"),
        ({"type": "error"}, "not_yet"),
        ([], "well"),
    ],
)
def test_an_action_runs_with_the_configuration_of_the_job(wire: Wire, says: Any, found: str) -> None:
    put_component(wire, "acme.source", command=python(ACTION), actions=["test"])
    job = wire.create(
        "acme.source",
        configData={"parameters": {"says": says}},
        recovery=policy({"action": "test"}),
    )
    until_blocked(wire, job)
    advance(wire, 30, checks_end=1)
    check = checks(wire)[-1]
    if not wire.get(job["id"])["isFinished"]:
        wire.call("job.terminate", id=job["id"])
    assert check["outcome"] == found
    assert check["message"] == ("no login" if "message" in says else json.dumps(says))


def test_jobs_share_a_condition_only_with_the_same_test_and_parameters(wire: Wire, tmp_path: Path) -> None:
    one, two = ({"file": {"path": str(tmp_path / name)}} for name in ("one", "two"))
    jobs = [
        wire.shell("exit 75", recovery=policy(tester, intervalSeconds=pause))
        for tester, pause in ((one, 30), (one, 60), (two, 30))
    ]
    for job in jobs:
        until_blocked(wire, job)
    shared = {tuple(each["jobs"]) for each in wire.call("recovery.list")["conditions"]}
    assert shared == {(jobs[0]["id"], jobs[1]["id"]), (jobs[2]["id"],)}
