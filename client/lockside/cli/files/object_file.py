"""One stored object made of its file or files, and the way back from its fields to their lines.

Configurations are read in `configfiles`. In a component's file, arguments that begin with `./` or `../` and a
relative `cwd` are beside that file; they become whole paths. `.//x` is a literal `./x`.
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
    """One object. `body` is what the daemon is asked to store; `notes` are no faults, but worth a look."""

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
        """Say that it stands below these keys of its file."""
        self._prefix = prefix
        return self

    def fault(self, path: Sequence[str | int], message: str) -> FileFault:
        """Make a fault of a field as the daemon names it; a schema's stranger is in the message alone."""
        stranger = re.search(r"\('([^']+)' was unexpected\)", message)
        source, steps = self._place((*path, stranger[1]) if stranger else tuple(path))
        return source.fault(steps, message)

    def check(self) -> ObjectFile:
        """Find what its type does not allow."""
        found = dict(not_json(self.body))
        for path, text in faults_of(self.body, self.kind):
            found.setdefault(steps_of(path), text)
        self.faults += [self.fault(steps, text) for steps, text in found.items()]
        return self

    def document(self) -> Any:
        """Give the object as its type; it has no faults."""
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
        """Say that a row stands in a file of its own."""
        self._row_sources[place] = source, is_loose

    def loosen(self, at: Steps) -> None:
        """Say that the members of `configuration` stand at the top, or at the top of a row."""
        if at:
            self._loose_rows.add(at[1])
        else:
            self._is_loose = True

    def named(self, names: Iterable[str]) -> ObjectFile:
        """Say that the values stand under their names."""
        self._names = list(names)
        return self


def _loosened(path: Steps, is_loose: bool) -> Steps:
    return path[1:] if is_loose and path[:1] == ("configuration",) and len(path) > 1 else path


def open_source(file: str, text: str | None = None) -> tuple[SourceText, Json]:
    """Read a file, or the text that is to stand in it; raises FileError."""
    text = read_text(file) if text is None else text
    source = SourceText(file, text)
    return source, read_as(text, file, source.is_json)


def tables(kind: Kind, file: str) -> list[ObjectFile]:
    """Make the objects of a shared file: a table for each; raises FileError."""
    source, document = open_source(file)
    return [_identified(kind, source, body, (name,)).below(name).check() for name, body in document.items()]


def plain(kind: Kind, file: str, key: Sequence[str], text: str | None = None) -> ObjectFile:
    """Make an object whose file has its document, but for the key; raises FileError."""
    source, document = open_source(file, text)
    return _identified(kind, source, document, key).check()


def component(kind: Kind, file: str, key: Sequence[str], text: str | None = None) -> ObjectFile:
    """Make a component of its file; raises FileError."""
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
    """Make a set of variables of its file: names and values; raises FileError."""
    source, document = open_source(file, text)
    values = document.get("values", document)
    if isinstance(values, dict):
        listed = [{"name": name, "value": value} for name, value in values.items()]
        item = _identified(kind, source, {"values": listed}, key).named(values)
    else:
        item = _identified(kind, source, document, key)
    return item.check()


def _identified(kind: Kind, source: SourceText, body: Any, key: Sequence[str]) -> ObjectFile:
    """Make an object whose key is the name under which it stands."""
    named = dict(zip(kind.key, key, strict=True))
    if not isinstance(body, dict):
        item = ObjectFile(kind.document, named, source)
        item.faults.append(source.fault(key, "It must be a table"))
        return item
    item = ObjectFile(kind.document, body | named, source)
    for name, value in named.items():
        if body.get(name, value) != value:
            item.faults.append(source.fault((name,), f"Its {name} is '{value}', by its name; leave this out"))
    return item


def with_absolute_paths(folder: str, body: Json) -> Json:
    """Give the members of a manifest that name files beside it, with whole paths."""
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
    """Refuse what stands in a folder and is no file, such as a pipe, which would be waited for.

    Raises FileError.
    """
    if os.path.exists(file) and not os.path.isfile(file):
        raise FileError(file, "it is not a regular file: move it out of this folder.")


def toml_and_json(folder: str) -> list[str]:
    """List the files of a folder that are read, by name; none without the folder."""
    if not os.path.isdir(folder):
        return []
    return [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name.endswith(ENDINGS) and not name.startswith(".")
    ]
