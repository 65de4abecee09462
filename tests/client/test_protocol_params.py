"""Parameters are accepted in the forms people write, and refused with the name of the wrong field."""

from typing import Any

import msgspec
import pytest

from lockside.documents.enums import Status
from lockside.documents.fault_messages import with_subject
from lockside.documents.reading import fault_of
from lockside.protocol.methods import METHODS
from lockside.protocol.methods.jobs import JobCreate, JobList
from lockside.protocol.methods.steering import JobAmend
from lockside.protocol.types.stored import Config
from lockside.protocol.words import Role


def fault(method: str, **params: Any) -> tuple[str, str]:
    kind = METHODS[method].params
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(params, kind)
    found = fault_of(caught.value, params, kind)
    return with_subject(found.message, found.path), found.path


def test_text_forms_are_read_as_numbers() -> None:
    made = msgspec.convert(
        {
            "component": "a.b",
            "priority": "high",
            "parallelism": "2",
            "delay": "00:00:30",
            "limits": {"memoryBytes": "1.5GB", "timeoutSeconds": "02:30:00"},
        },
        JobCreate,
    )
    assert (made.priority, made.parallelism, made.delay) == (50, 2, 30)
    assert made.limits is not None
    assert (made.limits.memory_bytes, made.limits.timeout_seconds) == (1_500_000_000, 9000)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({}, "$.component"),
        ({"component": "a/b"}, "$.component"),
        ({"component": "../etc"}, "$.component"),
        ({"component": "a\n"}, "$.component"),
        ({"component": "x" * 81}, "$.component"),
        ({"component": "a", "nmae": "x"}, "$.nmae"),
        ({"component": "a", "name": "x" * 65}, "$.name"),
        ({"component": "a", "priority": 101}, "$.priority"),
        ({"component": "a", "priority": "urgent"}, "$.priority"),
        ({"component": "a", "parallelism": "many"}, "$.parallelism"),
        ({"component": "a", "parallelism": -1}, "$.parallelism"),
        ({"component": "a", "mode": "fast"}, "$.mode"),
        ({"component": "a", "type": "container"}, "$.type"),
        ({"component": "a", "status": "success"}, "$.status"),
        ({"component": "a", "retry": {"maxAttempts": 0}}, "$.retry.maxAttempts"),
        ({"component": "a", "retry": {"maxAttempts": True}}, "$.retry.maxAttempts"),
        ({"component": "a", "limits": {"memoryBytes": "lots"}}, "$.limits.memoryBytes"),
        ({"component": "a", "limits": {"memoryBytes": "0GB"}}, "$.limits.memoryBytes"),
        ({"component": "a", "limits": {"memory": 1}}, "$.limits.memory"),
        ({"component": "a", "dependsOn": [{"job": "1"}, {"job": 2}]}, "$.dependsOn[1].job"),
        ({"component": "a", "delayedStartTime": "2026-13-01T00:00:00Z"}, "$.delayedStartTime"),
        ({"component": "a", "delay": 1, "delayedStartTime": "2026-01-01T00:00:00Z"}, "$.delay"),
        (
            {"component": "a", "configData": {"runtime": {"parallelism": "x"}}},
            "$.configData.runtime.parallelism",
        ),
        ({"component": "a", "fields": ["id", "staus"]}, "$.fields[1]"),
    ],
)
def test_a_wrong_field_of_a_request_is_named(params: dict[str, Any], path: str) -> None:
    message, found = fault("job.create", **params)
    assert found == path
    assert path.rpartition(".")[2].partition("[")[0] in message


def test_a_misspelt_field_is_answered_with_the_right_one() -> None:
    assert (
        fault("job.create", component="a", prioritty=1)[0]
        == "Unknown field `prioritty`: did you mean `priority`?"
    )


def test_a_word_outside_its_list_is_answered_with_the_list() -> None:
    assert (
        fault("job.create", component="a", mode="fast")[0]
        == "`mode`: 'fast' is not one of run, forceRun, debug"
    )


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("storage.file.get", {"id": "abc"}, "`id`: It must be a number in digits, as in '17'"),
        (
            "storage.table.deleteRows",  # a rule without a known member matches all rows
            {"id": "in.c-a.b", "delete_where": [{"whereFilters": []}]},
            "Unknown field `whereFilters`: did you mean `where_filters`?",
        ),
        (
            "trigger.put",
            {"trigger": {"id": "a", "on": [{"job": {"component": "b"}, "status": ["processing"]}]}},
            "`trigger.on[0].status[0]`: No job ends as processing: name one of success, warning, error",
        ),
        (
            "component.put",
            {"component": {"id": "a", "command": ["b"], "logging": {"verbosity": {"999": "normal"}}}},
            "'999' is not one of 100, 200",
        ),
        ("token.revoke", {"id": "abc"}, "`id`: It must be a number in digits, as in '17'"),
        ("storage.table.get", {"id": "a.csv"}, "stage, bucket and name, as in 'in.c-shop.orders'"),
        ("storage.bucket.get", {"id": "shop"}, "stage and name, as in 'in.c-shop'"),
        ("storage.preview", {"table": "in.c-a.b", "whereOperator": "lt"}, "It must be one of eq, ne"),
        (
            "storage.table.put",
            {"table": {"id": "in.c-a.b", "primaryKey": ["a-b"]}},
            "be a column's name: ASCII",
        ),
        ("storage.file.put", {"path": "/a", "name": "../b"}, "a file's name, without '/' and NUL"),
    ],
)
def test_an_invalid_id_is_refused_with_an_example(method: str, params: dict[str, Any], told: str) -> None:
    assert told in fault(method, **params)[0]


def test_a_huge_unknown_name_makes_no_huge_message() -> None:
    assert len(fault("job.create", component="a", **{"x" * 10**6: 1})[0]) < 1500


def test_filters_accept_words_of_other_systems_and_contain_statuses() -> None:
    assert msgspec.convert({"status": ["QUEUED", "canceled"]}, JobList).status == [
        Status.CREATED,
        Status.WAITING,
        Status.CANCELLED,
    ]
    assert fault("job.list", status=["success", "sleeping"])[1] == "$.status[1]"


def test_changes_contain_only_the_named_members() -> None:
    amended = msgspec.convert({"id": "1", "with": {"priority": "low", "config": None}}, JobAmend)
    assert msgspec.to_builtins(amended.changes) == {"priority": -50, "config": None}
    assert fault("job.amend", id="1", **{"with": {"limits": {"cpus": 0}}})[1] == "$.with.limits.cpus"


def test_a_wait_takes_either_one_id_or_several() -> None:
    assert fault("job.wait")[0] == "`id`: Give either `id` or `ids`"
    assert fault("job.wait", id="1", ids=["2"])[1] == "$.id"


def test_a_uuid_is_an_id() -> None:
    msgspec.convert({"id": "01234567-89ab-8def-8123-456789abcdef"}, METHODS["job.get"].params)
    assert fault("job.get", id="x")[1] == "$.id"


def test_unknown_keys_are_kept_under_a_configuration_and_refused_elsewhere() -> None:
    foreign = {
        "parameters": [],
        "runtime": {"safe": True},
        "shared": {"x": 1},
        "phases": [{"id": 5, "behavior": []}],
    }
    put = msgspec.convert(
        {"component": "a", "config": "1", "configuration": foreign}, METHODS["config.put"].params
    )
    assert put.configuration == foreign
    assert fault("config.put", component="a", config="1", shared={})[1] == "$.shared"
    rows = [{"id": "r", "configuration": {"runtime": 1}}]
    assert fault("config.put", component="a", config="1", rows=rows)[1] == "$.rows[0].configuration.runtime"


def test_two_rows_with_the_same_id_are_refused() -> None:
    assert (
        fault("config.put", component="a", config="1", rows=[{"id": "r"}, {"id": "r"}])[1] == "$.rows[1].id"
    )


@pytest.mark.parametrize("ways", [{}, {"command": ["a"], "shell": "a"}, {"command": []}])
def test_a_component_is_run_in_exactly_one_way(ways: dict[str, Any]) -> None:
    assert fault("component.put", component={"id": "a", **ways})[1] == "$.component.command"


def test_every_method_takes_a_project_and_every_change_a_deduplication_id() -> None:
    for method in METHODS.values():
        fields = method.params.__struct_encode_fields__
        assert "project" in fields, method.name
        assert ("deduplicationId" in fields) == method.mutates, method.name


def test_every_method_has_an_example_that_its_own_types_accept() -> None:
    for method in METHODS.values():
        msgspec.convert(method.example, method.params)


def test_every_parameter_type_refuses_unknown_members() -> None:
    for name, method in METHODS.items():
        assert fault(name, **{**method.example, "surely_unknown": 1})[1] == "$.surely_unknown"


def test_viewer_methods_change_nothing_and_ruling_methods_need_an_admin() -> None:
    changing = {m.name for m in METHODS.values() if m.role is Role.VIEWER and m.mutates}
    assert changing == {"token.create", "token.revoke"}, "every user may manage their own tokens"
    ruled = {m.name for m in METHODS.values() if m.role is Role.ADMIN}
    assert ruled >= {"component.put", "pool.put", "pool.pause", "daemon.drain", "daemon.backup", "job.purge"}


def test_an_answer_of_a_newer_daemon_can_still_be_read() -> None:
    assert msgspec.convert({"component": "a", "config": "b", "newer": 1}, Config).config == "b"
