"""Configurations: the members that lockside uses, Keboola's spelling, what is kept and what is refused."""

from typing import Any

import pytest

from lockside.documents.configuration import ConfigSpec, is_deeper, merged
from lockside.documents.reading import convert, faults_of
from lockside.documents.request import JobRequest


def config(rows: list[Any] | None = None, *, of: str = "a", **configuration: Any) -> dict[str, Any]:
    return {"component": of, "config": "c", "configuration": configuration, "rows": rows or []}


def paths(document: dict[str, Any]) -> list[str]:
    return [fault.path for fault in faults_of(document, ConfigSpec)]


def test_foreign_spelling_is_understood_and_the_body_is_kept_as_it_is() -> None:
    asked = {"componentId": "x", "configId": 12, "behavior": [], "limits": []}
    foreign = {"id": 3, "phase": 7, "task": asked}
    body = {
        "parameters": [],
        "runtime": {"safe": True, "backend": []},
        "phases": [{"id": 7}],
        "tasks": [foreign],
    }
    read = convert(config(of="lockside.orchestrator", **body), ConfigSpec)
    (found,) = read.content.tasks
    assert (found.id, found.phase, found.task.component, found.task.config) == ("3", "7", "x", "12")
    assert read.configuration == body
    assert read.ignored_members() == [
        "$.configuration.runtime.safe is unknown; it is kept and has no effect."
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"retry": {"maxAttempts": 2}},
            "$.configuration.retry is unknown; it is kept and has no effect: put it under `runtime`.",
        ),
        ({"timeoutSeconds": 3}, "put it under `runtime.limits`."),
        ({"runtime": {"maxAttempts": 3}}, "put it under `runtime.retry`."),
        ({"runtime": {"image_tag": "1"}}, "the tag of the component is `runtime.tag`."),
        ({"image_parameters": {}}, "put it into the component as `imageParameters`."),
        ({"shared_code_id": "1"}, "put the code itself into the parameters."),
        ({"input": {}}, "put it under `storage`."),
        (
            {
                "storage": {
                    "input": {
                        "tables": [
                            {
                                "source": "in.c-a.b",
                                "use_view": True,
                                "column_types": [{"source": "a", "type": "VARCHAR"}],
                            }
                        ]
                    },
                    "output": {"tables": [{"source": "x", "incrementl": True}]},
                }
            },
            "output.tables[0].incrementl is unknown; it is kept and has no effect: perhaps `incremental` was",
        ),
        (
            {
                "storage": {
                    "output": {
                        "tables": [{"source": "x", "checks": [{"kind": "minRows", "value": 1, "onfail": ""}]}]
                    }
                }
            },
            "checks[0].onfail is unknown; it is kept and has no effect: perhaps `onFail` was meant.",
        ),
        (
            {"storage": {"input": {"files": [{"source": {"tags": [{"name": "a", "mach": "exclude"}]}}]}}},
            "source.tags[0].mach is unknown; it is kept and has no effect: perhaps `match` was meant.",
        ),
        (
            {"parameters": {"a": ["KBC::ProjectSecure::x"]}},
            "$.configuration.parameters.a[0]: It is encrypted by Keboola",
        ),
    ],
)
def test_a_word_of_another_system_is_refused_with_what_to_do(body: dict[str, Any], told: str) -> None:
    (warning,) = convert(config(**body), ConfigSpec).ignored_members()
    assert told in warning


def test_unknown_keys_are_warnings_where_files_of_other_systems_have_more() -> None:
    body = config([{"id": "r", "configuration": {"odd": 1}}], runtime={"image_tag": "1"}, color=2)
    told = convert(body, ConfigSpec).ignored_members()
    assert [one.split(" ")[0] for one in told] == [
        "$.configuration.color",
        "$.configuration.runtime.image_tag",
        "$.rows[0].configuration.odd",
    ]


def task(**fields: Any) -> list[Any]:
    return [{"id": "t", "phase": "p", "task": {"component": "a", **fields}}]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (config(tasks=task(retrys={})), "tasks[0].task.retrys"),
        (config(tasks=task(retries={})), "tasks[0].task.retries"),
        (config(tasks=task(color=1)), "tasks[0].task.color"),
        (config(tasks=[{**task()[0], "shape": 2}]), "tasks[0].shape"),
        (config(phases=[{"id": "p", "after": []}]), "phases[0].after"),
        (config(runtime={"paralelism": 2}), "runtime.paralelism"),
        (
            config(processors={"after": [{"definition": {"component": "x", "weight": 3}}]}),
            "processors.after[0].definition.weight",
        ),
        (config(tasks=task(configData={"runtime": {"pool": 1}})), "tasks[0].task.configData.runtime.pool"),
        (config(runtime={"limits": {"timeoutSecond": 1}}), "runtime.limits.timeoutSecond"),
        (config(runtime={"retry": {"maxAttempts": 1, "dealy": 1}}), "runtime.retry.dealy"),
        (config(runtime={"limits": {"timeoutSeconds": "00:00:00"}}), "runtime.limits.timeoutSeconds"),
        (config(variables={"a": []}), "variables.a"),
        (
            config(processors={"before": [{"definition": {"component": "a..b"}}]}),
            "processors.before[0].definition.component",
        ),
    ],
)
def test_values_that_no_job_could_use_are_refused_with_their_path(
    document: dict[str, Any], path: str
) -> None:
    assert paths(document) == [f"$.configuration.{path}"]


def test_row_ids_are_unique_and_processors_are_in_one_place() -> None:
    around = {"after": [{"definition": {"component": "x"}}]}
    assert paths(config([{"id": "a"}, {"id": "a"}])) == ["$.rows[1].id"]
    row = {"id": "a", "configuration": {"processors": around}}
    assert paths(config([row], processors=around)) == ["$.rows[0].configuration.processors"]
    assert paths(config([row], processors={"before": []})) == []


def test_phases_are_checked_only_in_orchestrations() -> None:
    body = {"phases": [{"id": "a", "dependsOn": ["b"]}], "tasks": []}
    assert paths(config(of="lockside.orchestrator", **body)) == ["$.configuration.phases[0].dependsOn[0]"]
    assert paths(config(of="other", **body)) == []
    request = {"component": "lockside.orchestrator", "configData": body}
    assert [fault.path for fault in faults_of(request, JobRequest)] == ["$.configData.phases[0].dependsOn[0]"]


def test_only_documents_of_reasonable_depth_are_accepted() -> None:
    shallow: Any = "x"
    for _ in range(100):
        shallow = {"a": shallow}
    assert not is_deeper(shallow, 100)
    assert is_deeper({"a": shallow}, 100)
    assert is_deeper([[[]]], 2)
    assert paths(config(parameters={"deep": shallow})) == ["$.configuration"]


def test_a_row_is_merged_over_the_root_at_any_depth() -> None:
    root = {"a": {"b": 1, "c": [1]}, "d": {"e": 1}, "f": 1}
    assert merged(root, {"a": {"c": [2]}, "d": [], "f": {}}) == {
        "a": {"b": 1, "c": [2]},
        "d": {"e": 1},
        "f": {},
    }


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"configRowIds": ["r"]}, "$.configRowIds"),
        ({"delay": 1, "delayedStartTime": "2026-01-01T00:00:00Z"}, "$.delay"),
        ({"config": "a..b"}, "$.config"),
        ({"lock": "shared:0"}, "$.lock"),
        ({"delay": "24:00"}, "$.delay"),
    ],
)
def test_a_contradictory_request_is_refused(fields: dict[str, Any], path: str) -> None:
    assert [fault.path for fault in faults_of({"component": "a", **fields}, JobRequest)] == [path]


def test_config_data_replaces_a_configuration_unless_it_is_empty() -> None:
    assert JobRequest(component="a", config="c", config_data={}).body is None
    assert JobRequest(component="a", config_data={}).body == {}
    given = JobRequest(component="a", config="c", config_data={"x": 1}, branch_id="b", config_row_ids=["r"])
    assert (given.body, given.branch, given.asked_rows) == ({"x": 1}, "default", ())
    named = JobRequest(component="a", config="c", branch_id="b", config_row_ids=["r", "r"])
    assert (named.branch, named.asked_rows) == ("b", ("r",))
