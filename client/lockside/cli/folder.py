"""A folder of pipeline files, read into what the daemon would be asked to store. It asks no daemon.

    DIR/components/<id>.toml
    DIR/configs/<component>/<config>.toml    rows inline, or in <config>/rows/<row>.toml
    DIR/pools.toml                           a table for each pool
    DIR/variables/<id>.toml                  names and values

Every file may be JSON instead. What of these a folder does not have it does not manage.
"""

from __future__ import annotations

import os

from lockside.cli import configfiles, items
from lockside.cli.faults import Fault
from lockside.cli.files import FileError, stem
from lockside.cli.items import ENDINGS, Item, toml_and_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Json = dict[str, Any]
    Key = tuple[str, ...]

KINDS = {
    "pools": "pool",
    "components": "component",
    "variables": "set of variables",
    "configs": "configuration",
}


class Folder:
    """What a folder asks for: of each kind that it manages the objects by key; and all faults and notes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.kinds: dict[str, dict[Key, Item]] = {}
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []

    def asked(self) -> Json:
        """Give the parameters of `catalog.apply` that it stands for."""
        return {kind: [item.body for item in found.values()] for kind, found in self.kinds.items()}

    def item(self, kind: str, place: int) -> Item | None:
        """Give the object at a place of what was asked."""
        listed = list(self.kinds.get(kind, {}).values())
        return listed[place] if place < len(listed) else None

    @property
    def count(self) -> int:
        """How many objects it has."""
        return sum(map(len, self.kinds.values()))


def read_folder(path: str) -> Folder:
    """Read a whole folder; faults are collected, so that all can be mended at once."""
    found = Folder(os.path.normpath(path))
    if not os.path.isdir(path):
        found.faults.append(Fault(path, "there is no such folder."))
        return found
    _read_pools(found)
    _read_files(found, "components", lambda file: ((stem(file),), items.component(file)))
    _read_files(found, "variables", lambda file: ((stem(file),), items.variables(file)))
    _read_files(found, "configs", _config, _config_files(os.path.join(found.path, "configs")))
    _look_for_surprises(found)
    for kind in found.kinds.values():
        for item in kind.values():
            found.faults += item.faults
            found.notes += item.notes
    return found


def _read_pools(found: Folder) -> None:
    files = [os.path.join(found.path, "pools" + end) for end in ENDINGS]
    for file in filter(os.path.exists, files):
        into = found.kinds.setdefault("pools", {})
        try:
            for item in items.pools(file):
                _keep(found, into, (item.body["id"],), item)
        except FileError as error:
            found.faults.append(Fault.of(error))


def _read_files(
    found: Folder, kind: str, read: Callable[[str], tuple[Key, Item]], files: Iterable[str] | None = None
) -> None:
    folder = os.path.join(found.path, kind)
    if not os.path.isdir(folder):
        return
    into = found.kinds.setdefault(kind, {})
    for file in toml_and_json(folder) if files is None else files:
        try:
            key, item = read(file)
        except FileError as error:
            found.faults.append(Fault.of(error))
        else:
            _keep(found, into, key, item)


def _keep(found: Folder, into: dict[Key, Item], key: Key, item: Item) -> None:
    if key in into:
        other = into[key].source.file
        found.faults.append(Fault(item.source.file, f"{other} has the same id: remove one of them."))
    else:
        into[key] = item


def _config(file: str) -> tuple[Key, Item]:
    component, name = os.path.basename(os.path.dirname(file)), stem(file)
    return (component, name), configfiles.config(file, component, name)


def _config_files(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return [file for name in sorted(os.listdir(folder)) for file in toml_and_json(os.path.join(folder, name))]


def _look_for_surprises(found: Folder) -> None:
    """Name what would be passed over in silence: a misspelt folder is the likeliest mistake."""
    from lockside.cli.grammar import suggestion

    known = {*KINDS, "schedules", "pools.toml", "pools.json"} - {"pools"}
    names = set(os.listdir(found.path))
    if not names & known:
        text = "there is no components/, configs/, variables/ or pools.toml in it."
        found.faults.append(Fault(found.path, text))
    for name in sorted(names - known):
        hint = suggestion(name, sorted(known))
        if hint:
            found.faults.append(Fault(os.path.join(found.path, name), f"nothing of that name is read.{hint}"))
    for name in ("configs",) if "configs" in names else ():
        for file in toml_and_json(os.path.join(found.path, name)):
            text = "a configuration stands in the folder of its component: configs/COMPONENT/CONFIG.toml."
            found.faults.append(Fault(file, text))
    _look_for_lost_rows(found)


def _look_for_lost_rows(found: Folder) -> None:
    """Name rows whose configuration has no file."""
    folder = os.path.join(found.path, "configs")
    for component in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        inside = os.path.join(folder, component)
        for name in sorted(os.listdir(inside)) if os.path.isdir(inside) else ():
            rows = os.path.join(inside, name, "rows")
            if os.path.isdir(rows) and not any(
                os.path.exists(os.path.join(inside, name + end)) for end in ENDINGS
            ):
                text = f"these rows belong to no configuration: {os.path.join(inside, name)}.toml is missing."
                found.faults.append(Fault(rows, text))
