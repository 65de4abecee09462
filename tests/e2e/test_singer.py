"""`tap | target` as an ordinary component with parameters and state."""

from pathlib import Path
from typing import Any

import pytest

from e2e.harness import python
from e2e.wire import Message, Wire, of, put_component, put_config

TAP = python(
    "import json, sys\n"
    "config, state, many = json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), int(sys.argv[3])\n"
    "first = state.get('next', config['first'])\n"
    "for n in range(first, first + many):\n"
    "    print(json.dumps({'n': n}))\n"
    "print('tapped', many, file=sys.stderr)\n",
    "{parameters.tap}",
    "{state}",
    "{{ many }}",
)
TARGET = python(
    "import json, sys\n"
    "for line in sys.stdin:\n"
    "    n = json.loads(line)['n']\n"
    "    print(json.dumps({'next': n + 1, 'pad': 'x' * int(sys.argv[1])}), flush=True)\n"
    "print('target: done')\n"
    "sys.exit(int(sys.argv[2]))\n",
    "{{ pad }}",
    "{{ code }}",
)
PARAMETERS = {"tap": {"first": 10}, "many": 3, "pad": 0, "code": 0}


@pytest.fixture(scope="module", autouse=True)
def _component(daemon: Any) -> None:
    with Wire(daemon.socket) as wire:
        put_component(wire, "ex.singer", pipeline=[TAP, TARGET], state="singer")


def run(wire: Wire, config: str, rows: list[Message] | None = None, **changes: Any) -> Message:
    put_config(wire, "ex.singer", config, configuration={"parameters": PARAMETERS | changes}, rows=rows or [])
    return wire.done(wire.create("ex.singer", config=config))


def state(wire: Wire, config: str, **row: str) -> Any:
    return wire.call("state.get", component="ex.singer", config=config, **row)["state"].get("next")


def test_the_last_state_that_a_target_prints_is_passed_to_the_next_tap(wire: Wire) -> None:
    assert run(wire, "daily")["status"] == "success"
    assert state(wire, "daily") == 13
    assert run(wire, "daily", many=1)["status"] == "success"
    assert state(wire, "daily") == 14


def test_a_failed_target_and_a_target_without_output_leave_the_state_unchanged(wire: Wire) -> None:
    run(wire, "kept")
    assert run(wire, "kept", code=1)["status"] == "error"
    assert run(wire, "kept", many=0)["status"] == "success"
    assert state(wire, "kept") == 13


def test_each_row_has_the_state_that_its_own_target_printed(wire: Wire) -> None:
    rows = [
        {"id": name, "configuration": {"parameters": {"many": many}}}
        for name, many in (("a", 1), ("b", 2), ("none", 0))
    ]
    assert run(wire, "rows", rows)["status"] == "success"
    assert [state(wire, "rows", row=name) for name in ("a", "b", "none")] == [11, 12, None]


def test_a_state_of_many_frames_is_complete_and_a_state_too_long_is_an_error(wire: Wire) -> None:
    assert run(wire, "large", pad=500_000)["status"] == "success"
    assert state(wire, "large") == 13
    failed = run(wire, "large", pad=1_100_000)
    assert of(failed["result"]["error"], "kind", "message") == (
        "output",
        "The state that the target printed is longer than 1 MiB.",
    )


def test_parameter_files_are_private_to_the_run_and_removed_with_it(wire: Wire) -> None:
    look = python(
        "import os, sys; print(oct(os.stat(sys.argv[1]).st_mode & 0o777), sys.argv[1])", "{parameters}"
    )
    put_component(wire, "ex.look", command=look)
    job = wire.done(wire.create("ex.look", configData={"parameters": {"#key": "hidden-word"}}))
    mode, path = wire.text(job).split()
    assert mode == "0o600"
    assert not Path(path).exists()


def test_an_action_supports_the_same_placeholders(wire: Wire) -> None:
    say = python(
        "import json, sys; print(json.dumps([json.load(open(sys.argv[1])), sys.argv[2]]))",
        "{parameters.tap}",
        "{{ word }}",
    )
    put_component(wire, "ex.asked", command=say)
    data = {"parameters": {"tap": {"n": 1}, "word": "hello"}}
    asked = {"component": "ex.asked", "action": "check", "configData": data}
    assert wire.call("action.run", **asked) == [{"n": 1}, "hello"]
    refused = wire.refused("action.run", component="ex.asked", action="check")
    assert refused.data["path"] == "$.configData.parameters.tap"


def test_a_missing_parameter_is_named_before_anything_runs(wire: Wire) -> None:
    refused = wire.refused("job.create", component="ex.singer", configData={"parameters": {"tap": {}}})
    assert of(refused.data, "kind", "path") == ("invalid", "$.configData.parameters.many")
    bad = {name: value for name, value in PARAMETERS.items() if name != "pad"}
    config = {"component": "ex.singer", "config": "bad", "configuration": {"parameters": bad}}
    refused = wire.refused("catalog.apply", configs=[config])
    assert refused.data["path"] == "$.configs[0].configuration.parameters.pad"
