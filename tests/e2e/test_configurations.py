"""Stored components and configurations: versions, disabling, precedence, variables, schemas, branches."""

import json
from typing import Any

import pytest

from e2e.harness import python
from e2e.wire import Message, Wire, of, put_component, put_config

SHOW = python(
    "import json, os\n"
    "config = json.load(open(os.environ['KBC_DATADIR'] + 'config.json'))\n"
    "print(json.dumps(config['parameters']))"
)


@pytest.fixture(scope="module", autouse=True)
def _component(daemon: Any) -> None:
    with Wire(daemon.socket) as wire:
        put_component(wire, "acme.show", command=SHOW)


def shown(wire: Wire, job: Message) -> Any:
    ended = wire.done(job)
    assert ended["status"] == "success", ended["result"]["error"]
    return json.loads(wire.text(ended))


def test_every_change_creates_a_version_and_old_versions_stay_readable(wire: Wire) -> None:
    first = put_config(
        wire, "acme.show", "v", configuration={"parameters": {"n": 1}}, changeDescription="first"
    )
    second = put_config(wire, "acme.show", "v", configuration={"parameters": {"n": 2}}, rows=[], name="Named")
    assert (first["version"], second["version"]) == (1, 2)
    ids = {"component": "acme.show", "config": "v"}
    assert wire.call("config.get", **ids, version=1)["configuration"] == {"parameters": {"n": 1}}
    assert of(wire.call("config.get", **ids), "version", "name") == (2, "Named")
    listed = wire.call("config.versions", **ids)["versions"]
    assert [of(one, "version", "changeDescription") for one in listed] == [(2, None), (1, "first")]
    assert listed[0]["changedBy"]["user"]
    back = wire.call("config.rollback", **ids, version=1)
    assert of(back, "version", "configuration") == (3, {"parameters": {"n": 1}})
    refusal = wire.refused("config.put", **ids, expectedVersion=1)
    assert refusal.kind == "conflict"
    assert wire.refused("config.get", **ids, version=9).kind == "not_found"
    assert [one["config"] for one in wire.call("config.list", component="acme.show")["configs"]].count(
        "v"
    ) == 1


def test_storing_the_same_content_again_creates_no_version(wire: Wire) -> None:
    first = put_config(wire, "acme.show", "same", configuration={"parameters": {"n": 1}})
    events = len(wire.events())
    assert (
        put_config(wire, "acme.show", "same", configuration={"parameters": {"n": 1}})["version"]
        == first["version"]
    )
    assert len(wire.events()) == events


def test_a_stored_object_is_returned_unchanged(wire: Wire) -> None:
    manifest = {
        "id": "acme.whole",
        "name": "Whole",
        "type": "extractor",
        "description": "all of it",
        "command": ["run", "{datadir}"],
        "cwd": "/tmp",
        "environment": {"A": "b"},
        "imageParameters": {"n": [1]},
        "tag": "2",
        "tags": {"1": {"command": ["old"]}},
        "limits": {"timeoutSeconds": 5.0, "memoryBytes": 10, "cpus": 1.5},
        "graceSeconds": 3.0,
        "stopSignal": "SIGINT",
        "schema": {"type": "object"},
        "rowSchema": {"type": "object"},
        "actions": ["test"],
        "lock": "shared:2",
        "onLost": "error",
        "leftovers": "wait",
        "exitCodes": {"success": [0, 2], "userError": [1]},
        "allowedProcessorPosition": "after",
    }
    wire.call("component.put", component=manifest)
    stored = wire.call("component.get", id="acme.whole")
    for name, value in manifest.items():
        if name == "limits":
            assert value.items() <= stored[name].items()
        else:
            assert stored[name] == value, name
    assert of(stored, "version", "isDeleted") == (1, False)
    configuration = {
        "parameters": {"deep": {"word": "x", "list": [1, {"a": None}]}},
        "unknownKey": {"kept": True},
    }
    stored = put_config(wire, "acme.show", "whole", configuration=configuration)
    assert stored["configuration"] == configuration
    assert any("unknownKey" in warning for warning in stored["warnings"])
    assert wire.call("config.get", component="acme.show", config="whole")["configuration"] == configuration


def test_a_deleted_object_refuses_new_jobs_and_keeps_its_version_numbers(wire: Wire) -> None:
    put_component(wire, "acme.gone", command=SHOW)
    put_config(wire, "acme.gone", "a", configuration={"parameters": {"n": 1}})
    held = wire.create("acme.gone", config="a", hold=True)
    wire.call("config.delete", component="acme.gone", config="a")
    assert wire.refused("job.create", component="acme.gone", config="a").kind == "not_found"
    assert wire.refused("config.get", component="acme.gone", config="a").kind == "not_found"
    wire.call("component.delete", id="acme.gone")
    assert wire.refused("job.create", component="acme.gone").kind == "not_found"
    wire.call("job.release", id=held["id"])
    assert shown(wire, held) == {"n": 1}, "it runs with its frozen configuration"
    put_component(wire, "acme.gone", command=SHOW, description="again")
    assert wire.call("component.get", id="acme.gone")["version"] >= 2
    assert put_config(wire, "acme.gone", "a")["version"] >= 2


def test_a_job_keeps_its_version_and_can_request_an_old_one(wire: Wire) -> None:
    put_config(wire, "acme.show", "old", configuration={"parameters": {"n": 1}})
    held = wire.create("acme.show", config="old", hold=True)
    put_config(wire, "acme.show", "old", configuration={"parameters": {"n": 2}})
    wire.call("job.release", id=held["id"])
    assert shown(wire, held) == {"n": 1}
    assert shown(wire, wire.create("acme.show", config="old")) == {"n": 2}
    asked = wire.create("acme.show", config="old", configVersion=1)
    assert (shown(wire, asked), asked["configVersion"]) == ({"n": 1}, 1)
    assert (
        wire.refused("job.create", component="acme.show", config="old", configVersion=9).kind == "not_found"
    )


def test_a_disabled_configuration_runs_only_when_forced(wire: Wire) -> None:
    put_config(wire, "acme.show", "off", isDisabled=True, configuration={"parameters": {"n": 1}})
    refusal = wire.refused("job.create", component="acme.show", config="off")
    assert (refusal.code, refusal.kind) == (-32005, "disabled")
    assert "forceRun" in refusal.error["message"]
    job = wire.create("acme.show", config="off", mode="forceRun")
    assert (shown(wire, job), job["mode"]) == ({"n": 1}, "forceRun")


def test_config_data_replaces_the_stored_configuration(wire: Wire) -> None:
    put_config(wire, "acme.show", "data", configuration={"parameters": {"n": 1, "m": 1}})
    job = wire.create("acme.show", config="data", configData={"parameters": {"n": 2}})
    assert shown(wire, job) == {"n": 2}
    assert job["configData"] == {"parameters": {"n": 2}}
    assert shown(wire, wire.create("acme.show")) == {}


def test_a_row_is_merged_over_its_root(wire: Wire) -> None:
    put_config(
        wire,
        "acme.show",
        "rows",
        configuration={"parameters": {"a": 1, "b": {"x": 1, "y": 1}}},
        rows=[{"id": "r", "configuration": {"parameters": {"b": {"y": 2}, "c": 3}}}],
    )
    assert shown(wire, wire.create("acme.show", config="rows")) == {"a": 1, "b": {"x": 1, "y": 2}, "c": 3}


def test_a_tag_changes_only_the_members_that_it_names(wire: Wire) -> None:
    put_component(
        wire, "acme.tags", command=["echo", "new"], tag="2", tags={"1": {"command": ["echo", "old"]}}
    )
    put_config(wire, "acme.tags", "a", configuration={"runtime": {"tag": "1"}})
    assert wire.text(wire.done(wire.create("acme.tags"))) == "new\n"
    assert wire.text(wire.done(wire.create("acme.tags", config="a"))) == "old\n"
    assert wire.text(wire.done(wire.create("acme.tags", config="a", tag="2"))) == "new\n"


@pytest.mark.parametrize(
    ("request_", "data", "runtime", "expected"),
    [({"pool": "p1"}, {}, {"pool": "p3"}, "p1"), ({}, {}, {"pool": "p3"}, "p3"), ({}, None, {}, "p4")],
)
def test_the_level_of_highest_precedence_wins(
    wire: Wire, request_: Message, data: Message | None, runtime: Message, expected: str
) -> None:
    for pool in ("p1", "p2", "p3", "p4"):
        wire.call("pool.put", pool={"id": pool, "slots": 1})
    put_component(wire, "acme.prec", command=["true"], pool="p4")
    put_config(wire, "acme.prec", "a", configuration={"runtime": runtime})
    assert wire.done(wire.create("acme.prec", config="a", **request_))["pool"] == expected
    if data is not None:
        given = {"configData": {"runtime": {"pool": "p2"}}}
        assert wire.done(wire.create("acme.prec", config="a", **given))["pool"] == "p2"


# -- variables


def test_variables_are_taken_from_the_nearest_source(wire: Wire) -> None:
    configuration = {
        "parameters": {"r": "{{ region }}", "n": ["x-{{name}}"], "plain": "{ region }"},
        "variables": {"region": "default", "name": "default"},
    }
    put_config(wire, "acme.show", "vars", configuration=configuration)
    wire.call("variables.put", variables={"id": "eu", "values": [{"name": "region", "value": "eu"}]})
    plain = shown(wire, wire.create("acme.show", config="vars"))
    assert plain == {"r": "default", "n": ["x-default"], "plain": "{ region }"}
    stored = wire.create("acme.show", config="vars", variableValuesId="eu")
    assert shown(wire, stored)["r"] == "eu"
    assert wire.get(stored["id"])["result"]["variables"] == {"region": "eu", "name": "default"}
    given = {"values": [{"name": "region", "value": "us"}]}
    job = wire.create("acme.show", config="vars", variableValuesId="eu", variableValuesData=given)
    assert shown(wire, job)["r"] == "us"
    assert job["variableValuesData"] == given
    refusal = wire.refused("job.create", component="acme.show", config="vars", variableValuesId="asia")
    assert (refusal.kind, refusal.data["path"]) == ("not_found", "$.variableValuesId")


def test_a_variable_without_a_value_is_named(wire: Wire) -> None:
    put_config(wire, "acme.show", "unfilled", configuration={"parameters": {"r": "{{ nowhere }}"}})
    refusal = wire.refused("job.create", component="acme.show", config="unfilled")
    assert refusal.code == -32602
    assert "nowhere" in refusal.error["message"]


# -- schemas


def test_a_configuration_that_fails_its_schema_names_the_field(wire: Wire) -> None:
    schema = {
        "type": "object",
        "required": ["since"],
        "properties": {"since": {"type": "string"}, "n": {"minimum": 1}},
    }
    put_component(wire, "acme.schema", command=["true"], schema=schema)
    events = len(wire.events())
    refusal = wire.refused("job.create", component="acme.schema", configData={"parameters": {"since": 3}})
    assert refusal.code == -32602
    assert refusal.data["path"] == "$.configData.parameters.since"
    refusal = wire.refused("job.create", component="acme.schema", configData={"parameters": {}})
    assert "since" in refusal.error["message"]
    assert len(wire.events()) == events
    fine = wire.create("acme.schema", configData={"parameters": {"since": "now", "n": 2}})
    assert wire.done(fine)["status"] == "success"
    refusal = wire.refused(
        "component.put", component={"id": "acme.x", "command": ["a"], "schema": {"type": "nonsense"}}
    )
    assert refusal.data["path"].startswith("$.component.schema")


@pytest.mark.parametrize(
    "component",
    [
        {"id": "a"},
        {"id": "a", "command": []},
        {"id": "a", "command": ["x"], "shell": "y"},
        {"id": "a", "command": "not a list"},
        {"id": "../a", "command": ["x"]},
        {"id": "a/../b", "command": ["x"]},
        {"id": "", "command": ["x"]},
        {"id": "a" * 81, "command": ["x"]},
        {"id": "a", "command": ["x"], "colour": "red"},
        {"id": "a", "command": ["x"], "lock": "sometimes"},
        {"id": "a", "command": ["x"], "limits": {"timeoutSeconds": -1}},
        {"id": "lockside.command", "command": ["x"]},
        {"id": "a", "command": ["nul\0byte"]},
    ],
)
def test_a_component_that_no_job_could_use_is_refused(wire: Wire, component: Message) -> None:
    events = len(wire.events())
    refusal = wire.refused("component.put", component=component)
    assert refusal.code in (-32602, -32004, -32002)
    assert refusal.data["path"].startswith("$.component")
    assert len(wire.events()) == events


@pytest.mark.parametrize("field", ["config", "branchId", "component"])
@pytest.mark.parametrize("bad", ["..", "../x", "a/b", ".hidden", "", "a\n", "ü", "x" * 256])
def test_an_id_is_never_a_path(wire: Wire, field: str, bad: str) -> None:
    params = {"component": "acme.show", "config": "a", "branchId": "default", field: bad}
    refusal = wire.refused("config.put", **params)
    assert (refusal.code, refusal.data["path"]) == (-32602, f"$.{field}")


def test_branches_have_their_own_configurations_and_state(wire: Wire) -> None:
    wire.call("branch.create", branch={"id": "new-api", "name": "New"})
    put_config(wire, "acme.show", "br", configuration={"parameters": {"n": "default"}})
    put_config(wire, "acme.show", "br", branchId="new-api", configuration={"parameters": {"n": "branch"}})
    assert shown(wire, wire.create("acme.show", config="br", branchId="new-api")) == {"n": "branch"}
    assert shown(wire, wire.create("acme.show", config="br")) == {"n": "default"}
    copied = wire.call(
        "config.copy", component="acme.show", config="br", toConfig="br2", toBranchId="new-api"
    )
    assert of(copied, "config", "branchId", "configuration") == (
        "br2",
        "new-api",
        {"parameters": {"n": "default"}},
    )
    first, *others = (one["id"] for one in wire.call("branch.list")["branches"])
    assert first == "default"
    assert "new-api" in others
    wire.call("branch.delete", id="new-api")
    refusal = wire.refused("job.create", component="acme.show", config="br", branchId="new-api")
    assert refusal.kind == "not_found"
    assert (
        wire.refused("config.put", component="acme.show", config="x", branchId="nowhere").kind == "not_found"
    )


def test_an_unknown_component_config_or_row_names_its_field(wire: Wire) -> None:
    for params, path in (
        ({"component": "acme.nowhere"}, "$.component"),
        ({"component": "acme.show", "config": "nowhere"}, "$.config"),
    ):
        refusal = wire.refused("job.create", **params)
        assert (refusal.code, refusal.data["path"]) == (-32001, path)


def test_a_missing_version_is_reported_under_its_own_field(wire: Wire) -> None:
    put_config(wire, "acme.show", "versioned", configuration={"parameters": {"n": 1}})
    ids = {"component": "acme.show", "config": "versioned"}
    for method, params, path in (
        ("job.create", {**ids, "configVersion": 9}, "$.configVersion"),
        ("config.get", {**ids, "version": 9}, "$.version"),
        ("config.rollback", {**ids, "version": 9}, "$.version"),
        ("config.copy", {**ids, "version": 9, "toConfig": "other"}, "$.version"),
        ("component.get", {"id": "acme.show", "version": 9}, "$.version"),
    ):
        refusal = wire.refused(method, **params)
        assert (refusal.kind, refusal.data["path"]) == ("not_found", path), method


def test_a_missing_object_is_reported_under_the_field_that_named_it(wire: Wire) -> None:
    put_config(wire, "acme.show", "there", configuration={})
    ids = {"component": "acme.show", "config": "nowhere"}
    for method, params, path in (
        ("config.put", {"component": "acme.nowhere", "config": "c"}, "$.component"),
        ("config.delete", ids, "$.config"),
        ("config.rollback", {**ids, "version": 1}, "$.version"),
        ("config.copy", {**ids, "toConfig": "c"}, "$.config"),
        ("config.copy", {**ids, "config": "there", "toConfig": "c", "toBranchId": "no"}, "$.toBranchId"),
        ("component.delete", {"id": "acme.nowhere"}, "$.id"),
        ("branch.delete", {"id": "nowhere"}, "$.id"),
        ("variables.delete", {"id": "nowhere"}, "$.id"),
        *((f"pool.{verb}", {"id": "nowhere"}, "$.id") for verb in ("get", "pause", "resume", "delete")),
    ):
        refusal = wire.refused(method, **params)
        assert (refusal.kind, refusal.data["path"]) == ("not_found", path), method


def test_built_in_objects_cannot_be_deleted(wire: Wire) -> None:
    for component in ("lockside.command", "lockside.orchestrator"):
        refusal = wire.refused("component.delete", id=component)
        assert (refusal.kind, refusal.data["path"]) == ("conflict", "$.id")


def test_a_put_returns_the_configuration_as_a_get_does(wire: Wire) -> None:
    put = put_config(wire, "acme.show", "answered", configuration={}, changeDescription="why")
    got = wire.call("config.get", component="acme.show", config="answered")
    assert {name: value for name, value in put.items() if name != "warnings"} == got
    copy = wire.call("config.copy", component="acme.show", config="answered", toConfig="copied")
    assert copy == wire.call("config.get", component="acme.show", config="copied")


def test_a_pool_shows_its_version_its_times_and_who_changed_it(wire: Wire) -> None:
    first = wire.call("pool.put", pool={"id": "versioned", "slots": 1})
    second = wire.call("pool.put", pool={"id": "versioned", "slots": 2, "description": "wider"})
    assert (first["version"], second["version"]) == (1, 2)
    assert first["createdTime"] == second["createdTime"] == first["updatedTime"] < second["updatedTime"]
    assert second["changedBy"]["user"]
    wire.call("pool.pause", id="versioned")
    assert wire.call("pool.resume", id="versioned") == second == wire.call("pool.get", id="versioned")
