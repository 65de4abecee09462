"""Manifests and schemas as they are checked when a component is stored."""

from typing import Any

import pytest

from locksided.core.errors import Invalid
from locksided.runner.configuration import check_configuration
from locksided.runner.fields import Fields
from locksided.runner.manifest import ExitCodes, check_component, parse_execution
from locksided.runner.schemas import check_document, check_schema


def manifest(**fields: Any) -> dict[str, Any]:
    return {"id": "ex.table", "command": ["run"], **fields}


def test_a_full_manifest_is_accepted() -> None:
    check_component(
        manifest(
            name="Table",
            type="extractor",
            environment={"A": "1"},
            limits={"timeoutSeconds": "01:00:00", "memoryBytes": "1.5GB", "cpus": 0.5},
            graceSeconds=3,
            stopSignal="SIGINT",
            schema={"type": "object"},
            actions=["testConnection"],
            lock="shared:2",
            retry={"maxAttempts": 2},
            onLost="error",
            leftovers="wait",
            exitCodes={"success": [0, 3], "userError": [1, 4]},
            allowedProcessorPosition="before",
            tag="1",
            tags={"2": {"pipeline": [["a"], ["b"]]}},
        )
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"id": "a/b", "command": ["x"]}, "$.component.id"),
        ({"id": "lockside.command", "command": ["x"]}, "$.component.id"),
        ({"id": "a"}, "$.component.command"),
        (manifest(shell="x"), "$.component.shell"),
        (manifest(type="robot"), "$.component.type"),
        (manifest(stopSignal="SIGNAL"), "$.component.stopSignal"),
        (manifest(stopSignal=0), "$.component.stopSignal"),
        (manifest(graceSeconds=-1), "$.component.graceSeconds"),
        (manifest(schema={"type": "strin"}), "$.component.schema"),
        (manifest(rowSchema={"$ref": "https://example.com/x.json"}), "$.component.rowSchema"),
        (manifest(exitCodes={"success": [0], "userError": [0]}), "$.component.exitCodes.userError"),
        (manifest(exitCodes={"success": [256]}), "$.component.exitCodes.success[0]"),
        (manifest(lock="shared"), "$.component.lock"),
        (manifest(retry={"maxAttempts": 0}), "$.component.retry.maxAttempts"),
        (manifest(tags={"2": {"id": "b"}}), '$.component.tags["2"].id'),
        (manifest(tags={"2": {"command": []}}), '$.component.tags["2"].command'),
        (manifest(surprise=1), "$.component.surprise"),
    ],
)
def test_a_manifest_that_no_job_could_use_is_refused(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_component(body)
    assert caught.value.path == path


def test_exit_codes_that_are_not_given_keep_their_meaning() -> None:
    codes = parse_execution(Fields(manifest(exitCodes={"success": [0, 1]}))).exit_codes
    assert codes == ExitCodes(frozenset({0, 1}), frozenset())


def test_a_remote_reference_is_refused_and_never_fetched() -> None:
    with pytest.raises(Invalid, match="another document"):
        check_schema({"$ref": "http://127.0.0.1:1/x"}, "$.schema")


def test_a_reference_inside_the_schema_works() -> None:
    schema = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    check_document({"a": 1}, schema, "$.schema", "$.p")


def test_the_message_names_the_path_and_never_shows_the_value() -> None:
    schema = {"properties": {"list": {"items": {"properties": {"#key": {"maxLength": 3}}}}}}
    with pytest.raises(Invalid) as caught:
        check_document({"list": [{}, {"#key": "very secret"}]}, schema, "$.schema", "$.p")
    assert caught.value.path == "$.p.list[1].#key"
    assert "very secret" not in caught.value.message


def test_a_hostile_pattern_is_answered_at_once() -> None:
    with pytest.raises(Invalid):
        check_document("a" * 40 + "!", {"pattern": "^(a+)+$"}, "$.schema", "$.p")


def test_a_configuration_with_two_rows_of_one_id_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        check_configuration({"configuration": {}, "rows": [{"id": "a"}, {"id": "a"}]})
    assert caught.value.path == "$.rows[1].id"


def test_unknown_keys_of_a_configuration_are_warned_of() -> None:
    assert check_configuration({"configuration": {"odd": 1}, "rows": []}) == [
        "$.configuration.odd is unknown; it is kept and has no effect."
    ]
