"""`new` and `init`: write commented first files to a folder for `apply`; existing files are kept."""

from __future__ import annotations

import json
import os
import re

from lockside.cli import exits
from lockside.cli.catalog import new_templates
from lockside.cli.files.object_file import toml_and_json
from lockside.cli.files.parse import FileError, read_document, stem
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.errors import LocksideError
from lockside.kinds import COMPONENT, CONFIG, POOL, Kind

Files = dict[str, str]

ORCHESTRATOR = "lockside.orchestrator"
_HELLO = "hello.greet"
_GREETING = 'greeting = "hello"\n# count = 3'
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLACEHOLDERS = {
    "string": '""',
    "integer": "0",
    "number": "0",
    "boolean": "false",
    "array": "[]",
    "object": "{}",
}


def init(session: Session, parsed: Parsed) -> int:
    """Write a complete pipeline that runs without changes."""
    folder = parsed.text("dir") or "pipeline"
    files = {
        **_component_files(folder, _HELLO),
        **_config_file(folder, _HELLO, "daily", _GREETING),
        **_config_file(folder, "lockside.command", "report", new_templates.REPORT),
        **_orchestration_file(folder, "nightly", [(_HELLO, "daily"), ("lockside.command", "report")]),
        os.path.join(folder, "pools.toml"): _headed(POOL, new_templates.POOLS),
    }
    _write(session, folder, files)
    for step in ("start", f"apply {folder}", f"run {ORCHESTRATOR}/nightly --follow"):
        session.out.hint(f"Next: lockside {step}")
    return exits.DONE


def component(session: Session, parsed: Parsed) -> int:
    name = _id(parsed.required("component"), "new component")
    folder = _folder(parsed)
    _write(session, folder, _component_files(folder, name))
    session.out.hint(f"Next: {_command('lockside new config', f'{name}/daily', parsed)}")
    return exits.DONE


def config(session: Session, parsed: Parsed) -> int:
    text = parsed.required("component_config")
    component_id, _, name = text.partition("/")
    if not name:
        raise UsageError(f"'{text}' is not COMPONENT/CONFIG.", "new config")
    for part in (component_id, name):
        _id(part, "new config")
    folder = _folder(parsed)
    schema = _schema(folder, component_id)
    free = new_templates.COMMAND if component_id == "lockside.command" else new_templates.PARAMETERS
    parameters = _parameters(schema) if schema else free
    _write(session, folder, _config_file(folder, component_id, name, parameters))
    session.out.hint(f"Next: edit it, then lockside apply {folder}")
    return exits.DONE


def orchestration(session: Session, parsed: Parsed) -> int:
    name = _id(parsed.required("name"), "new orchestration")
    folder = _folder(parsed)
    found = _configs(folder) or [("COMPONENT", "CONFIG")]
    _write(session, folder, _orchestration_file(folder, name, found))
    session.out.hint(f"Next: put its phases in order, then lockside apply {folder}")
    return exits.DONE


def _component_files(folder: str, name: str) -> Files:
    script = f"{name.replace('.', '_').replace('-', '_')}.py"
    text = _headed(COMPONENT, new_templates.component(name, script))
    return {
        os.path.join(folder, "components", f"{name}.toml"): text,
        os.path.join(folder, "scripts", script): new_templates.SCRIPT,
    }


def _config_file(folder: str, component_id: str, name: str, parameters: str) -> Files:
    text = _headed(CONFIG, new_templates.config(f"{component_id}/{name}", parameters))
    return {os.path.join(folder, "configs", component_id, f"{name}.toml"): text}


def _orchestration_file(folder: str, name: str, configs: list[tuple[str, str]]) -> Files:
    text = _headed(CONFIG, new_templates.orchestration(name, configs))
    return {os.path.join(folder, "configs", ORCHESTRATOR, f"{name}.toml"): text}


def _headed(kind: Kind, text: str) -> str:
    """Prepend the comment by which editors find the schema of the file."""
    from lockside.cli.files.file_schema import directive

    return directive(kind) + text


def write_schemas(folder: str) -> None:
    """Write the schemas of a folder's files to it, over those of an earlier release."""
    from lockside.cli.files.file_schema import written

    for file, text in written(folder).items():
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as made:
            made.write(text)


def _id(text: str, command: str) -> str:
    if not _ID.fullmatch(text) or ".." in text:
        raise UsageError(
            f"'{text}' is not an id: use letters, digits, '.', '_' and '-', starting with a letter or digit.",
            command,
        )
    return text


def _folder(parsed: Parsed) -> str:
    return parsed.text("dir") or "."


def _command(words: str, what: str, parsed: Parsed) -> str:
    folder = parsed.text("dir")
    return f"{words} {what} {folder}" if folder else f"{words} {what}"


def _write(session: Session, folder: str, files: Files) -> None:
    """Write all files, and the schemas beside them; raises LocksideError if a file exists."""
    for file in files:
        others = [file, os.path.splitext(file)[0] + ".json"]
        there = next(filter(os.path.exists, others), None)
        if there:
            raise LocksideError(f"{there} exists already.", remedy="Take another name, or edit that file.")
    for file, text in files.items():
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "x", encoding="utf-8") as made:
            made.write(text)
        session.out.line(session.out.paint("green", f"+ {os.path.normpath(file)}"))
    write_schemas(folder)


def _schema(folder: str, component_id: str) -> Json | None:
    """Return the schema in the component's file, or None."""
    for end in (".toml", ".json"):
        file = os.path.join(folder, "components", component_id + end)
        if os.path.exists(file):
            try:
                schema = read_document(file).get("schema")
            except FileError as error:
                raise LocksideError(f"{error}", remedy="Correct the component's file first.") from error
            return schema if isinstance(schema, dict) and schema.get("properties") else None
    return None


def _parameters(schema: Json) -> str:
    """Return one line for each parameter of the schema; optional parameters are comments."""
    required = set(schema.get("required") or ())
    lines = []
    for name, given in schema["properties"].items():
        about = given if isinstance(given, dict) else {}
        key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
        line = f"{'' if name in required else '# '}{key} = {_example(about)}"
        said = " ".join(str(about.get("description") or "").split())
        lines.append(f"{line}  # {said}" if said else line)
    return "\n".join(lines)


def _example(about: Json) -> str:
    """Return an example of a valid value."""
    from lockside.cli.files.toml_writer import can_be_toml, inline

    kinds = about.get("type") or "string"
    for given in (about.get("default"), *(about.get("enum") or ()), *(about.get("examples") or ())):
        if given is not None and can_be_toml(given):
            return inline(given)
    return _PLACEHOLDERS.get(kinds if isinstance(kinds, str) else kinds[0], '""')


def _configs(folder: str) -> list[tuple[str, str]]:
    """Return the configurations of a folder that an orchestration could run."""
    root = os.path.join(folder, "configs")
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return [
        (name, stem(file))
        for name in names
        if name != ORCHESTRATOR
        for file in toml_and_json(os.path.join(root, name))
    ]
