"""Templates: a request that is submitted often is stored once, with values to be filled in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, python
from e2e.people import ANNA, BERT, OPERATORS, Person, used_by_groups
from e2e.wire import Message, Wire, put_component

COPY = """
import os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
pathlib.Path(sys.argv[1]).write_text((data / "config.json").read_text())
"""
VALUES = [
    {"name": "country", "required": True, "choices": ["CZ", "SK"]},
    {"name": "limit", "type": "number", "default": 10},
    {"name": "full", "type": "boolean", "default": False},
    {"name": "#token", "default": "t0p-s3cret"},
]
JOB = {
    "component": "acme.{{ country }}",
    "configData": {
        "parameters": {"country": "{{ country }}", "limit": "{{ limit }}", "#auth": "Bearer {{ #token }}"},
    },
    "labels": {"team": "loads", "country": "{{ country }}"},
    "limits": {"timeoutSeconds": 60, "memoryBytes": 200_000_000},
    "name": "load of {{ country }}",
}


@pytest.fixture
def seen(place: Path) -> Path:
    return place / "seen.json"


@pytest.fixture
def loads(wire: Wire, seen: Path) -> Wire:
    put_component(wire, "acme.CZ", command=python(COPY, str(seen)))
    return wire


def put(wire: Wire, template: str = "load", **more: Any) -> Message:
    spec = {"id": template, "values": VALUES, "job": JOB, **more}
    stored: Message = wire.call("template.put", template=spec)
    return stored


def given(**values: Any) -> Message:
    return {"values": [{"name": name, "value": value} for name, value in values.items()]}


def test_a_job_of_a_template_equals_the_job_requested_in_full(loads: Wire, seen: Path) -> None:
    version = put(loads)["version"]
    made = loads.call(
        "job.create", template="load", variableValuesData=given(country="CZ"), labels={"who": "ann"}
    )
    assert made.get("warnings", []) == [], (
        "its values are the template's, and need not be its configuration's"
    )
    assert made["template"] == f"load@{version}"
    in_full = loads.create(
        "acme.CZ",
        configData={"parameters": {"country": "CZ", "limit": "10", "#auth": "Bearer {{ #token }}"}},
        labels={"team": "loads", "country": "CZ", "who": "ann"},
        limits={"timeoutSeconds": 60, "memoryBytes": 200_000_000},
        name="load of CZ",
        variableValuesData=given(limit=10, full=False, country="CZ", **{"#token": "t0p-s3cret"}),
    )
    for name in ("component", "labels", "limits", "name", "mode", "lock", "pool", "retry", "behavior"):
        assert made[name] == in_full[name], name
    plain = [one for one in made["variableValuesData"]["values"] if not one["name"].startswith("#")]
    assert sorted(plain, key=str) == sorted(
        [one for one in in_full["variableValuesData"]["values"] if not one["name"].startswith("#")], key=str
    )
    assert "t0p" not in json.dumps(made)
    assert loads.done(made)["status"] == "success"
    assert json.loads(seen.read_text())["parameters"] == {
        "country": "CZ",
        "limit": "10",
        "#auth": "Bearer t0p-s3cret",
    }
    retried = loads.done(loads.call("job.resubmit", id=made["id"]))
    assert (retried["status"], retried["template"]) == ("success", made["template"])


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({}, "$.variableValuesData"),
        ({"variableValuesData": given(country="DE")}, "$.variableValuesData.values[0].value"),
        ({"variableValuesData": given(country=7)}, "$.variableValuesData.values[0].value"),
        ({"variableValuesData": given(country="CZ", limit="ten")}, "$.variableValuesData.values[1].value"),
        ({"variableValuesData": given(country="CZ", limit=True)}, "$.variableValuesData.values[1].value"),
        ({"variableValuesData": given(country="CZ", full="yes")}, "$.variableValuesData.values[1].value"),
        ({"variableValuesData": given(country="CZ", other=1)}, "$.variableValuesData.values[1].name"),
        ({"template": "load@99", "variableValuesData": given(country="CZ")}, "$.template"),
        ({"template": "load@x", "variableValuesData": given(country="CZ")}, "$.template"),
        ({"template": "none", "variableValuesData": given(country="CZ")}, "$.template"),
        ({"variableValuesData": given(country="SK")}, "$.component"),
    ],
)
def test_a_faulty_request_is_refused_with_its_path(loads: Wire, request_: Message, path: str) -> None:
    put(loads)
    refusal = loads.refused("job.create", **{"template": "load", **request_})
    assert refusal.data["path"] == path, refusal


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"values": [{"name": "a"}, {"name": "a"}]}, "values[1].name"),
        ({"values": [{"name": "a", "type": "number", "default": "x"}]}, "values[0].default"),
        ({"values": [{"name": "a", "type": "number", "choices": ["x"]}]}, "values[0].choices[0]"),
        ({"values": [{"name": "#a", "choices": ["x"]}]}, "values[0].choices"),
        ({"job": {"configData": {}}}, "job.component"),
        ({"job": {"component": "a", "strange": 1}}, "job.strange"),
        ({"job": {"component": "a", "priority": "soon"}}, "job.priority"),
        ({"job": {"component": "a", "name": "{{ #token }}"}}, "job.name"),
        ({"job": {"component": "a", "template": "b"}}, "job.template"),
    ],
)
def test_a_template_from_which_no_job_can_be_created_is_refused(
    loads: Wire, change: Message, path: str
) -> None:
    spec = {"id": "wrong", "values": VALUES, "job": JOB, **change}
    assert loads.refused("template.put", template=spec).data["path"] == f"$.template.{path}"


def test_a_secret_default_is_stored_encrypted_and_unchanged_by_the_same_value(
    daemon: Daemon, loads: Wire
) -> None:
    stored = put(loads, "secretive")
    assert stored["values"][3]["default"].startswith("lockside:v1:project:")
    assert put(loads, "secretive")["version"] == stored["version"]
    job = {**JOB, "component": "acme.CZ", "configData": {"parameters": {"#own": "an own secret"}}}
    own = put(loads, "secretive", job=job)["job"]["configData"]["parameters"]["#own"]
    body = {"parameters": {"#x": own}}
    assert loads.create("acme.CZ", configData=body, hold=True), (
        "the value is bound to the component of the job"
    )


def test_fields_of_the_request_win_and_maps_are_merged_by_key(loads: Wire) -> None:
    put(loads, "merged", job={**JOB, "priority": 5, "variableValuesData": given(more="of the template")})
    made = loads.call(
        "job.create",
        template="merged",
        variableValuesData=given(country="CZ"),
        priority=7,
        limits={"timeoutSeconds": 30},
        configData={"parameters": {"own": "{{ more }}"}},
        hold=True,
    )
    assert (made["priority"], made["configData"]) == (7, {"parameters": {"own": "{{ more }}"}})
    assert (made["limits"]["timeoutSeconds"], made["limits"]["memoryBytes"]) == (30, 200_000_000)
    many = loads.call(
        "job.createMany", jobs=[{"template": "merged", "variableValuesData": given(country="CZ")}]
    )
    assert many["jobs"][0]["priority"] == 5
    bad = [{"component": "acme.CZ"}, {"template": "merged"}]
    assert loads.refused("job.createMany", jobs=bad).data["path"] == "$.jobs[1].variableValuesData"


@needs_root
def test_an_operators_command_does_not_run_as_another_user() -> None:
    with used_by_groups() as daemon:
        anna = Person(daemon, ANNA, OPERATORS)
        bert = Person(daemon, BERT, OPERATORS)
        command = {"component": "lockside.command", "configData": {"parameters": {"shell": "id -u"}}}
        assert anna.kind("template.put", template={"id": "mine", "job": command}) == "fine"
        assert bert.kind("job.create", template="mine") == "forbidden"
        assert bert.kind("job.createMany", jobs=[{"template": "mine"}]) == "forbidden"
        assert anna.kind("job.create", template="mine") == "fine"
        assert bert.kind("template.put", template={"id": "mine", "job": command}) == "fine", (
            "now the template is his"
        )
        assert bert.kind("job.create", template="mine") == "fine"
        assert anna.kind("job.create", template="mine") == "forbidden"


def test_a_task_of_an_orchestration_can_name_a_template(loads: Wire, seen: Path) -> None:
    put(loads, "tasked")
    values = given(country="{{ where }}", **{"#token": "of the task"})
    task = {"template": "tasked", "variableValuesData": values, "priority": 3}
    flow = {
        "phases": [{"id": "p"}],
        "tasks": [{"id": "t", "phase": "p", "task": task}],
        "variables": {"where": "CZ"},
    }
    stored = loads.call("config.put", component="lockside.orchestrator", config="flow", configuration=flow)
    assert "of the task" not in json.dumps(stored)
    root = loads.done(loads.create("lockside.orchestrator", config="flow"))
    assert root["status"] == "success", root["result"]
    assert json.loads(seen.read_text())["parameters"]["#auth"] == "Bearer of the task"
    (task_job,) = [one for one in loads.call("job.list")["jobs"] if one["template"] == "tasked@1"]
    assert (task_job["component"], task_job["priority"]) == ("acme.CZ", 3)
    flow["tasks"][0]["task"]["template"] = "unknown"
    loads.call("config.put", component="lockside.orchestrator", config="flow", configuration=flow)
    refusal = loads.refused("job.create", component="lockside.orchestrator", config="flow")
    assert refusal.data["path"] == "$.configuration.tasks[0].task.template"


def test_the_settings_limit_the_templates_of_a_project(fresh: Callable[..., Daemon]) -> None:
    wire = fresh(LOCKSIDE_TEMPLATES__MAX_PER_PROJECT="2").wire()
    many = [{"id": f"n{number}", "job": {"component": "lockside.command"}} for number in range(3)]
    refusal = wire.refused("catalog.apply", templates=many)
    assert refusal.kind == "limit"
    assert "A project has at most 2 templates: delete one first." in str(refusal)
    wire.call("catalog.apply", templates=many[:-1])
    assert wire.refused("template.put", template=many[-1]).kind == "limit"
    wire.call("template.put", template={**many[0], "description": "again"})
    wire.call("template.delete", id="n0")
    wire.call("template.put", template=many[-1])
    assert wire.refused("template.rollback", id="n0", version=1).kind == "limit"


def test_a_folder_can_contain_templates(loads: Wire) -> None:
    spec = {"id": "applied", "values": VALUES, "job": {**JOB, "component": "acme.CZ"}}
    assert loads.call("catalog.apply", templates=[spec])["changes"][0]["action"] == "create"
    assert loads.call("catalog.apply", templates=[spec])["changes"] == []
    wrong = {"id": "wrong", "job": {"component": "acme.missing", "config": "x"}}
    refusal = loads.refused("catalog.apply", templates=[wrong])
    assert [one["path"] for one in refusal.data["faults"]] == [
        "$.templates[0].job.component",
        "$.templates[0].job.config",
    ]


def test_a_schedule_can_run_a_template(loads: Wire, seen: Path) -> None:
    version = put(loads, "scheduled")["version"]
    job = {"template": "scheduled", "variableValuesData": given(country="CZ")}
    loads.call("schedule.put", schedule={"id": "nightly", "cronTab": "0 2 * * *", "job": job})
    made = loads.call("schedule.run", id="nightly")
    made = made["jobs"][0] if "jobs" in made else made
    ended = loads.done(made["id"])
    assert (ended["status"], ended["template"]) == ("success", f"scheduled@{version}")
    assert json.loads(seen.read_text())["parameters"]["country"] == "CZ"
