"""`export`: writes stored objects to a folder of files for `apply`. A file with equal contents is left
unchanged, with its comments; a file that differs is overwritten only on request.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

from lockside.cli import exits
from lockside.cli.catalog import file_text
from lockside.cli.catalog.file_text import Text
from lockside.cli.files.folder import Folder, read_folder
from lockside.cli.files.object_file import ObjectFile
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session
from lockside.documents.secrets import HIDDEN, replaced
from lockside.errors import LocksideError
from lockside.kinds import Kind, with_files

Json = dict[str, Any]
Key = tuple[str, ...]

DRAFT = ".lockside-export.draft"
LONGEST_NAME = 255


class Export:
    """The changes of a folder: texts by file, and the existing files that differ."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.in_the_way: list[str] = []
        self.stale: list[str] = []
        self.unchanged = 0
        self.unstored: list[str] = []

    def write(self) -> None:
        """Write the files, each atomically."""
        for path in self.stale:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for file, text in self.texts.items():
            os.makedirs(os.path.dirname(file), exist_ok=True)
            draft = os.path.join(os.path.dirname(file), f"{DRAFT}-{os.getpid()}")
            with open(draft, "x", encoding="utf-8", newline="") as written:
                written.write(text)
            os.replace(draft, file)


def export(session: Session, parsed: Parsed) -> int:
    folder = parsed.required("dir")
    stored = _stored(session, parsed.text("branch"))
    made = plan_export(folder, stored)
    if made.in_the_way and not parsed.flag("force"):
        listed = "\n".join(f"  {file}" for file in made.in_the_way)
        raise LocksideError(
            f"Nothing is written: these files differ from what is stored:\n{listed}",
            remedy=f"See the differences: lockside apply {folder} --plan. Overwrite them: --force",
        )
    made.write()
    if session.out.is_given({"written": sorted(made.texts), "unchanged": made.unchanged}):
        return exits.DONE
    for file in sorted(made.texts):
        session.out.line(session.out.paint("green", f"+ {file}"))
    same = f"{made.unchanged} unchanged" if made.unchanged else ""
    written = f"{len(made.texts)} written" if made.texts else ""
    session.out.line(f"{folder}: {', '.join(filter(None, (written, same))) or 'there is nothing to write'}.")
    _print_warnings(session, made, stored)
    return exits.DONE


def _print_warnings(session: Session, made: Export, stored: dict[str, dict[Key, Json]]) -> None:
    for file in made.unstored:
        session.say_aside(f"warning: {file} is not stored; `lockside apply` would store it")
    if made.texts and any(_has_hidden(body) for bodies in stored.values() for body in bodies.values()):
        text = f"values that you may not see are {HIDDEN} in the files; `lockside apply` refuses these"
        session.say_aside(f"warning: {text}")


def _has_hidden(body: Json) -> bool:
    found: list[Any] = []
    replaced(body, lambda secret: found.append(secret.value))
    return HIDDEN in found


def _stored(session: Session, branch: str | None) -> dict[str, dict[Key, Json]]:
    """Return all objects that can be exported, by kind and key. Pools of the settings are not stored."""
    return {kind.plural: _stored_of(session, kind, branch) for kind in with_files()}


def _stored_of(session: Session, kind: Kind, branch: str | None) -> dict[Key, Json]:
    where = {"branchId": branch} if kind.in_branch else {}
    listed = session.call(f"{kind.methods}.list", **where)[kind.listed]
    return {kind.key_of(one): one for one in listed if one["version"] is not None}


def plan_export(folder: str, stored: dict[str, dict[Key, Json]]) -> Export:
    """Determine which files must be written, without writing them."""
    found = read_folder(folder) if os.path.isdir(folder) else Folder(folder)
    made = Export(folder)
    for kind in with_files():
        (_plan_tables if kind.is_one_file else _plan_files)(
            made, kind, found.kinds.get(kind.plural, {}), stored[kind.plural]
        )
    return made


def _plan_files(made: Export, kind: Kind, known: dict[Key, ObjectFile], stored: dict[Key, Json]) -> None:
    for key, body in sorted(stored.items()):
        item = known.get(key)
        if item is not None and not item.faults and _is_equal(kind, item, body):
            made.unchanged += 1
        else:
            text = kind.write(kind, body, made.folder)
            _plan_file(made, os.path.join(made.folder, kind.place, *key), text, body)
    made.unstored += [item.source.file for key, item in known.items() if key not in stored]


def _is_equal(kind: Kind, item: ObjectFile, stored: Json) -> bool:
    return file_text.same(kind.document, item.body, file_text.own_members(kind.document, stored))


def _plan_file(made: Export, base: str, text: Text, body: Json) -> None:
    """Plan to write one file, which replaces other files of the same object."""
    if len(os.fsencode(os.path.basename(base + text.ending))) > LONGEST_NAME:
        raise LocksideError(
            f"Nothing is written: the id {os.path.basename(base)[:60]}… is too long for the name of a file.",
            remedy="Store it under a shorter id, or delete it.",
        )
    old = [*_existing(base + ".toml"), *_existing(base + ".json"), *_existing(os.path.join(base, "rows"))]
    made.in_the_way += old
    made.stale += [path for path in old if path != base + text.ending]
    made.texts[base + text.ending] = text.text


def _existing(path: str) -> Iterator[str]:
    if os.path.exists(path):
        yield path


def _plan_tables(made: Export, kind: Kind, known: dict[Key, ObjectFile], stored: dict[Key, Json]) -> None:
    if known.keys() == stored.keys() and all(
        _is_equal(kind, known[key], body) for key, body in stored.items()
    ):
        made.unchanged += bool(stored)
        return
    base = os.path.join(made.folder, kind.place)
    old = [*_existing(base + ".toml"), *_existing(base + ".json")]
    made.in_the_way += old
    made.stale += [path for path in old if path != base + ".toml"]
    made.texts[base + ".toml"] = file_text.tables(kind, list(stored.values()), made.folder)
