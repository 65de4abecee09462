"""What a request means: objects looked up, rows chosen, locks named, refusals with their path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockside.documents.configuration import ConfigSpec
from lockside.documents.enums import JobType
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Limits
from locksided.core.errors import Disabled, Invalid, NotFound, Refused
from locksided.runs.canonical import freeze
from locksided.runs.resolve import resolve
from locksided.runs.resolved import Found, Resolved, Stored, wire_lock_key
from runs.examples import DEFAULTS, command, component, config, named, read, resolved, row, steps


def refusal(kind: type[Refused], *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(kind) as caught:
        resolved(*args, **kwargs)
    return caught.value


def test_a_request_without_a_component_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        read(JobRequest, {})
    assert caught.value.path == "$.component"


def test_an_unknown_component_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        resolve(read(JobRequest, {"component": "nobody"}), Found(), DEFAULTS)
    assert caught.value.path == "$.component"
    assert "nobody" in caught.value.message


@pytest.mark.parametrize("name", ["..", "a/b", "../etc", "", "-x", "a..b", "a b", "ä", "a\n", "x" * 300])
@pytest.mark.parametrize("field", ["component", "config", "branchId", "variableValuesId"])
def test_an_id_is_never_a_path(field: str, name: str) -> None:
    values = {"component": "ex.table", field: name}
    with pytest.raises(Invalid) as caught:
        read(JobRequest, values)
    assert caught.value.path == f"$.{field}"


def test_a_row_id_is_never_a_path_either() -> None:
    error = refusal(Invalid, {"configRowIds": ["ok", "../up"]}, stored=config([row("ok")]))
    assert error.path == "$.configRowIds[1]"


def test_an_unknown_configuration_is_not_found() -> None:
    error = refusal(NotFound, {"config": "nowhere"})
    assert error.path == "$.config"
    assert "nowhere" in error.message


def test_config_data_runs_under_a_configuration_that_is_not_stored() -> None:
    result = resolved({"config": "loose", "configData": {"parameters": {"a": 1}}})
    assert (result.lock_key, result.spec.config_version) == ("c:default/ex.table/loose", None)


def test_a_disabled_configuration_is_refused_unless_forced() -> None:
    stored = config(disabled=True)
    assert "forceRun" in refusal(Disabled, stored=stored).message
    refusal(Disabled, {"mode": "debug"}, stored=stored)
    assert resolved({"mode": "forceRun"}, stored=stored).spec.mode == "forceRun"


def test_config_data_replaces_a_stored_configuration_completely() -> None:
    stored = config([row("a")], parameters={"from": "stored"}, disabled=True)
    result = resolved(
        {"configData": {"parameters": {"from": "request"}}, "configRowIds": ["gone"]}, stored=stored
    )
    assert result.spec.config_data == {"parameters": {"from": "request"}}
    assert result.spec.configuration is None
    assert (result.rows, result.spec.config_row_ids) == (None, [])


def test_empty_config_data_beside_a_configuration_counts_as_not_given() -> None:
    result = resolved({"configData": {}}, stored=config(parameters={"from": "stored"}))
    assert (result.spec.configuration or {})["parameters"] == {"from": "stored"}


def test_branch_and_rows_beside_config_data_are_ignored() -> None:
    result = resolved({"config": "c", "configData": {"parameters": {"a": 1}}, "branchId": "dev"})
    assert result.spec.branch_id == "default"


def test_without_configuration_parameters_are_empty_and_there_is_no_lock() -> None:
    result = resolved()
    assert (result.lock_key, result.spec.configuration) == (None, {})


def test_the_lock_is_that_of_the_configuration_in_its_branch() -> None:
    assert resolved(stored=config()).lock_key == "c:default/ex.table/flights"
    assert resolved({"branchId": "dev"}, stored=config()).lock_key == "c:dev/ex.table/flights"


def test_a_custom_lock_key_never_equals_that_of_a_configuration() -> None:
    result = resolved({"configData": {}, "lockKey": "default/ex.table/flights"})
    stored = resolved(stored=config())
    assert wire_lock_key(result.lock_key) == wire_lock_key(stored.lock_key)
    assert result.lock_key != stored.lock_key


def test_jobs_that_differ_only_in_their_lock_keys_share_their_specification() -> None:
    one, other = (resolved({"configData": {}, "lockKey": key}) for key in ("a", "b"))
    assert one.lock_key != other.lock_key
    assert one.spec == other.spec


def test_a_lock_key_beside_a_configuration_is_refused() -> None:
    assert refusal(Invalid, {"lockKey": "mine"}, stored=config()).path == "$.lockKey"


@pytest.mark.parametrize(
    ("on_config", "on_component", "expected"),
    [
        (None, None, "exclusive"),
        (None, "shared:2", "shared:2"),
        ("shared:4", "exclusive", "shared:4"),
        ("none", "exclusive", "none"),
    ],
)
def test_the_lock_policy_is_that_of_the_configuration_or_component_or_daemon(
    on_config: str | None, on_component: str | None, expected: str
) -> None:
    result = resolved(of=component(lock=on_component), stored=config(runtime={"lock": on_config}))
    assert result.spec.lock == expected
    assert (result.lock_key is None) == (expected == "none")
    assert result.lock_share == int(expected.partition(":")[2] or 0)


@pytest.mark.parametrize("policy", ["shared", "shared:0", "shared:x", "mutex", "shared:-1", 3])
def test_an_unknown_lock_policy_is_refused_with_its_path(policy: object) -> None:
    with pytest.raises(Invalid) as caught:
        config(runtime={"lock": policy})
    assert caught.value.path == "$.configuration.runtime.lock"


def test_requested_rows_run_even_if_disabled_in_the_order_of_the_configuration() -> None:
    stored = config([row("a"), row("b", disabled=True), row("c")])
    assert resolved({"configRowIds": ["c", "b"]}, stored=stored).rows == ("b", "c")
    assert resolved(stored=stored).rows == ("a", "c")


def test_an_unknown_row_is_refused_with_its_path() -> None:
    error = refusal(NotFound, {"configRowIds": ["a", "z"]}, stored=config([row("a")]))
    assert error.path == "$.configRowIds[1]"
    assert "'z'" in error.message


def test_rows_without_a_configuration_are_refused() -> None:
    assert refusal(Invalid, {"configRowIds": ["a"]}).path == "$.configRowIds"


@pytest.mark.parametrize(
    ("parallelism", "rows", "expected"),
    [
        (None, 2, JobType.STANDARD),
        (0, 2, JobType.STANDARD),
        ("0", 2, JobType.STANDARD),
        (1, 2, JobType.CONTAINER),
        ("2", 2, JobType.CONTAINER),
        ("infinity", 2, JobType.CONTAINER),
        ("infinity", 1, JobType.STANDARD),
        (4, 0, JobType.STANDARD),
    ],
)
def test_the_type_follows_parallelism_and_rows(parallelism: object, rows: int, expected: JobType) -> None:
    stored = config([row(f"r{number}") for number in range(rows)])
    assert resolved({"parallelism": parallelism}, stored=stored).type is expected


def test_a_configuration_of_the_orchestrator_is_an_orchestration() -> None:
    result = resolved({"component": "lockside.orchestrator", "configData": {"phases": [], "tasks": []}})
    assert result.type is JobType.ORCHESTRATION


def test_the_default_name_contains_component_configuration_and_row() -> None:
    stored = config([row("a"), row("b")])
    assert resolved().name == "ex.table"
    assert resolved(stored=stored).name == "ex.table/flights"
    assert resolved({"configRowIds": ["b"]}, stored=stored).name == "ex.table/flights#b"
    assert resolved({"name": "Nightly"}, stored=stored).name == "Nightly"


def test_an_unknown_pool_is_not_found_where_it_is_named() -> None:
    assert refusal(NotFound, {"pool": "moon"}).path == "$.pool"
    assert refusal(NotFound, stored=config(runtime={"pool": "moon"})).path == "$.configuration.runtime.pool"


def test_a_tag_changes_only_the_members_that_it_names() -> None:
    of = component(
        tag="1.0",
        tags={"2.0": {"shell": "new", "limits": {"cpus": 2}}},
        limits={"timeoutSeconds": 60, "cpus": 1},
    )
    result = resolved({"tag": "2.0"}, of=of)
    assert result.spec.tag == "2.0"
    manifest, own = result.spec.manifest, resolved(of=of).spec.manifest
    assert manifest is not None
    assert own is not None
    assert (manifest.shell, manifest.command) == ("new", None)
    assert manifest.limits == Limits(timeout_seconds=60, cpus=2)
    assert own.command == ["run", "--data={datadir}"]


def test_an_unknown_tag_is_not_found_and_the_known_ones_are_named() -> None:
    error = refusal(NotFound, {"tag": "9"}, of=component(tag="1.0", tags={"2.0": {}}))
    assert error.path == "$.tag"
    assert "1.0, 2.0" in error.message


def test_a_component_without_tags_takes_any_tag_as_a_name() -> None:
    assert resolved({"tag": "5.5.0"}).spec.tag == "5.5.0"


def test_parameters_are_checked_against_the_schema_with_the_path_of_the_fault() -> None:
    schema = {"type": "object", "properties": {"limit": {"type": "integer"}}, "required": ["limit"]}
    of = component(schema=schema)
    error = refusal(Invalid, {"configData": {"parameters": {"limit": "many"}}}, of=of)
    assert error.path == "$.configData.parameters.limit"
    assert refusal(Invalid, stored=config(parameters={}), of=of).path == "$.configuration.parameters"
    assert resolved(stored=config(parameters={"limit": 1}), of=of)


def test_variables_are_filled_before_the_schema_is_checked() -> None:
    schema = {"properties": {"table": {"pattern": "^[a-z]+$"}}}
    stored = config(parameters={"table": "{{ table }}"}, variables={"table": "flights"})
    assert resolved(stored=stored, of=component(schema=schema))


def test_rows_are_checked_as_merged_unless_they_have_their_own_schema() -> None:
    schema = {"required": ["a", "b"]}
    stored = config([row("r", parameters={"b": 1})], parameters={"a": 1})
    assert resolved(stored=stored, of=component(schema=schema))
    error = refusal(Invalid, stored=stored, of=component(rowSchema={"required": ["a"]}))
    assert error.path == "$.rows[0].configuration.parameters"


def test_variables_are_taken_from_the_request_then_the_set_then_the_defaults() -> None:
    stored = config(
        parameters={"q": "{{ a }}-{{ b }}-{{ c }}"},
        variables={"a": "default", "b": "default", "c": "default"},
    )
    result = resolved(
        {"variableValuesId": "vars", "variableValuesData": {"values": [{"name": "a", "value": 1}]}},
        stored=stored,
        variables={"id": "vars", "values": [{"name": "a", "value": "set"}, {"name": "b", "value": "set"}]},
    )
    assert result.spec.variables == {"a": "1", "b": "set", "c": "default"}


def test_a_variable_without_a_value_is_named() -> None:
    error = refusal(
        Invalid, stored=config(parameters={"q": ["{{ day }}", "{{hour}}"]}, variables={"hour": "1"})
    )
    assert error.data["variables"] == ["day"]
    assert "day" in error.message


def test_an_unknown_set_of_variables_is_not_found() -> None:
    assert refusal(NotFound, {"variableValuesId": "gone"}).path == "$.variableValuesId"


def test_a_command_keeps_braces_unless_variables_are_given() -> None:
    assert command(shell="docker ps --format '{{ x }}'").spec.variables == {}
    given = {"configData": {"parameters": {"shell": "echo {{ x }}"}}, "component": "lockside.command"}
    result = resolved({**given, "variableValuesData": {"values": [{"name": "x", "value": "7"}]}})
    assert result.spec.variables == {"x": "7"}


def test_the_environment_of_a_command_is_kept_separately() -> None:
    result = command(command=["make"], cwd="/src", environment={"TOKEN": "secret"})
    assert result.environment == {"TOKEN": "secret"}
    assert b"secret" not in freeze(result.spec).body


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({}, "command"),
        ({"command": []}, "command"),
        ({"command": ["a", 1]}, "command[1]"),
        ({"command": ["a\0"]}, "command[0]"),
        ({"command": ["a"], "shell": "b"}, "command"),
        ({"command": [""]}, "command"),
        ({"pipeline": [["a"], []]}, "pipeline[1]"),
        ({"shell": "  "}, "shell"),
        ({"command": ["a"], "cwd": "relative"}, "cwd"),
        ({"command": ["a"], "environment": {"A=B": "c"}}, "environment"),
        ({"command": ["a"], "environment": {"A": 1}}, "environment.A"),
        ({"command": ["a"], "stdin": "x"}, "stdin"),
    ],
)
def test_a_command_that_cannot_be_started_is_refused(parameters: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as caught:
        command(**parameters)
    assert caught.value.path == f"$.configData.parameters.{path}"


def test_processors_in_the_root_and_in_a_row_are_refused() -> None:
    around = {"after": [{"definition": {"component": "pr.headers"}}]}
    with pytest.raises(Invalid) as caught:
        config([row("a", processors=around)], processors=around)
    assert caught.value.path == "$.rows[0].configuration.processors"


def test_an_unknown_processor_is_not_found() -> None:
    around = {"before": [{"definition": {"component": "pr.headers"}}]}
    error = refusal(NotFound, stored=config(processors=around))
    assert error.path == "$.configuration.processors.before[0].definition.component"


def test_empty_php_lists_count_as_empty_objects() -> None:
    result = resolved(stored=config(parameters=[], storage=[], processors=[], runtime=[], authorization=[]))
    assert result.warnings == ()


def test_unknown_keys_of_the_request_are_kept_with_a_warning() -> None:
    result = resolved({"configData": {"shared_code_id": "x", "runtime": {"image": "y"}}})
    assert [warning.split(" ", 1)[0] for warning in result.warnings] == [
        "$.configData.shared_code_id",
        "$.configData.runtime.image",
    ]
    assert (result.spec.config_data or {})["shared_code_id"] == "x"


def test_equal_requests_freeze_to_equal_bytes() -> None:
    first = resolved({"configData": {"parameters": {"a": 1, "b": 2}}, "name": "one", "labels": {"x": "1"}})
    second = resolved({"labels": {}, "configData": {"parameters": {"b": 2, "a": 1}}, "priority": 5})
    assert freeze(first.spec) == freeze(second.spec)
    assert freeze(first.spec) != freeze(resolved({"configData": {"parameters": {"a": 1}}}).spec)


def test_a_deeply_nested_configuration_is_refused() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert refusal(Invalid, {"configData": {"parameters": {"deep": deep}}}).path == "$.configData"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = [
    *("component", "tag", "config", "configData", "configRowIds", "branchId", "mode", "pool", "parallelism"),
    *("backend", "behavior", "lock", "lockKey", "variableValuesId", "variableValuesData", "limits", "retry"),
    *("onLost", "onRecordErrors", "name"),
]


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON), _JSON)
def test_every_request_is_resolved_or_refused_with_a_path(request: dict[str, Any], root: Any) -> None:
    body = {"component": "ex.table", "config": "flights", "configuration": root, "rows": []}
    values = {"component": "ex.table", "config": "flights", **request}
    assert (refused_path(values, body) or "$").startswith("$")


def refused_path(values: dict[str, Any], body: dict[str, Any]) -> str | None:
    """Return the path of a refusal, or None if the request is accepted."""
    try:
        stored = Stored("flights", 1, read(ConfigSpec, body))
        resolve(read(JobRequest, values), Found(component(), stored), DEFAULTS)
    except Refused as refused:
        return refused.path or "nowhere"
    return None


def test_a_parameter_that_an_argument_needs_must_have_a_value_in_every_row() -> None:
    tap = component(command=["tap", "--table", "{{ table }}"])
    stored = config([row("a", parameters={"table": "t"}), row("b")], parameters={"n": 1})
    with pytest.raises(Invalid) as caught:
        resolved(of=tap, stored=stored)
    assert caught.value.path == "$.rows[1].configuration.parameters.table"
    assert resolved({"configRowIds": ["a"]}, of=tap, stored=stored).rows == ("a",)


def test_a_task_inherits_variables_that_win_over_everything_but_its_own_values() -> None:
    stored = config(parameters={"x": "{{ a }} {{ b }} {{ c }}"}, variables={"a": "default", "b": "default"})
    values = {"values": [{"name": "c", "value": "own"}]}
    given = {"values": [{"name": "b", "value": "of the set"}], "id": "vars"}
    inherited = {"a": "1", "b": "2", "c": "3", "unused": "4"}
    request = {"variableValuesData": values, "variableValuesId": "vars"}
    task = resolved(request, stored=stored, variables=given, inherited=inherited)
    assert task.spec.variables == {"a": "1", "b": "2", "c": "own"}
    frozen = {one.name: one.value for one in task.spec.variable_values_data.values}
    assert frozen == {"a": "1", "b": "2", "c": "own"}, "a repeated request gets the same values"


def test_an_orchestration_passes_on_everything_that_it_was_given() -> None:
    root = {"component": "lockside.orchestrator", "configData": {"variables": {"day": "today"}}}
    inner = resolved(root, inherited={"day": "monday", "zone": "eu"})
    assert inner.values == {"day": "monday", "zone": "eu"}
    assert len(inner.spec.variable_values_data.values) == 2


def test_a_processor_needs_and_uses_its_own_parameters() -> None:
    head = named("pr.head", command=["head", "-n", "{{ lines }}"])

    def around(**parameters: Any) -> Resolved:
        after = [{"definition": {"component": "pr.head"}, "parameters": parameters}]
        stored = config(parameters={"lines": 1}, processors={"after": after})
        return resolved(stored=stored, processors={"pr.head": head})

    assert steps(around(lines=5))[1].execution.command == ["head", "-n", "5"]
    with pytest.raises(Invalid) as caught:
        around(line=5)
    assert caught.value.path == "$.configuration.processors.after[0].parameters.lines"
