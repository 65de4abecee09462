"""`export`: what is stored as a folder of files that `apply` understands.

A file that says the same already is left as it is, with its comments; one that says something else is written
over only when asked to.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from lockside.cli import exits, exported
from lockside.cli.folder import Folder, read_folder
from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.pool import PoolSpec
from lockside.documents.variables import VariablesSpec
from lockside.errors import LocksideError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import msgspec

    from lockside.cli.exported import Text
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

Json = dict[str, Any]
Key = tuple[str, ...]

BUILT_IN = "lockside."
DRAFT = ".lockside-export.draft"
LONGEST_NAME = 255
_TYPES: dict[str, type[msgspec.Struct]] = {
    "components": Manifest,
    "variables": VariablesSpec,
    "configs": ConfigSpec,
}


class Export:
    """What is to be done to a folder: texts by file, and the files that say something else now."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.texts: dict[str, str] = {}
        self.secret: set[str] = set()
        self.in_the_way: list[str] = []
        self.stale: list[str] = []
        self.unchanged = 0
        self.unstored: list[str] = []

    def write(self) -> None:
        """Write the files, whole or not at all each."""
        for path in self.stale:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for file, text in self.texts.items():
            os.makedirs(os.path.dirname(file), exist_ok=True)
            draft = os.path.join(os.path.dirname(file), f"{DRAFT}-{os.getpid()}")
            with open(draft, "w", encoding="utf-8", newline="", opener=self._opener(file)) as written:
                written.write(text)
            os.replace(draft, file)

    def _opener(self, file: str) -> Callable[[str, int], int]:
        mode = 0o600 if file in self.secret else 0o666
        return lambda path, flags: os.open(path, flags | os.O_EXCL, mode)


def export(session: Session, parsed: Parsed) -> int:
    """Write what is stored into a folder."""
    folder = parsed.required("dir")
    stored = _stored(session, parsed.text("branch"))
    made = plan_export(folder, stored)
    if made.in_the_way and not parsed.flag("force"):
        listed = "\n".join(f"  {file}" for file in made.in_the_way)
        raise LocksideError(
            f"Nothing is written: these files say something else than what is stored:\n{listed}",
            remedy=f"See what differs: lockside apply {folder} --plan. Write over them: --force",
        )
    made.write()
    if session.out.as_json:
        session.out.json({"written": sorted(made.texts), "unchanged": made.unchanged})
        return exits.DONE
    for file in sorted(made.texts):
        session.out.line(session.out.paint("green", f"+ {file}"))
    same = f"{made.unchanged} said the same already" if made.unchanged else ""
    written = f"{len(made.texts)} written" if made.texts else ""
    session.out.line(f"{folder}: {', '.join(filter(None, (written, same))) or 'there is nothing to write'}.")
    _tell(session, made, stored)
    return exits.DONE


def _tell(session: Session, made: Export, stored: dict[str, dict[Key, Json]]) -> None:
    for file in made.unstored:
        session.say_aside(f"warning: {file} is not stored; `lockside apply` would store it")
    if made.texts and any(_has_secrets(body) for bodies in stored.values() for body in bodies.values()):
        session.say_aside("warning: the files contain the values of # keys; keep the folder private")


def _has_secrets(value: Any) -> bool:
    if isinstance(value, dict):
        return any(
            (name.startswith("#") and isinstance(each, str) and each != "") or _has_secrets(each)
            for name, each in value.items()
        )
    return isinstance(value, list) and any(map(_has_secrets, value))


def _stored(session: Session, branch: str | None) -> dict[str, dict[Key, Json]]:
    """Ask for all that can be exported, by kind and key. Pools of the settings are not stored."""
    components = session.call("component.list")["components"]
    return {
        "pools": {(p["id"],): p for p in session.call("pool.list")["pools"] if p["version"] is not None},
        "components": {(c["id"],): c for c in components if c["version"] is not None},
        "variables": {(v["id"],): v for v in session.call("variables.list")["variables"]},
        "configs": {
            (c["component"], c["config"]): c for c in session.call("config.list", branchId=branch)["configs"]
        },
    }


def plan_export(folder: str, stored: dict[str, dict[Key, Json]]) -> Export:
    """Find out which files have to be written; nothing is written yet."""
    found = read_folder(folder) if os.path.isdir(folder) else Folder(folder)
    made = Export(folder)
    _plan_pools(made, found, stored["pools"])
    for kind, type_ in _TYPES.items():
        known = found.kinds.get(kind, {})
        for key, body in sorted(stored[kind].items()):
            item = known.get(key)
            if item is not None and not item.faults and _says(type_, item.body, body):
                made.unchanged += 1
                continue
            _plan_file(made, os.path.join(folder, kind, *key), _text(kind, body, folder), body)
        made.unstored += [item.source.file for key, item in known.items() if key not in stored[kind]]
    return made


def _says(type_: type[msgspec.Struct], file: Json, stored: Json) -> bool:
    return exported.same(type_, file, exported.own_members(type_, stored))


def _text(kind: str, body: Json, folder: str) -> Text:
    match kind:
        case "components":
            return exported.component(body, folder)
        case "variables":
            return exported.variables(body, folder)
        case _:
            return exported.config(body, folder)


def _plan_file(made: Export, base: str, text: Text, body: Json) -> None:
    """Have one file written, in the place of those that stand for the same object."""
    if len(os.fsencode(os.path.basename(base + text.ending))) > LONGEST_NAME:
        raise LocksideError(
            f"Nothing is written: the id {os.path.basename(base)[:60]}… is too long for the name of a file.",
            remedy="Store it under a shorter id, or delete it.",
        )
    if _has_secrets(body):
        made.secret.add(base + text.ending)
    old = [*_existing(base + ".toml"), *_existing(base + ".json"), *_existing(os.path.join(base, "rows"))]
    made.in_the_way += old
    made.stale += [path for path in old if path != base + text.ending]
    made.texts[base + text.ending] = text.text


def _existing(path: str) -> Iterator[str]:
    if os.path.exists(path):
        yield path


def _plan_pools(made: Export, found: Folder, stored: dict[Key, Json]) -> None:
    known = found.kinds.get("pools", {})
    wanted = {key: exported.own_members(PoolSpec, body) for key, body in stored.items()}
    if known.keys() == wanted.keys() and all(
        exported.same(PoolSpec, known[key].body, body) for key, body in wanted.items()
    ):
        made.unchanged += len(wanted)
        return
    base = os.path.join(made.folder, "pools")
    old = [*_existing(base + ".toml"), *_existing(base + ".json")]
    made.in_the_way += old
    made.stale += [path for path in old if path != base + ".toml"]
    made.texts[base + ".toml"] = exported.pools(list(stored.values()))
