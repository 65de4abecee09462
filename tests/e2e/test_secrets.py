"""Secrets are encrypted wherever they are stored, and decrypted only for running programs."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, python
from e2e.wire import Message, Wire, put_component, put_config

PASSWORD = "s3cr3t-Ω-never-in-plain"
COPY = """
import os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
file = data / "config.json"
pathlib.Path(sys.argv[1]).write_text(file.read_text())
assert [oct(path.stat().st_mode & 0o777) for path in (file, data / "in/state.json")] == ["0o600"] * 2
"""
LOADER = {"component": "acme.load", "config": "daily"}
BODY = {"parameters": {"host": "db", "#password": PASSWORD}}


@pytest.fixture
def seen(place: Path) -> Path:
    """Where the component copies its config.json."""
    return place / "seen.json"


@pytest.fixture
def loads(wire: Wire, seen: Path) -> Wire:
    put_component(wire, "acme.load", command=python(COPY, str(seen)))
    return wire


def put(wire: Wire, **more: Any) -> Message:
    return put_config(wire, "acme.load", **{"config": "daily", "configuration": BODY, **more})


def password_of(stored: Message) -> Any:
    return stored["configuration"]["parameters"]["#password"]


def test_a_secret_is_stored_encrypted_and_given_to_the_job_in_plain(loads: Wire, seen: Path) -> None:
    stored = put(loads)
    assert password_of(stored).startswith("lockside:v1:config:")
    assert password_of(loads.call("config.get", **LOADER)) == password_of(stored)
    job = loads.done(loads.create(**LOADER))
    assert job["status"] == "success", job
    assert json.loads(seen.read_text())["parameters"] == BODY["parameters"]


def test_a_value_already_encrypted_for_its_place_is_stored_unchanged(loads: Wire) -> None:
    first = put(loads, config="same")
    again = put(
        loads, config="same", configuration={"parameters": {"host": "db", "#password": password_of(first)}}
    )
    assert again["version"] == first["version"]
    assert put(loads, config="same")["version"] == first["version"], "the same plain value is not a change"
    changed = put(loads, config="same", configuration={"parameters": {"host": "db", "#password": "another"}})
    assert changed["version"] == first["version"] + 1


def test_a_cipher_text_of_another_place_is_refused_with_its_path(loads: Wire) -> None:
    token = password_of(put(loads, config="mine"))
    put_component(loads, "acme.other", command=["true"])
    body = {"parameters": {"list": [{"#password": token}]}}
    for place in (("acme.other", "mine"), ("acme.load", "another")):
        refusal = loads.refused("config.put", component=place[0], config=place[1], configuration=body)
        assert refusal.kind == "invalid"
        assert refusal.data["path"] == "$.configuration.parameters.list[0].#password"
        assert "encrypt it again for this configuration" in str(refusal)
    job = loads.refused("job.create", component="acme.other", configData=body)
    assert job.data["path"] == "$.configData.parameters.list[0].#password"


@pytest.mark.parametrize(
    "broken",
    ["lockside:v1:config:00000000:abcd", "lockside:v1:config", "lockside:v1:config:{key}:gAAAAA", "[hidden]"],
)
def test_a_foreign_cipher_text_is_refused(loads: Wire, broken: str) -> None:
    key = password_of(put(loads, config="broken")).split(":")[3]
    body = {"parameters": {"#password": broken.replace("{key}", key)}}
    refusal = loads.refused("config.put", component="acme.load", config="broken", configuration=body)
    assert refusal.data["path"] == "$.configuration.parameters.#password"


def test_a_copied_configuration_is_re_encrypted_and_runs(loads: Wire, seen: Path) -> None:
    original = password_of(put(loads, config="original"))
    copy = loads.call("config.copy", component="acme.load", config="original", toConfig="copy")
    assert password_of(copy) != original
    assert loads.done(loads.create("acme.load", config="copy"))["status"] == "success"
    assert json.loads(seen.read_text())["parameters"]["#password"] == PASSWORD
    loads.call("branch.create", branch={"id": "dev"})
    branched = loads.call(
        "config.copy", component="acme.load", config="original", toBranchId="dev", toConfig="original"
    )
    assert password_of(branched) == original, "a branch of the same configuration needs nothing"


def test_the_result_of_secret_encrypt_can_be_stored(loads: Wire, seen: Path) -> None:
    made = loads.call("secret.encrypt", component="acme.load", config="made", value=PASSWORD)["value"]
    assert made.startswith("lockside:v1:config:")
    assert loads.call("secret.encrypt", component="acme.load", config="made", value=made)["value"] == made
    data = loads.call("secret.encrypt", component="acme.load", data={"a": 1, "#b": [1, None], "#empty": ""})[
        "data"
    ]
    assert data["#b"].startswith("lockside:v1:project:")
    assert (data["a"], data["#empty"]) == (1, "")
    put(loads, config="made", configuration={"parameters": {"#password": made, "more": data}})
    loads.done(loads.create("acme.load", config="made"))
    got = json.loads(seen.read_text())["parameters"]
    assert (got["#password"], got["more"]["#b"]) == (PASSWORD, [1, None])
    for path, params in {
        "$.component": {"value": "x"},
        "$.value": {"component": "acme.load"},
        "$.scope": {"component": "acme.load", "scope": "config", "value": "x"},
    }.items():
        assert loads.refused("secret.encrypt", **params).data["path"] == path


def test_secrets_of_requests_variables_state_and_environment_reach_the_job(loads: Wire, seen: Path) -> None:
    loads.call("variables.put", variables={"id": "vars", "values": [{"name": "#token", "value": PASSWORD}]})
    body = {"parameters": {"url": "https://{{ #token }}@host", "#own": "{{ user }}-key"}}
    values = {"values": [{"name": "user", "value": "ann"}]}
    job = loads.create("acme.load", configData=body, variableValuesId="vars", variableValuesData=values)
    assert job["configData"]["parameters"]["#own"].startswith("lockside:v1:project:")
    assert loads.done(job)["status"] == "success"
    assert json.loads(seen.read_text())["parameters"] == {
        "url": f"https://{PASSWORD}@host",
        "#own": "ann-key",
    }
    again = loads.create(
        "acme.load", configData=job["configData"], variableValuesId="vars", variableValuesData=values
    )
    assert again["configData"] == job["configData"], "what the job shows can be requested again"
    resubmitted = loads.done(loads.call("job.resubmit", id=job["id"]))
    assert resubmitted["status"] == "success"
    assert json.loads(seen.read_text())["parameters"]["#own"] == "ann-key"


def test_apply_names_every_misplaced_cipher_text(loads: Wire) -> None:
    token = password_of(put(loads, config="from"))
    wrong = [
        {"component": "acme.load", "config": name, "configuration": {"parameters": {"#password": token}}}
        for name in ("one", "two")
    ]
    refusal = loads.refused("catalog.apply", configs=wrong)
    assert [fault["path"] for fault in refusal.data["faults"]] == [
        f"$.configs[{place}].configuration.parameters.#password" for place in (0, 1)
    ]


def test_a_plan_hides_secrets_and_holds_for_the_same_values(loads: Wire) -> None:
    first = put(loads, config="planned")
    body = {"parameters": {"host": "db", "#password": "changed"}}
    wanted = {"configs": [{"component": "acme.load", "config": "planned", "configuration": body}]}
    plan = loads.call("catalog.apply", **wanted, dryRun=True)
    (change,) = plan["changes"]
    assert change["fields"] == [
        {"path": "configuration.parameters.#password", "old": "[hidden]", "new": "[hidden]"}
    ]
    done = loads.call("catalog.apply", **wanted, plan=plan["plan"])
    assert done["changes"][0]["version"] == first["version"] + 1
    assert loads.call("catalog.apply", **wanted)["changes"] == []
    other = [{**wanted["configs"][0], "configuration": {"parameters": {"#password": "third"}}}]
    assert loads.refused("catalog.apply", configs=other, plan=plan["plan"]).kind == "conflict"
    told = loads.call("config.diff", component="acme.load", config="planned", version=1, to=2)
    assert told["fields"] == change["fields"]


def test_equal_specifications_are_stored_once(daemon: Daemon, loads: Wire) -> None:
    def specifications() -> int:
        with closing(sqlite3.connect(f"file:{daemon.state_dir}/lockside.db?mode=ro", uri=True)) as database:
            (count,) = database.execute("SELECT count(*) FROM specs").fetchone()
        return int(count)

    put(loads, config="once")
    loads.create("acme.load", config="once", hold=True)
    before = specifications()
    for _ in range(3):
        loads.create("acme.load", config="once", hold=True)
    assert specifications() == before


def test_the_secrets_of_a_task_are_bound_to_its_component(loads: Wire, seen: Path) -> None:
    token = loads.call("secret.encrypt", component="acme.load", value=PASSWORD)["value"]
    of_flow = loads.call("secret.encrypt", component="lockside.orchestrator", config="flow", value="x")[
        "value"
    ]

    def flow(value: str) -> Message:
        task = {"component": "acme.load", "configData": {"parameters": {"#password": value}}}
        return {"phases": [{"id": "p"}], "tasks": [{"id": "t", "phase": "p", "task": task}]}

    named = {"component": "lockside.orchestrator", "config": "flow"}
    stored = loads.call("config.put", **named, configuration=flow(token))
    assert stored["configuration"] == flow(token)
    plain = loads.call("config.put", **named, configuration=flow(PASSWORD))
    assert plain["version"] == stored["version"]
    refusal = loads.refused("config.put", **named, configuration=flow(of_flow))
    assert refusal.data["path"] == "$.configuration.tasks[0].task.configData.parameters.#password"
    assert loads.done(loads.create(**named))["status"] == "success"
    assert json.loads(seen.read_text())["parameters"]["#password"] == PASSWORD


def test_a_state_keeps_its_secrets_from_run_to_run(wire: Wire) -> None:
    text = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
state = json.loads((data / "in/state.json").read_text())
assert state in ({}, {"#cursor": ["a", 1], "n": 1}), state
(data / "out/state.json").write_text('{"#cursor": ["a", 1], "n": 1}')
"""
    put_component(wire, "acme.state", command=python(text))
    put_config(wire, "acme.state", "c")
    job = wire.done(wire.create("acme.state", config="c"))
    assert job["status"] == "success", job
    first = wire.call("state.get", component="acme.state", config="c")
    assert first["state"]["#cursor"].startswith("lockside:v1:config:")
    assert first["state"]["n"] == 1
    again = wire.done(wire.create("acme.state", config="c"))
    assert again["status"] == "success", again
    assert wire.call("state.get", component="acme.state", config="c") == first, (
        "the same value is not a change"
    )
    assert not (Path(job["workPath"]) / "data/out/state.json").exists()
    assert (Path(job["workPath"]) / "data/out/files").exists()


def test_a_schema_of_a_secret_is_returned_as_stored_and_validates_the_secret(wire: Wire) -> None:
    schema = {"type": "object", "properties": {"#password": {"type": "string", "minLength": 8}}}
    put_component(wire, "acme.load", command=["true"], schema=schema)
    assert wire.call("component.get", id="acme.load")["schema"] == schema
    short = {"parameters": {"#password": "short"}}
    put(wire, configuration=short)
    refused = wire.refused("job.create", **LOADER)
    assert refused.data["path"] == "$.configuration.parameters.#password"
