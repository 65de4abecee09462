"""Reads a folder of pipeline files into the objects to store, without a daemon.

    DIR/components/<id>.toml
    DIR/configs/<component>/<config>.toml    rows inline, or in <config>/rows/<row>.toml
    DIR/pools.toml                           a table for each pool
    DIR/variables/<id>.toml                  names and values

`lockside.kinds` has the paths of the objects of each kind. Every file may be JSON instead. Kinds without
files in a folder are not managed by it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from lockside.cli.files import object_file
from lockside.cli.files.faults import FileFault
from lockside.cli.files.object_file import ENDINGS, ObjectFile, refuse_irregular, toml_and_json
from lockside.cli.files.parse import FileError, stem
from lockside.cli.session import Json
from lockside.kinds import Kind, with_files

Key = tuple[str, ...]

YAML = (".yaml", ".yml")


class Folder:
    """The contents of a folder: the objects by kind and key, and all faults and notes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.kinds: dict[str, dict[Key, ObjectFile]] = {}
        self.faults: list[FileFault] = []
        self.notes: list[FileFault] = []

    def asked(self) -> Json:
        """Return the parameters of `catalog.apply` for the folder."""
        return {kind: [item.body for item in found.values()] for kind, found in self.kinds.items()}

    def item(self, kind: str, place: int) -> ObjectFile | None:
        """Return the object at an index in these parameters."""
        listed = list(self.kinds.get(kind, {}).values())
        return listed[place] if place < len(listed) else None

    @property
    def count(self) -> int:
        """The number of its objects."""
        return sum(map(len, self.kinds.values()))


def read_folder(path: str) -> Folder:
    """Read a whole folder; faults are collected, so that all can be fixed at once."""
    found = Folder(os.path.normpath(path))
    if not os.path.isdir(path):
        found.faults.append(FileFault(path, "there is no such folder."))
        return found
    for kind in with_files():
        (_read_tables if kind.is_one_file else _read_files)(found, kind)
    _look_for_surprises(found)
    for objects in found.kinds.values():
        for item in objects.values():
            found.faults += item.faults
            found.notes += item.notes
    return found


def _read_tables(found: Folder, kind: Kind) -> None:
    files = [os.path.join(found.path, kind.place + end) for end in ENDINGS]
    for file in filter(os.path.exists, files):
        into = found.kinds.setdefault(kind.plural, {})
        try:
            refuse_irregular(file)
            for item in object_file.tables(kind, file):
                _keep(found, into, kind.key_of(item.body), item)
        except FileError as error:
            found.faults.append(FileFault.of(error))


def _read_files(found: Folder, kind: Kind) -> None:
    root = os.path.join(found.path, kind.place)
    if not os.path.isdir(root):
        return
    into = found.kinds.setdefault(kind.plural, {})
    for file in _files(root, len(kind.key)):
        key = (*os.path.relpath(file, root).split(os.sep)[:-1], stem(file))
        try:
            refuse_irregular(file)
            item = kind.read(kind, file, key)
        except FileError as error:
            found.faults.append(FileFault.of(error))
        else:
            _keep(found, into, key, item)


def _files(folder: str, depth: int) -> list[str]:
    """Return the files at this depth, by name."""
    if depth == 1:
        return toml_and_json(folder)
    inside = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return [file for each in inside if os.path.isdir(each) for file in _files(each, depth - 1)]


def _keep(found: Folder, into: dict[Key, ObjectFile], key: Key, item: ObjectFile) -> None:
    if key in into:
        other = into[key].source.file
        found.faults.append(FileFault(item.source.file, f"{other} has the same id: remove one of them."))
    else:
        into[key] = item


def _look_for_surprises(found: Folder) -> None:
    """Report what would be ignored silently: a misspelt folder is the most likely mistake."""
    from lockside.cli.grammar import suggestion

    files = {kind.place + end for kind in with_files() if kind.is_one_file for end in ENDINGS}
    folders = [kind for kind in with_files() if not kind.is_one_file]
    known = {*(kind.place for kind in folders), "schedules", *files}
    names = set(os.listdir(found.path))
    if not names & known:
        listed = ", ".join(f"{kind.place}/" for kind in sorted(folders, key=lambda kind: kind.place))
        others = " or ".join(kind.files for kind in with_files() if kind.is_one_file)
        found.faults.append(FileFault(found.path, f"there is no {listed} or {others} in it."))
    for name in sorted(names - known):
        hint = suggestion(name, sorted(known))
        if hint:
            found.faults.append(
                FileFault(os.path.join(found.path, name), f"nothing of that name is read.{hint}")
            )
    for file in _documents_of_other_forms(found.path, known):
        text = "it is not read: write it as TOML or JSON, in a file that ends in .toml or .json."
        found.faults.append(FileFault(file, text))
    for kind in folders:
        for file in toml_and_json(os.path.join(found.path, kind.place)) if len(kind.key) > 1 else ():
            place = kind.files.format(**{name: name.upper() for name in kind.key})
            text = f"a {kind.title} belongs to the folder of its {kind.key[0]}: {place}."
            found.faults.append(FileFault(file, text))
    _look_for_lost_rows(found)


def _documents_of_other_forms(root: str, known: Collection[str]) -> Iterator[str]:
    """Yield files that look like objects but are not read: YAML, and suffixes in upper case."""
    for place in sorted(known):
        for folder, _, names in os.walk(os.path.join(root, place)):
            for name in sorted(names):
                ending = os.path.splitext(name)[1]
                is_other = ending in YAML or (ending not in ENDINGS and ending.lower() in ENDINGS)
                if is_other and not name.startswith("."):
                    yield os.path.join(folder, name)


def _look_for_lost_rows(found: Folder) -> None:
    """Report rows whose configuration has no file."""
    folder = os.path.join(found.path, "configs")
    for component in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        inside = os.path.join(folder, component)
        for name in sorted(os.listdir(inside)) if os.path.isdir(inside) else ():
            rows = os.path.join(inside, name, "rows")
            if os.path.isdir(rows) and not any(
                os.path.exists(os.path.join(inside, name + end)) for end in ENDINGS
            ):
                text = f"these rows belong to no configuration: {os.path.join(inside, name)}.toml is missing."
                found.faults.append(FileFault(rows, text))
