"""The reference covers every field of the wire and of files, and every environment variable."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

import lockside
import locksided
from e2e.harness import running
from e2e.wire import put_component
from lockside.cli import handbook, reference
from lockside.cli.commands import COMMANDS, HIDDEN
from lockside.cli.files.file_schema import file_schema, names
from lockside.cli.man import pages
from lockside.environment import CLIENT, COMPONENT, DAEMON, HELD, JOB, PLAIN
from lockside.kinds import KINDS
from lockside.protocol.openrpc import document

DOCUMENT = document("1", with_test_clock=True)


def fields_in(text: str) -> set[str]:
    return set(re.findall(r"^- `([\w.#]+)` \(", text, re.MULTILINE))


def test_every_kind_of_object_has_a_reference_of_its_fields() -> None:
    assert set(KINDS) <= set(reference.documents())
    for word in reference.documents():
        assert len(fields_in(reference.reference(f"fields {word}"))) > 1, word
        assert f"`lockside help fields {word}`" in reference.reference("fields")


def test_every_field_of_the_wire_is_in_the_reference_with_its_type_and_description() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if "properties" in schema:
            known = fields_in(reference.reference(name.removeprefix("Stored")))
            assert set(schema["properties"]) <= known, name
    for method in DOCUMENT["methods"]:
        text = reference.reference(method["name"])
        assert {param["name"] for param in method["params"]} <= fields_in(text), method["name"]
        assert method["description"] in text
        assert all(param["description"] for param in method["params"])


def members(schema: Any, types: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Return the names of all members of a schema, at any depth."""
    if isinstance(schema, list):
        for part in schema:
            yield from members(part, types, seen)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {}) if isinstance(schema.get("properties"), dict) else ()
        for name in re.findall(r"#/\$defs/(\w+)", str(schema.get("$ref", ""))):
            if name not in seen:
                yield from members(types[name], types, seen | {name})
        for key, part in schema.items():
            if key not in ("$defs", "default", "examples"):
                yield from members(part, types, seen)


@pytest.mark.parametrize("name", names())
def test_every_field_that_a_file_can_have_is_in_the_reference_of_its_object(name: str) -> None:
    schema = file_schema(name)
    pages = (f"fields {name}", "fields config", "fields request")
    known = {field for page in pages for field in fields_in(reference.reference(page))}
    assert set(members(schema, schema["$defs"])) <= known


def test_a_job_finds_the_variables_that_the_reference_names(tmp_path: Path) -> None:
    with running() as daemon, daemon.wire() as wire:
        wire.call("resource.put", resource={"id": "id", "capacity": 1, "environment": "NAME"})
        put_component(wire, "ex.env", command=["env"], logging={"type": "gelf"}, needs={"id": 1})
        rows = [{"id": "a"}]
        wire.call("config.put", component="ex.env", config="c", rows=rows)
        component = wire.done(wire.create("ex.env", config="c"))
        found = {line.partition("=")[0] for line in wire.text(component).splitlines()}
    named = {name for name, _ in (*COMPONENT, *PLAIN, *JOB, *HELD)}
    assert found == {name.replace("<", "").replace(">", "") for name in named}


def read_by(package: Any) -> set[str]:
    """Return the variables that the code of a package reads by name."""
    code = "".join(path.read_text() for path in Path(package.__path__[0]).rglob("*.py"))
    found = re.findall(r"environ(?:ment)?(?:\.get|\.pop)?[(\[]\s*\"([A-Z_]+)\"(?!\] = )", code)
    return {name for name in found if not name.startswith("KBC_")}


def test_every_variable_that_the_code_reads_is_in_the_reference() -> None:
    assert read_by(lockside) - {"LOCKSIDE_PROGRESS_FD"} <= {name for name, _ in CLIENT}
    a_jobs_own = {"PATH", "LOCKSIDE_PROGRESS_FD"}
    companions = {"LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"}
    assert read_by(locksided) - companions - a_jobs_own <= {name for name, _ in DAEMON}


@pytest.mark.skipif(which("groff") is None, reason="groff is not installed")
def test_the_manual_has_a_valid_page_for_each_command_and_topic() -> None:
    made = {(name, section): text for name, section, text in pages()}
    for command in COMMANDS:
        assert (f"lockside-{command.name.replace(' ', '-')}", 1) in made or command in HIDDEN
    assert {(f"lockside-{topic}", 7) for topic in handbook.topics()} <= made.keys()
    assert ("lockside.toml", 5) in made
    whole = "".join(made.values())
    told = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8"], input=whole, capture_output=True, text=True, check=True
    )
    assert told.stderr == ""
    assert json.dumps(sorted(made)).isascii()
