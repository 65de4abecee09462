"""The reference of methods, objects and settings as Markdown, derived from the document of `rpc.discover`. It
is the only part of the help that loads the types of the wire.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lockside.kinds import CONFIG, KINDS

Json = dict[str, Any]

_CONFIGURATION = "configuration"
_STORED = "Stored"  # a type of results: the same as its namesake, without bounds
_SETTINGS = "settings"
_METHODS = "methods"
_ENVIRONMENT = "environment"
_EVENTS = "events"
_FIELDS = "fields"
_OBJECTS = {"row": "Row", "phase": "Phase", "task": "Task", "request": "JobRequest", "job": "Job"}
_ONLY_STORED = {"component", "config", "configuration"}
_ITS_OWN = {"Job", "Configuration", "Manifest", "Component", "Config", "JobRequest"}
_LONG = 1000
"""Larger length limits are not shown."""
_WORDS = {"integer": "integer", "number": "number", "string": "string", "boolean": "boolean"}


def reference(topic: str) -> str:
    """Return the Markdown of a method, a type, `settings` or `fields OBJECT`; empty for an unknown name."""
    if topic == _FIELDS:
        return _objects()
    topic = topic.removeprefix(_FIELDS + " ")
    if topic == _SETTINGS:
        return _settings()
    if topic == _ENVIRONMENT:
        return _environment()
    from lockside import __version__
    from lockside.protocol.openrpc import document

    book = _Book(document(__version__, with_test_clock=True))
    if topic == _METHODS:
        return book.all_methods()
    if topic == _EVENTS:
        return book.events()
    if topic in {_CONFIGURATION, CONFIG.word}:
        return book.configuration()
    return book.method(topic) or book.type(documents().get(topic, topic))


def documents() -> dict[str, str]:
    """Return the types of the objects that users write and see, by their words."""
    return {**{kind.word: kind.document.__name__ for kind in KINDS.values()}, **_OBJECTS}


def topics() -> list[str]:
    """Return the topics of the reference."""
    from lockside.protocol.methods import TEST_METHODS

    fields = (f"{_FIELDS} {word}" for word in (*documents(), _SETTINGS, _ENVIRONMENT, _EVENTS))
    plain = ("job", "manifest", _CONFIGURATION, _METHODS, _SETTINGS, _ENVIRONMENT, _FIELDS)
    return [*plain, *fields, *TEST_METHODS]


def _objects() -> str:
    """List the objects with a reference of their fields, and the files that contain them."""
    files = {kind.word: kind.files for kind in KINDS.values()}
    files |= {"row": "configs/{component}/{config}/rows/{row}.toml"}
    within = "in the file of an orchestration"
    files |= {"phase": within, "task": within, "request": "`job.create`, `run --from-file`"}
    files |= {"branch": "`lockside branch put`", "job": "`lockside ls --json`, `job.get`"}
    rows = [f"| `lockside help fields {word}` | {files.get(word) or word} |" for word in documents()]
    others = (
        (_SETTINGS, "lockside.toml"),
        (_ENVIRONMENT, "variables of the environment"),
        (_EVENTS, "`lockside events`"),
    )
    rows += [f"| `lockside help fields {word}` | {said} |" for word, said in others]
    head = ["# Fields", "", "Every field with its type, default and meaning.", ""]
    return "\n".join([*head, "| command | used in |", "| --- | --- |", *rows]) + "\n"


def _environment() -> str:
    from lockside.environment import SECTIONS

    lines = ["# Environment"]
    for title, variables in SECTIONS:
        lines += ["", f"## {title}", "", *(f"- `{name}`: {said}" for name, said in variables)]
    return "\n".join(lines) + "\n"


class _Book:
    """Formats the OpenRPC document."""

    def __init__(self, document: Json) -> None:
        self._methods: dict[str, Json] = {method["name"]: method for method in document["methods"]}
        self._events: list[Json] = document["x-events"]
        schemas: dict[str, Json] = document["components"]["schemas"]
        self._schemas = {name: schema for name, schema in schemas.items() if not name.startswith(_STORED)}
        params = [each["schema"] for method in document["methods"] for each in method["params"]]
        self._given = {"Configuration", *self._reached([*params, {"$ref": "/Configuration"}])}

    def events(self) -> str:
        rows = [f"- `{each['kind']}`: {each['data']}" for each in self._events]
        head = ["# Events", "", "The kinds of events, with the members of their `data`.", ""]
        return "\n".join([*head, *rows]) + "\n" + self._nested("Event")

    def all_methods(self) -> str:
        rows = [f"| `{name}` | {method['summary']} |" for name, method in self._methods.items()]
        head = ["# Methods", "", "Every call of the wire; `lockside help METHOD` lists its parameters.", ""]
        return "\n".join([*head, "| method | what it does |", "| --- | --- |", *rows]) + "\n"

    def method(self, name: str) -> str:
        method = self._methods.get(name)
        if method is None:
            return ""
        given = {each["name"]: each["value"] for each in method["examples"][0]["params"]}
        schemas = {each["name"]: each["schema"] for each in method["params"]}
        required = {each["name"] for each in method["params"] if each["required"]}
        lines = [
            f"# {name}",
            "",
            method["description"],
            "",
            f"- role: {method['x-role']}",
            f"- changes something: {'yes' if method['x-mutates'] else 'no'}",
            f"- answers: {self._type_of(method['result']['schema'])}",
            f"- parameters, for example: `{json.dumps(given)}`",
            "",
            "## Parameters",
            "",
            *self._given_members(schemas, required),
            *self._below([each["schema"] for each in method["params"]], set(_ITS_OWN)),
        ]
        return "\n".join(lines) + "\n"

    def type(self, name: str) -> str:
        by_word = {each.lower(): each for each in self._schemas}
        name = by_word.get(name.lower(), "")
        if not name:
            return ""
        return "\n".join([f"# {name}", "", *self._section(name)]) + "\n" + self._nested(name)

    def configuration(self) -> str:
        stored = {
            member: part
            for member, part in self._schemas["ConfigSpec"]["properties"].items()
            if member not in _ONLY_STORED
        }
        own = self._schemas["Configuration"]["properties"]
        lines = [
            "# Configuration",
            "",
            "A file of a configuration has all of these members at its top.",
            "On the wire the second group is under `configuration`, or under `configData` of a request.",
            "",
            *self._given_members(stored, set()),
            "",
            "## Under `configuration`",
            "",
            *self._given_members(own, set()),
            *self._below([*stored.values(), *own.values()], {"Configuration"}),
        ]
        return "\n".join(lines) + "\n"

    def _nested(self, name: str) -> str:
        below = self._below([self._schemas[name]], {*_ITS_OWN, name})
        return "\n".join(below) + "\n" if below else ""

    def _section(self, name: str) -> list[str]:
        schema = self._schemas[name]
        if "enum" in schema:
            return [schema["description"], "", f"One of {_listed(schema['enum'])}."]
        members = schema.get("properties", {})
        if name in self._given:
            listed = self._given_members(members, set(schema.get("required", ())))
        else:
            listed = self._answered_members(members)
        return [schema["description"], "", *listed]

    def _given_members(self, members: dict[str, Json], required: set[str]) -> list[str]:
        """Format the members of an input, with their defaults."""
        return [
            f"- `{name}` ({self._type_of(part)}, {_default(name, part, required)}): {_sentence(part)}"
            for name, part in members.items()
        ]

    def _answered_members(self, members: dict[str, Json]) -> list[str]:
        return [
            f"- `{name}` ({self._type_of(part)}{' or null' * _is_nullable(part)}): {_sentence(part)}"
            for name, part in members.items()
        ]

    def _below(self, parts: list[Json], seen: set[str]) -> list[str]:
        """Return the sections of all types that these refer to, without duplicates."""
        names = [
            name for name in self._reached(parts) if name not in seen and "enum" not in self._schemas[name]
        ]
        return [line for name in names for line in ("", f"## {name}", "", *self._section(name))]

    def _reached(self, parts: list[Json]) -> list[str]:
        """Return the names of all types that these refer to, directly or indirectly, in the order found."""
        found: list[str] = []
        left = list(_named(parts))
        while left:
            name = left.pop(0)
            if name not in found:
                found.append(name)
                left += _named(self._schemas[name])
        return found

    def _type_of(self, part: Json) -> str:
        if "$ref" in part:
            schema = self._schemas[_name(part)]
            return f"{_listed(schema['enum'])}" if "enum" in schema else _name(part)
        if "anyOf" in part:
            kinds = [self._type_of(each) for each in part["anyOf"] if each != {"type": "null"}]
            return " or ".join(dict.fromkeys(kinds))
        if "enum" in part:
            return f"{_listed(part['enum'])}" if len(part["enum"]) < 20 else "string"
        match part.get("type"):
            case "array":
                return f"list of {self._type_of(part['items'])}" if part.get("items") else "list"
            case "object":
                values = part.get("additionalProperties")
                return (
                    f"object of {self._type_of(values)}" if isinstance(values, dict) and values else "object"
                )
            case kind:
                return _WORDS.get(str(kind), "any value") + _bounds(part)


def _name(part: Json) -> str:
    return str(part["$ref"]).rpartition("/")[2].removeprefix(_STORED)


def _listed(words: list[str]) -> str:
    return " | ".join(map(str, words))


def _bounds(part: Json) -> str:
    if "minimum" in part and part.get("maximum", 2**53) < 2**53 - 1:
        return f" from {part['minimum']} to {part['maximum']}"
    if "exclusiveMinimum" in part:
        return f" above {part['exclusiveMinimum']}"
    if "minimum" in part:
        return f" from {part['minimum']}"
    has_bound = part.get("maxLength", _LONG) < _LONG
    return f" of at most {part['maxLength']} characters" if has_bound else ""


def _named(part: Any) -> Iterator[str]:
    """Yield the types that a schema refers to."""
    if isinstance(part, list):
        for each in part:
            yield from _named(each)
    elif isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield _name(part)
        for key, each in part.items():
            if key != "default":
                yield from _named(each)


def _sentence(part: Json) -> str:
    return str(part.get("description", ""))


def _is_nullable(part: Json) -> bool:
    return {"type": "null"} in part.get("anyOf", ())


def _default(name: str, part: Json, required: set[str]) -> str:
    if name in required:
        return "required"
    value = part.get("default")
    if value is None or (value and isinstance(value, dict)):
        return "optional"
    return f"default `{json.dumps(value)}`"


_SETTING = re.compile(r"(\w+) = (.*)")


def _settings() -> str:
    from lockside.paths import shipped

    with open(shipped("lockside.toml"), encoding="utf-8") as file:
        head, *sections = file.read().split("\n[")
    lines = ["# Settings", "", *(line.removeprefix("#").strip() for line in head.splitlines())]
    for section in sections:
        name, _, body = section.partition("]\n")
        lines += ["", f"## {name}", ""]
        said: list[str] = []
        for line in body.splitlines():
            if line.startswith("#"):
                said.append(line.removeprefix("# "))
            elif found := _SETTING.fullmatch(line):
                lines.append(f"- `{found[1]}` (default `{found[2]}`): {' '.join(said)}")
                said = []
    return "\n".join(lines) + "\n"
