"""JSON Schemas of the files in a folder, for editors, derived from the types that read them. A kind's record
names the function that derives the schema of its file from the schemas of the types.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from lockside.documents.configuration import Configuration, Row
from lockside.kinds import CONFIG, KINDS, Kind, with_files
from lockside.protocol.schemas import described

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = ".lockside"
"""The folder of schemas in a folder of files."""
ROW = "row"
_TEMPLATE = "#/$defs/{name}"
_REFERENCE = re.compile(r"#/\$defs/(\w+)")


def names() -> list[str]:
    """Return the files that have a schema: the kinds with files, and a row in its own file."""
    return [*(kind.word for kind in with_files()), ROW]


def file_schema(name: str) -> Json:
    """Return the JSON Schema of a kind's file, or of the file of a row."""
    kind = CONFIG if name == ROW else KINDS[name]
    _, types = described((kind.document, Configuration, Row), _TEMPLATE)
    body = row(types) if name == ROW else kind.schema(kind, types)
    title = "A file of a row" if name == ROW else f"A file of {kind.titles}"
    return {"$schema": DIALECT, "title": title, **body, "$defs": _reached(body, types)}


def _reached(schema: Json, types: dict[str, Json]) -> dict[str, Json]:
    """Return the types that a schema refers to, directly or indirectly."""
    found: dict[str, Json] = {}
    left = _REFERENCE.findall(json.dumps(schema))
    while left:
        name = left.pop()
        if name not in found:
            found[name] = types[name]
            left += _REFERENCE.findall(json.dumps(types[name]))
    return dict(sorted(found.items()))


def written(folder: str) -> dict[str, str]:
    """Return the texts of all schemas by their paths in a folder of files."""
    return {
        os.path.join(folder, FOLDER, f"{name}.schema.json"): json.dumps(file_schema(name), indent=1) + "\n"
        for name in names()
    }


def directive(kind: Kind) -> str:
    """Return the comment by which editors find the schema of a kind's file."""
    above = "../" * kind.files.count("/")
    return f"#:schema {above or './'}{FOLDER}/{kind.word}.schema.json\n"


def plain(kind: Kind, types: dict[str, Json]) -> Json:
    """Return the schema of a file with a document without its key, or with a table for each object."""
    own = types[kind.document.__name__]
    inside = _closed(own, {name: part for name, part in own["properties"].items() if name not in kind.key})
    if not kind.is_one_file:
        return inside
    return {"type": "object", "description": own["description"], "additionalProperties": inside}


def config(kind: Kind, types: dict[str, Json]) -> Json:
    """Return the schema of a configuration's file: the members of `configuration` may be at the top level."""
    own, rows = types[kind.document.__name__], row(types)
    members = {name: part for name, part in own["properties"].items() if name not in kind.key}
    members["rows"] = {**members["rows"], "items": {**rows, "required": ["id"]}}
    members["configuration"] = _body()
    return _closed(own, {**types["Configuration"]["properties"], **members})


def row(types: dict[str, Json]) -> Json:
    """Return the schema of a row, in its own file or inline."""
    own = types["Row"]
    return _closed(
        own, {**types["Configuration"]["properties"], **own["properties"], "configuration": _body()}
    )


def variables(kind: Kind, types: dict[str, Json]) -> Json:
    """Return the schema of a file of variables: names and values, or `values`."""
    own = types[kind.document.__name__]
    value = {"type": ["string", "number", "boolean"], "description": "The value of the variable."}
    listed = own["properties"]["values"]
    either = {"anyOf": [listed, {"type": "object", "additionalProperties": value}, value]}
    return {
        "type": "object",
        "description": own["description"],
        "properties": {"values": {**either, "description": listed["description"]}},
        "additionalProperties": value,
    }


def _closed(own: Json, properties: Json) -> Json:
    required = [name for name in own.get("required", ()) if name in properties and name != "id"]
    return {
        "type": "object",
        "description": own["description"],
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _body() -> Json:
    return {
        "$ref": _TEMPLATE.format(name="Configuration"),
        "description": "The configuration itself; its members may be at the top level instead.",
    }
