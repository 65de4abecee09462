"""A folder of pipeline files, read into what the daemon would be asked to store. It asks no daemon.

    DIR/components/<id>.toml
    DIR/configs/<component>/<config>.toml    rows inline, or in <config>/rows/<row>.toml
    DIR/pools.toml                           a table for each pool
    DIR/variables/<id>.toml                  names and values

Every file may be JSON instead. In a configuration's file the members of `configuration` (parameters, storage,
processors, runtime, variables ...) may stand at the top. In a component's file, arguments that begin with
`./` or `../` and a relative `cwd` are beside that file; they are stored as whole paths.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from lockside.cli.files import FileError, read_document, stem
from lockside.protocol.params import ConfigPut
from lockside.protocol.types import Manifest, PoolSpec, Row, VariablesSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

_CONFIG_MEMBERS = {field.encode_name for field in msgspec.structs.fields(ConfigPut)}
_ROW_MEMBERS = {field.encode_name for field in msgspec.structs.fields(Row)}
_ENDINGS = (".toml", ".json")


class Folder:
    """What a folder asks for, by kind and id, and every fault found in its files."""

    def __init__(self) -> None:
        self.pools: dict[str, Json] = {}
        self.components: dict[str, Json] = {}
        self.configs: dict[tuple[str, str], Json] = {}
        self.variables: dict[str, Json] = {}
        self.faults: list[str] = []


def read_folder(path: str) -> Folder:
    """Read a whole folder; faults are collected, so that all can be mended at once."""
    found = Folder()
    if not os.path.isdir(path):
        found.faults.append(f"{path}: there is no such folder.")
        return found
    _keep(found, found.pools, _pools_file(path), _pools)
    for file in _files(os.path.join(path, "components")):
        _keep(
            found,
            found.components,
            file,
            lambda file: _one(stem(file), component_from(file, read_document(file))),
        )
    for file in _files(os.path.join(path, "variables")):
        _keep(found, found.variables, file, lambda file: _one(stem(file), _variables(file)))
    for file in _config_files(os.path.join(path, "configs")):
        _keep(found, found.configs, file, _config)
    _look_for_surprises(found, path)
    return found


def _keep(
    found: Folder, into: dict[Any, Json], file: str | None, read: Callable[[str], dict[Any, Json]]
) -> None:
    if file is None:
        return
    try:
        made = read(file)
    except FileError as error:
        found.faults.append(str(error))
        return
    for name in made:
        if name in into:
            found.faults.append(f"{file}: another file has the same id already.")
    into.update(made)


def _one(name: str, made: Json) -> dict[str, Json]:
    return {name: made}


def _files(folder: str) -> Iterator[str]:
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            if name.endswith(_ENDINGS):
                yield os.path.join(folder, name)


def _config_files(folder: str) -> Iterator[str]:
    if os.path.isdir(folder):
        for component in sorted(os.listdir(folder)):
            yield from _files(os.path.join(folder, component))


def _pools_file(path: str) -> str | None:
    return next(
        (file for file in (os.path.join(path, "pools" + end) for end in _ENDINGS) if os.path.exists(file)),
        None,
    )


def _look_for_surprises(found: Folder, path: str) -> None:
    """Name what would be passed over in silence: a misspelt folder is the likeliest mistake."""
    known = {"components", "configs", "variables", "schedules", "pools.toml", "pools.json"}
    names = set(os.listdir(path))
    if not names & known:
        found.faults.append(f"{path}: there is no components/, configs/, variables/ or pools.toml in it.")
    for name in sorted(names - known):
        from lockside.cli.grammar import suggestion

        hint = suggestion(name, sorted(known))
        if hint:
            found.faults.append(f"{os.path.join(path, name)}: nothing of that name is read.{hint}")


def _pools(file: str) -> dict[str, Json]:
    return {name: _checked(file, body, name, PoolSpec) for name, body in read_document(file).items()}


def _variables(file: str) -> Json:
    document = read_document(file)
    values = document.get("values", document)
    if isinstance(values, dict):
        values = [{"name": name, "value": value} for name, value in values.items()]
    return _checked(file, {"values": values}, stem(file), VariablesSpec)


def component_from(file: str, document: Json) -> Json:
    """Make a component of a file's content; raises FileError."""
    folder = os.path.dirname(os.path.abspath(file))
    made = dict(document)
    if isinstance(made.get("command"), list):
        made["command"] = _beside(folder, made["command"])
    if isinstance(made.get("pipeline"), list):
        made["pipeline"] = [
            _beside(folder, stage) if isinstance(stage, list) else stage for stage in made["pipeline"]
        ]
    if isinstance(made.get("cwd"), str):
        made["cwd"] = os.path.normpath(os.path.join(folder, made["cwd"]))
    return _checked(file, made, stem(file), Manifest)


def _beside(folder: str, arguments: list[Any]) -> list[Any]:
    return [
        os.path.normpath(os.path.join(folder, each))
        if isinstance(each, str) and each.startswith(("./", "../"))
        else each
        for each in arguments
    ]


def _checked(file: str, body: Any, name: str, kind: type[msgspec.Struct]) -> Json:
    """Check an object against its type; its id is the name it stands under."""
    if not isinstance(body, dict):
        raise FileError(f"{file}: '{name}' must be a table.")
    if body.get("id", name) != name:
        raise FileError(f"{file}: its id is '{name}', by its name; the file says '{body['id']}'.")
    made = body | {"id": name}
    _convert(file, made, kind)
    return made


def _convert(file: str, body: Json, kind: type[msgspec.Struct]) -> None:
    try:
        msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        message, at, path = str(error).partition(" - at `$")
        where = f" (at {path.strip('`.')})" if at and path.strip("`.") else ""
        raise FileError(f"{file}: {message}{where}.") from error


def _config(file: str) -> dict[tuple[str, str], Json]:
    component, name = os.path.basename(os.path.dirname(file)), stem(file)
    made = config_from(file, read_document(file), component, name)
    return {(component, name): made | {"component": component, "config": name}}


def config_from(file: str, document: Json, component: str, name: str) -> Json:
    """Make a configuration of a file's content and the rows beside it; raises FileError."""
    made = _gathered(file, document, _CONFIG_MEMBERS)
    rows = [_gathered(file, row, _ROW_MEMBERS) for row in made.get("rows") or [] if isinstance(row, dict)]
    for row_file in _files(os.path.join(os.path.splitext(file)[0], "rows")):
        row = _gathered(row_file, read_document(row_file), _ROW_MEMBERS)
        rows.append(_checked(row_file, row, stem(row_file), Row))
    if rows:
        made["rows"] = rows
    _convert(file, made | {"component": component, "config": name}, ConfigPut)
    return made


def _gathered(file: str, document: Json, members: set[str]) -> Json:
    """Put what stands at the top and is no member of the object itself under `configuration`."""
    own = {name: value for name, value in document.items() if name in members}
    loose = {name: value for name, value in document.items() if name not in members}
    if not loose:
        return own
    if "configuration" in own:
        raise FileError(
            f"{file}: '{next(iter(loose))}' stands at the top although there is a [configuration]."
        )
    return own | {"configuration": loose}
