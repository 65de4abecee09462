"""Sync actions: a component answers one request with one JSON value; there is no job, no lock, no slot."""

import pytest

from e2e.harness import python
from e2e.wire import Wire, of, put_component, put_config

ANSWER = """
import json, os, sys
config = json.load(open(os.environ["KBC_DATADIR"] + "config.json"))
match config["action"]:
    case "columns":
        print("INFO: a log line first")
        answer = {"columns": config["parameters"]["want"], "storage": "storage" in config}
        sys.stdout.write(json.dumps(answer))
    case "list":
        print("[1, 2]")
    case "text":
        print("no json")
    case "nothing":
        pass
    case "wrong":
        sys.exit("The password is wrong.")
    case "crash":
        sys.exit(2)
    case "umask":
        print(os.umask(0))
    case "slow":
        import time; time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _component(wire: Wire) -> None:
    put_component(
        wire,
        "acme.action",
        command=python(ANSWER),
        actions=["columns", "list", "text", "nothing", "wrong", "crash", "slow", "umask"],
    )


def test_an_action_returns_its_json_and_leaves_no_trace(wire: Wire) -> None:
    jobs, events = wire.call("job.list", count=True)["total"], len(wire.events())
    data = {"parameters": {"want": ["a", "b"]}, "storage": {"input": {"tables": []}}}
    answer = wire.call("action.run", component="acme.action", action="columns", configData=data)
    assert answer == {"columns": ["a", "b"], "storage": False}
    assert wire.call("action.run", component="acme.action", action="list") == [1, 2]
    assert (wire.call("job.list", count=True)["total"], len(wire.events())) == (jobs, events)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("text", "JSON"),
        ("nothing", "JSON"),
        ("wrong", "The password is wrong."),
        ("crash", "exit code 2, no output"),
    ],
)
def test_a_failed_action_says_why(wire: Wire, action: str, words: str) -> None:
    refusal = wire.refused("action.run", component="acme.action", action=action)
    assert words in refusal.error["message"]
    assert (refusal.kind, refusal.error["code"]) == ("failed", -32009)
    assert refusal.data["type"] == ("user" if action == "wrong" else "application")


def test_an_action_has_the_umask_of_a_job(wire: Wire) -> None:
    job = wire.done(wire.shell("umask"))
    answer = wire.call("action.run", component="acme.action", action="umask")
    assert f"{answer:04o}\n" == wire.text(job)


def test_an_unknown_action_or_component_is_not_found(wire: Wire) -> None:
    assert wire.refused("action.run", component="acme.action", action="dance").kind == "not_found"
    assert wire.refused("action.run", component="acme.nowhere", action="list").kind == "not_found"


def test_an_action_needs_no_slot_and_is_stopped_with_its_caller(wire: Wire, daemon: object) -> None:
    wire.call("pool.pause", id="default")
    try:
        assert wire.call("action.run", component="acme.action", action="list") == [1, 2]
    finally:
        wire.call("pool.resume", id="default")


def test_an_action_is_stopped_at_its_time_limit(wire: Wire) -> None:
    put_component(wire, "acme.slow", command=["sleep", "600"], limits={"timeoutSeconds": 0.5})
    refusal = wire.refused("action.run", component="acme.slow", action="any")
    assert of(refusal.error, "code") == (-32008,)
    assert refusal.kind == "timeout"


def test_an_action_of_a_stored_configuration_uses_its_rows_and_variables(wire: Wire) -> None:
    body = {"parameters": {"want": "{{ what }}", "n": 1}, "variables": {"what": "all"}}
    rows = [{"id": "one", "configuration": {"parameters": {"want": "row"}}}]
    put_config(wire, "acme.action", "stored", configuration=body, rows=rows)
    asked = {"component": "acme.action", "action": "columns", "config": "stored"}
    assert wire.call("action.run", **asked)["columns"] == "all"
    values = {"values": [{"name": "what", "value": "few"}]}
    assert wire.call("action.run", **asked, variableValuesData=values)["columns"] == "few"
    assert wire.call("action.run", **asked, row="one")["columns"] == "row"
    for more, path in (
        ({"config": "none"}, "$.config"),
        ({"row": "none"}, "$.row"),
        ({"configData": {"parameters": {}, "x": 1}}, "$.configData"),
        ({"config": None, "row": "one"}, "$.row"),
    ):
        assert wire.refused("action.run", **{**asked, **more}).data["path"] == path
