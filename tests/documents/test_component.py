"""Components: the members of a manifest, and how its tags change it."""

from typing import Any

import pytest

from lockside.documents.component import ExitCodes, Manifest
from lockside.documents.reading import convert, faults_of
from lockside.documents.schemas import SchemaError, check_schema, schema_faults


def manifest(**fields: Any) -> dict[str, Any]:
    return {"id": "ex.table", "command": ["run"], **fields}


def test_a_full_manifest_is_accepted() -> None:
    faults = faults_of(
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
        ),
        Manifest,
    )
    assert list(faults) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"id": "a/b", "command": ["x"]}, "$.id"),
        ({"id": "a..b", "command": ["x"]}, "$.id"),
        ({"id": "a"}, "$.command"),
        (manifest(shell="x"), "$.command"),
        ({"id": "a", "shell": "  "}, "$.shell"),
        (manifest(command=[""]), "$.command"),
        (manifest(pipeline=[["a"], [""]], command=None), "$.pipeline[1]"),
        (manifest(cwd="relative"), "$.cwd"),
        (manifest(environment={"A": "x", "B": 1}), "$.environment.B"),
        (manifest(type="robot"), "$.type"),
        (manifest(stopSignal="SIGNAL"), "$.stopSignal"),
        (manifest(stopSignal=0), "$.stopSignal"),
        (manifest(graceSeconds=-1), "$.graceSeconds"),
        (manifest(graceSeconds="25h"), "$.graceSeconds"),
        (manifest(limits={"timeoutSeconds": 0}), "$.limits.timeoutSeconds"),
        (manifest(limits={"timeoutSeconds": "0s"}), "$.limits.timeoutSeconds"),
        (manifest(schema={"type": "strin"}), "$.schema.type"),
        (manifest(rowSchema={"$ref": "https://example.com/x.json"}), "$.rowSchema"),
        (manifest(exitCodes={"success": [0], "userError": [0]}), "$.exitCodes.userError[0]"),
        (manifest(exitCodes={"success": [256]}), "$.exitCodes.success[0]"),
        (manifest(lock="shared"), "$.lock"),
        (manifest(lock="shared:1000001"), "$.lock"),
        (manifest(retry={"maxAttempts": 0}), "$.retry.maxAttempts"),
        (manifest(retry={"maxAttempts": 2, "delaySeconds": 31_622_401}), "$.retry.delaySeconds"),
        (manifest(tags={"2": {"id": "b"}}), '$.tags["2"].id'),
        (manifest(tags={"2": {"command": []}}), '$.tags["2"].command'),
        (manifest(surprise=1), "$.surprise"),
        (manifest(shellProgram=["bash", "-c"]), "$.shellProgram"),
        ({"id": "a", "shell": "a", "shellProgram": []}, "$.shellProgram"),
        ({"id": "a", "shell": "a", "shellProgram": [""]}, "$.shellProgram"),
    ],
)
def test_a_manifest_that_no_job_could_use_is_refused(body: dict[str, Any], path: str) -> None:
    assert [fault.path for fault in faults_of(body, Manifest)][:1] == [path]


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"stopSignal": 15}, "stop_signal", "SIGTERM"),
        ({"stopSignal": 15.0}, "stop_signal", "SIGTERM"),
        ({"stopSignal": "int"}, "stop_signal", "SIGINT"),
        ({"stopSignal": "SIGRTMIN+3"}, "stop_signal", "SIGRTMIN+3"),
        ({"graceSeconds": "1m"}, "grace_seconds", 60.0),
        ({"lock": "shared:1000000"}, "lock", "shared:1000000"),
    ],
)
def test_every_form_is_returned_in_its_canonical_form(fields: Any, name: str, value: object) -> None:
    assert getattr(convert(manifest(**fields), Manifest), name) == value


def test_the_longest_delay_between_attempts_is_366_days() -> None:
    retry = convert(manifest(retry={"maxAttempts": 2, "delaySeconds": 31_622_400}), Manifest).retry
    assert retry is not None
    assert retry.delay_seconds == 31_622_400


@pytest.mark.parametrize(("given", "share"), [(True, 0.5), (False, 0.0), (0.25, 0.25), (1, 1.0)])
def test_jitter_is_a_fraction_and_true_means_one_half(given: object, share: float) -> None:
    retry = convert(manifest(retry={"maxAttempts": 2, "jitter": given}), Manifest).retry
    assert retry is not None
    assert retry.jitter == share


def test_exit_codes_that_are_not_given_keep_their_meaning() -> None:
    codes = convert(manifest(exitCodes={"success": [0, 1]}), Manifest).exit_codes
    assert codes == ExitCodes(success=[0, 1], user_error=[])


def test_a_tag_changes_only_the_members_that_it_names() -> None:
    tags = {"2": {"shell": "new", "limits": {"cpus": 2}, "environment": {"B": "2"}}}
    body = manifest(tag="1", tags=tags, limits={"timeoutSeconds": "1m"}, environment={"A": "1"})
    found = convert(body, Manifest)
    changed = found.at_tag("2")
    assert changed is not None
    assert (changed.command, changed.shell, changed.tag, changed.tags) == (None, "new", "2", {})
    assert (changed.limits.timeout_seconds, changed.limits.cpus) == (60, 2)
    assert changed.environment == {"A": "1", "B": "2"}
    assert found.at_tag("3") is None
    assert getattr(found.at_tag(None), "command", None) == ["run"]


def test_the_shell_text_is_the_last_argument_of_the_shell() -> None:
    strict = ["bash", "-euo", "pipefail", "-c"]
    body = {"id": "a", "shell": "a | b", "tags": {"2": {"shell": "c"}, "3": {"command": ["d"]}}}
    assert convert(body, Manifest).stages == (("/bin/sh", "-c", "a | b"),)
    found = convert({**body, "shellProgram": strict}, Manifest)
    assert found.stages == ((*strict, "a | b"),)
    at_tags = [changed.stages for tag in ("2", "3") if (changed := found.at_tag(tag))]
    assert at_tags == [((*strict, "c"),), (("d",),)]


def test_a_remote_reference_is_refused_and_never_fetched() -> None:
    with pytest.raises(SchemaError, match="another document"):
        check_schema({"$ref": "http://127.0.0.1:1/x"})


def test_a_reference_within_the_schema_works() -> None:
    schema = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    assert list(schema_faults({"a": 1}, schema)) == []


def test_the_message_names_the_path_and_never_shows_the_value() -> None:
    schema = {"properties": {"list": {"items": {"properties": {"#key": {"maxLength": 3}}}}}}
    ((steps, message, _),) = schema_faults({"list": [{}, {"#key": "very secret"}]}, schema)
    assert steps == ("list", 1, "#key")
    assert "very secret" not in message


def test_a_hostile_pattern_is_refused_at_once() -> None:
    assert list(schema_faults("a" * 40 + "!", {"pattern": "^(a+)+$"}))
