"""Reading documents: strict for callers, with all faults at once for files, lenient for stored data."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.paths import join, not_finite, steps_of
from lockside.documents.pool import PoolSpec
from lockside.documents.reading import convert, faults_of, from_store
from lockside.documents.request import JobRequest
from lockside.documents.trigger import TriggerSpec
from lockside.documents.variables import VariablesSpec

KINDS: dict[Any, dict[str, Any]] = {
    JobRequest: {"component": "a", "retry": {"maxAttempts": 2}, "limits": {}},
    Manifest: {"id": "a", "command": ["x"], "exitCodes": {}, "limits": {}, "retry": {"maxAttempts": 2}},
    ConfigSpec: {"component": "a", "config": "c", "configuration": {"runtime": {}}, "rows": [{"id": "r"}]},
    PoolSpec: {"id": "a"},
    VariablesSpec: {"id": "a", "values": [{"name": "x", "value": 1}]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@st.composite
def spoilt(draw: Any, kind: Any) -> dict[str, Any]:
    """Return a document in which some members, at any depth, are replaced."""
    document = json.loads(json.dumps(KINDS[kind]))
    names = [*kind.__struct_encode_fields__, "unknown"]
    for _ in range(draw(st.integers(0, 3))):
        at = document
        inner = [one for one in document.values() if isinstance(one, dict)]
        if inner and draw(st.booleans()):
            at = draw(st.sampled_from(inner))
        at[draw(st.sampled_from([*names, *at]))] = draw(JSON)
    return document


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.__name__)
@settings(deadline=None)
@given(data=st.data())
def test_a_document_has_faults_exactly_when_it_is_refused(kind: Any, data: st.DataObject) -> None:
    document = data.draw(spoilt(kind))
    before = json.dumps(document)
    faults = list(faults_of(document, kind))
    assert json.dumps(document) == before
    try:
        read = convert(document, kind)
    except msgspec.ValidationError:
        assert faults
        assert all(fault.path.startswith("$") and fault.message for fault in faults)
        return
    assert faults == []
    plain = msgspec.to_builtins(read)
    assert msgspec.to_builtins(from_store(plain, kind)) == plain
    assert msgspec.to_builtins(convert(plain, kind)) == plain


def test_all_faults_are_reported_at_once_each_with_its_path() -> None:
    document = {
        "component": "a",
        "limits": {"timeoutSeconds": "02:30", "memoryBytes": 0, "cpu": 1},
        "retry": {"maxAttempts": 2, "on": ["rain", "user", "snow"]},
        "labels": {"ok": "x", "odd key": 1},
        "configData": {"runtime": {"retry": {"maxAttempts": 2, "dleaySeconds": 3}}},
    }
    assert {fault.path for fault in faults_of(document, JobRequest)} == {
        "$.limits.timeoutSeconds",
        "$.limits.memoryBytes",
        "$.limits.cpu",
        "$.retry.on[0]",
        "$.retry.on[2]",
        '$.labels["odd key"]',
        "$.configData.runtime.retry.dleaySeconds",
    }


def test_a_list_whose_only_item_is_wrong_is_not_reported_as_empty() -> None:
    document = {"id": "t", "on": [{"jobb": 1}], "job": {"component": "a.b"}}
    assert {fault.path for fault in faults_of(document, TriggerSpec)} == {"$.on[0].jobb", "$.on[0].job"}
    assert [fault.path for fault in faults_of({**document, "on": []}, TriggerSpec)] == ["$.on"]


def test_members_below_a_missing_member_are_not_reported_as_missing() -> None:
    tasks = [{"id": "t", "phase": "p", "task": {}}, {"id": "u", "phase": "q", "task": {"component": "a"}}]
    document = {
        "component": "lockside.orchestrator",
        "config": "o",
        "configuration": {"phases": [{"id": "p"}], "tasks": tasks},
    }
    assert [fault.path for fault in faults_of(document, ConfigSpec)] == [
        "$.configuration.tasks[0].task.component",
        "$.configuration.tasks[1].phase",
    ]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"component": "a", "priority": 1.5}, "$.priority"),
        ({"component": "a", "retry": {"maxAttempts": 2.5}}, "$.retry.maxAttempts"),
        ({"component": "a", "configVersion": 1e300}, "$.configVersion"),
    ],
)
def test_a_number_with_a_fraction_is_not_an_integer(document: Any, path: str) -> None:
    assert [fault.path for fault in faults_of(document, JobRequest)] == [path]


def test_an_integer_can_be_written_with_a_decimal_point() -> None:
    document = {
        "component": "a",
        "priority": 5.0,
        "configVersion": 2.0,
        "limits": {"memoryBytes": 1000.0, "nodes": 1.0},
        "retry": {"maxAttempts": 2.0},
        "configData": {"parameters": {"kept": 1.0}, "runtime": {"parallelism": 3.0}},
    }
    read = convert(document, JobRequest)
    assert (read.priority, read.config_version) == (5, 2)
    assert read.limits is not None
    assert (read.limits.memory_bytes, read.limits.nodes) == (1000, 1)
    assert read.content is not None
    assert read.content.runtime.parallelism == 3
    assert isinstance((read.config_data or {})["parameters"]["kept"], float)


def test_documents_stored_by_an_old_release_can_be_read_whatever_is_refused_now() -> None:
    old = {
        "component": "a..b",
        "config": "c..d",
        "branchId": "default",
        "configuration": {
            "runtime": {"pool": "p..q", "tag": "x" * 200, "retry": {"maxAttempts": 5000, "jitter": 7}},
            "tasks": [{"id": "t", "phase": "gone", "task": {"component": "x..y", "retrys": 1}}],
        },
        "rows": [{"id": "r..s", "configuration": {"runtime": {"limits": {"cpus": 0}}}, "gone": 1}] * 2,
    }
    assert list(faults_of(old, ConfigSpec))
    read = from_store(old, ConfigSpec)
    assert (read.component, read.content.runtime.pool) == ("a..b", "p..q")
    assert read.content.tasks[0].task.component == "x..y"
    assert [row.content.runtime.limits.cpus for row in read.rows if row.content.runtime.limits] == [0, 0]


def test_a_stored_component_keeps_what_its_release_allowed() -> None:
    old = {"id": "a", "command": [""], "cwd": "relative", "stopSignal": "SIGFOO", "graceSeconds": 1e6}
    read = from_store(old, Manifest)
    assert (read.command, read.cwd, read.stop_signal, read.grace_seconds) == ([""], "relative", None, None)


@given(st.lists(st.integers(0, 99) | st.text(min_size=1, max_size=6)))
def test_a_path_is_read_back_as_its_original_steps(steps: list[str | int]) -> None:
    assert list(steps_of(join("$", *steps))) == steps


def test_numbers_that_json_does_not_have_are_found_with_their_path() -> None:
    document = {"a": [1.0, {"b": float("nan")}], "c": float("inf"), "d": "nan"}
    assert sorted(map(str, not_finite(document))) == ["('a', 1, 'b')", "('c',)"]
