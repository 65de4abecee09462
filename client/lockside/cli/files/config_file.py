"""Reads a configuration from its file and the rows beside it. The members of `configuration` (parameters,
storage, processors, runtime, variables ...) may be at the top level. JSON of Keboola is accepted unchanged:
its further members beside the configuration are omitted, with a note.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

from lockside.cli.files.faults import SourceText
from lockside.cli.files.object_file import (
    ObjectFile,
    open_source,
    refuse_irregular,
    toml_and_json,
    with_absolute_paths,
)
from lockside.cli.files.parse import stem
from lockside.documents.component import COMMAND
from lockside.documents.configuration import ConfigSpec, Configuration, Row, kept_keys
from lockside.documents.keboola_spelling import foreign_values
from lockside.documents.paths import Steps, steps_of
from lockside.documents.unknown_keys import effect, likely, members_of
from lockside.kinds import Kind

Json = dict[str, Any]

CONFIG_MEMBERS = members_of(ConfigSpec)
_ROW_MEMBERS = members_of(Row)
BODY_MEMBERS = members_of(Configuration)
_FOREIGN = {
    *("id", "version", "created", "creatorToken", "isDeleted", "state", "rowsSortOrder", "currentVersion"),
    *("changeDescription", "componentId", "links", "metadata", "rows", "branchId", "createdTime"),
    *("updatedTime", "changedBy", "warnings"),
}
_FOREIGN_OF_ROWS = (_FOREIGN | {"description"}) - {"id"}


def config(kind: Kind, file: str, key: Sequence[str], text: str | None = None) -> ObjectFile:
    """Read a configuration from its file and the rows beside it; raises FileError."""
    source, document = open_source(file, text)
    where = dict(zip(kind.key, key, strict=True))
    named = where if "configuration" in document or not source.is_json else {}
    item = ObjectFile(kind.document, where, source)
    for key, value in where.items():
        if document.get(key, value) != value and not source.is_json:
            item.faults.append(source.fault((key,), f"It is '{value}', by the file's path; omit this"))
    body, left = _native(source, {k: v for k, v in document.items() if where.get(k) != v and k not in named})
    own = _gathered(item, source, body, CONFIG_MEMBERS - where.keys(), ())
    item.body = own | where
    _note_left(item, source, left, ())
    _read_rows(item, source, own)
    folder = os.path.join(os.path.splitext(file)[0], "rows")
    for row_file in toml_and_json(folder) if text is None else ():
        _add_row_file(item, row_file)
    if where["component"] == COMMAND:
        _resolve_cwd(item, os.path.dirname(os.path.abspath(file)))
    _look_at_keys(item)
    return item.check()


def _resolve_cwd(item: ObjectFile, folder: str) -> None:
    """Make the working folder of a plain command absolute; it is relative to the file."""
    body = item.body.get("configuration")
    if isinstance(body, dict) and isinstance(body.get("parameters"), dict):
        parameters = body["parameters"]
        resolved = with_absolute_paths(folder, {"cwd": parameters.get("cwd")})
        item.body["configuration"] = {**body, "parameters": {**parameters, **resolved}}


def _read_rows(item: ObjectFile, source: SourceText, own: Json) -> None:
    rows = own.get("rows")
    if rows in (None, []):
        own.pop("rows", None)
        item.body.pop("rows", None)
        return
    if not isinstance(rows, list):
        return
    made = []
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            made.append(row)
            continue
        body, left = _without_foreign(row, _FOREIGN_OF_ROWS) if source.is_json else (row, [])
        _note_left(item, source, left, ("rows", place))
        made.append(_gathered(item, source, body, _ROW_MEMBERS, ("rows", place)))
    item.body["rows"] = made


def _add_row_file(item: ObjectFile, file: str) -> None:
    refuse_irregular(file)
    source, document = open_source(file)
    name = stem(file)
    body, left = _without_foreign(document, _FOREIGN_OF_ROWS) if source.is_json else (document, [])
    is_loose = "configuration" not in body
    rows = item.body.setdefault("rows", [])
    if not isinstance(rows, list):
        return
    item.row_from(len(rows), source, is_loose)
    row = _gathered(item, source, body, _ROW_MEMBERS, ())
    if row.get("id", name) != name:
        item.faults.append(source.fault(("id",), f"Its id is '{name}', by its name; omit this"))
    rows.append(row | {"id": name})
    _note_left(item, source, left, ())


def _gathered(
    item: ObjectFile, source: SourceText, document: Json, members: Collection[str], at: Steps
) -> Json:
    """Move members at the top level that are not the object's own to `configuration`. `at` is the path of the
    object in its file.
    """
    own = {name: value for name, value in document.items() if name in members}
    loose = {name: value for name, value in document.items() if name not in members}
    for name in [] if source.is_json else list(loose):
        near = None if name in BODY_MEMBERS else likely(name, [*members, *BODY_MEMBERS])
        if near:
            item.faults.append(source.fault((*at, name), f"Unknown field: did you mean `{near}`?"))
            del loose[name]
    if own.get("configuration") == []:
        own["configuration"] = {}
    if not loose:
        return own
    if "configuration" in own:
        name = next(iter(loose))
        text = "It is at the top although there is a [configuration]: move it there"
        item.faults.append(source.fault((*at, name), text))
        return own
    if source is item.source:
        item.loosen(at)
    return own | {"configuration": loose}


def _native(source: SourceText, document: Json) -> tuple[Json, list[str]]:
    """Return a configuration without Keboola's further members, with its rows in the order of
    `rowsSortOrder`.
    """
    if not source.is_json or not isinstance(document.get("configuration"), dict | list):
        return document, []
    order, rows = document.get("rowsSortOrder"), document.get("rows")
    if isinstance(order, list) and order and isinstance(rows, list):
        places = {str(name): place for place, name in enumerate(order)}
        document = document | {
            "rows": sorted(rows, key=lambda row: places.get(str(row.get("id")), len(places)))
        }
    return _without_foreign(document, _FOREIGN - {"rows"})


def _without_foreign(document: Json, foreign: set[str]) -> tuple[Json, list[str]]:
    kept = {name: value for name, value in document.items() if name not in foreign}
    left = [name for name, value in document.items() if name in foreign and value not in (None, "", [], {})]
    return kept, left


def _note_left(item: ObjectFile, source: SourceText, left: Sequence[str], at: Steps) -> None:
    if left:
        text = f"{', '.join(left)}: omitted, they have no meaning here"
        item.notes.append(source.fault(at, text))


def _look_at_keys(item: ObjectFile) -> None:
    """Add notes about keys under `configuration` that have no effect."""
    rows = item.body.get("rows")
    parts: list[tuple[Steps, Any]] = [((), item.body)]
    if isinstance(rows, list):
        parts += [(("rows", place), row) for place, row in enumerate(rows) if isinstance(row, dict)]
    for at, part in parts:
        body = part.get("configuration")
        for key, known in kept_keys(body) if isinstance(body, dict) else ():
            path: Steps = (*at, "configuration", *steps_of(key))
            item.notes.append(item.fault(path, f"Unknown; {effect(path, known)}"))
        for steps, text in foreign_values(body):
            item.notes.append(item.fault((*at, "configuration", *steps), text))
