"""Reads one stored object from its file or files, and maps its fields to their lines. Configurations are read
in `config_file`. In a component's file, arguments that begin with `./` or `../` and a relative `cwd` are
relative to that file; they become absolute paths. `.//x` is a literal `./x`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from lockside.cli.files.faults import FileFault, SourceText
from lockside.cli.files.parse import FileError, read_as, read_text
from lockside.documents.paths import Steps, not_json, steps_of
from lockside.documents.reading import convert, faults_of
from lockside.kinds import Kind

Json = dict[str, Any]

ENDINGS = (".toml", ".json")


class ObjectFile:
    """One object. `body` is the document to store; `notes` are warnings."""

    def __init__(self, kind: type[msgspec.Struct], body: Json, source: SourceText) -> None:
        self.kind = kind
        self.body = body
        self.source = source
        self.faults: list[FileFault] = []
        self.notes: list[FileFault] = []
        self._prefix: Steps = ()
        self._is_loose = False
        self._row_sources: dict[int, tuple[SourceText, bool]] = {}
        self._loose_rows: set[str | int] = set()
        self._names: list[str] | None = None

    def below(self, *prefix: str) -> ObjectFile:
        """Record that the object is below these keys of its file."""
        self._prefix = prefix
        return self

    def fault(self, path: Sequence[str | int], message: str) -> FileFault:
        """Create a fault of a field by the daemon's path; a schema's unknown key is only in the message."""
        stranger = re.search(r"\('([^']+)' was unexpected\)", message)
        source, steps = self._place((*path, stranger[1]) if stranger else tuple(path))
        return source.fault(steps, message)

    def check(self) -> ObjectFile:
        """Add the faults that its type finds."""
        found = dict(not_json(self.body))
        for path, text in faults_of(self.body, self.kind):
            found.setdefault(steps_of(path), text)
        self.faults += [self.fault(steps, text) for steps, text in found.items()]
        return self

    def document(self) -> Any:
        """Return the object as its type; it must have no faults."""
        return convert(self.body, self.kind)

    def _place(self, path: Steps) -> tuple[SourceText, Steps]:
        if len(path) > 1 and path[0] == "rows" and path[1] in self._row_sources:
            source, is_loose = self._row_sources[int(path[1])]
            return source, _loosened(path[2:], is_loose)
        if len(path) > 1 and path[0] == "rows":
            return self.source, (*path[:2], *_loosened(path[2:], path[1] in self._loose_rows))
        if self._names is not None and len(path) > 1 and path[0] == "values":
            name = self._names[int(path[1])]
            return self.source, (name,)
        return self.source, (*self._prefix, *_loosened(path, self._is_loose))

    def row_from(self, place: int, source: SourceText, is_loose: bool) -> None:
        """Record that a row has its own file."""
        self._row_sources[place] = source, is_loose

    def loosen(self, at: Steps) -> None:
        """Record that the members of `configuration` are at the top level, or at that of a row."""
        if at:
            self._loose_rows.add(at[1])
        else:
            self._is_loose = True

    def named(self, names: Iterable[str]) -> ObjectFile:
        """Record that the values are under their names."""
        self._names = list(names)
        return self


def _loosened(path: Steps, is_loose: bool) -> Steps:
    return path[1:] if is_loose and path[:1] == ("configuration",) and len(path) > 1 else path


def open_source(file: str, text: str | None = None) -> tuple[SourceText, Json]:
    """Read a file, or its future text; raises FileError."""
    text = read_text(file) if text is None else text
    source = SourceText(file, text)
    return source, read_as(text, file, source.is_json)


def tables(kind: Kind, file: str) -> list[ObjectFile]:
    """Read the objects of a shared file: a table for each; raises FileError."""
    source, document = open_source(file)
    return [_identified(kind, source, body, (name,)).below(name).check() for name, body in document.items()]


def plain(kind: Kind, file: str, key: Sequence[str], text: str | None = None) -> ObjectFile:
    """Read an object whose file has its document without the key; raises FileError."""
    source, document = open_source(file, text)
    return _identified(kind, source, document, key).check()


def component(kind: Kind, file: str, key: Sequence[str], text: str | None = None) -> ObjectFile:
    """Read a component from its file; raises FileError."""
    source, document = open_source(file, text)
    folder = os.path.dirname(os.path.abspath(file))
    made = dict(document) | with_absolute_paths(folder, document)
    if isinstance(made.get("tags"), dict):
        made["tags"] = {
            tag: body | with_absolute_paths(folder, body) if isinstance(body, dict) else body
            for tag, body in made["tags"].items()
        }
    return _identified(kind, source, made, key).check()


def variables(kind: Kind, file: str, key: Sequence[str], text: str | None = None) -> ObjectFile:
    """Read a set of variables from its file: names and values; raises FileError."""
    source, document = open_source(file, text)
    values = document.get("values", document)
    if isinstance(values, dict):
        listed = [{"name": name, "value": value} for name, value in values.items()]
        item = _identified(kind, source, {"values": listed}, key).named(values)
    else:
        item = _identified(kind, source, document, key)
    return item.check()


def _identified(kind: Kind, source: SourceText, body: Any, key: Sequence[str]) -> ObjectFile:
    """Create an object whose key is the name of its file or table."""
    named = dict(zip(kind.key, key, strict=True))
    if not isinstance(body, dict):
        item = ObjectFile(kind.document, named, source)
        item.faults.append(source.fault(key, "It must be a table"))
        return item
    item = ObjectFile(kind.document, body | named, source)
    for name, value in named.items():
        if body.get(name, value) != value:
            item.faults.append(source.fault((name,), f"Its {name} is '{value}', by its name; omit this"))
    return item


def with_absolute_paths(folder: str, body: Json) -> Json:
    """Return the members of a manifest with file paths, made absolute."""
    made: Json = {}
    if isinstance(body.get("command"), list):
        made["command"] = [_whole(folder, each) for each in body["command"]]
    if isinstance(body.get("pipeline"), list):
        made["pipeline"] = [
            [_whole(folder, each) for each in stage] if isinstance(stage, list) else stage
            for stage in body["pipeline"]
        ]
    cwd = body.get("cwd")
    if isinstance(cwd, str) and not cwd.startswith("{"):
        made["cwd"] = os.path.normpath(os.path.join(folder, cwd))
    return made


def _whole(folder: str, argument: Any) -> Any:
    if not isinstance(argument, str) or not argument.startswith(("./", "../")):
        return argument
    if argument.startswith((".//", "..//")):
        return argument.replace("//", "/", 1)
    return os.path.normpath(os.path.join(folder, argument))


def refuse_irregular(file: str) -> None:
    """Raise FileError for entries that are not regular files, such as a pipe, which would block."""
    if os.path.exists(file) and not os.path.isfile(file):
        raise FileError(file, "it is not a regular file: move it out of this folder.")


def toml_and_json(folder: str) -> list[str]:
    """Return the TOML and JSON files of a folder, by name; empty without the folder."""
    if not os.path.isdir(folder):
        return []
    return [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name.endswith(ENDINGS) and not name.startswith(".")
    ]
