"""The operations `create` and `clone`: new tables, empty or with the content of another."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from locksided.steps.durable import sync, sync_all
from locksided.steps.lake import deltalog, types
from locksided.steps.program import UserFault, say
from locksided.tables.orders import Column, Commit, Definition, TableOrder


def create(order: Mapping[str, Any]) -> dict[str, Any]:
    """Stage the first version of an empty table."""
    table = _new_table(order)
    given = order["parameters"]["tables"][0]["definition"]
    columns = [_checked(msgspec.convert(column, Column)) for column in given["columns"]]
    key = list(dict.fromkeys(given.get("primaryKey", [])))
    definition = Definition(columns=columns, primary_key=key, uuid=str(uuid.uuid4()))
    folder = Path(order["root"]) / table.folder
    deltalog.make_folders(folder, table)
    return _done(_commit(order, table, definition, "CREATE TABLE", {}))


def clone(order: Mapping[str, Any]) -> dict[str, Any]:
    """Stage the first version of a table with the files of a version of another table."""
    table = _new_table(order)
    (source,) = msgspec.convert(order["sources"], list[TableOrder], strict=False)
    folder, origin = Path(order["root"]) / table.folder, Path(order["root"]) / source.folder
    files = deltalog.read_whole(origin, source)
    deltalog.make_folders(folder, table)
    take_files(origin, folder, files.adds, source)
    known = files.definition(source.definition or Definition(columns=[]))
    definition = msgspec.structs.replace(known, description=None, uuid=str(uuid.uuid4()))
    read = {"id": source.id, "branchId": source.branch, "version": source.version}
    return _done(_commit(order, table, definition, "CLONE", files.adds)) | {
        "result": {"input": {"tables": [read], "files": []}}
    }


def begun(table: TableOrder, begins: TableOrder) -> TableOrder:
    """Return a new table of a branch that starts with the content of another."""
    say(f'Table "{table.id}" starts with the content of branch "{begins.branch}".')
    known = begins.definition
    return msgspec.structs.replace(
        table,
        definition=None if known is None else msgspec.structs.replace(known, uuid=str(uuid.uuid4())),
        rows_count=begins.rows_count,
        imported_us=begins.imported_us,
    )


def begun_with(order: Mapping[str, Any], table: TableOrder, folder: Path) -> deltalog.Files | None:
    """Link the files of the table that the new one starts with, and return them."""
    if table.begins is None:
        return None
    origin = Path(order["root"]) / table.begins.folder
    files = deltalog.read_whole(origin, table.begins)
    take_files(origin, folder, files.adds, table.begins)
    return files


def take_files(origin: Path, folder: Path, names: Iterable[str], table: TableOrder) -> None:
    """Link files of a table into another's folder; copy those that cannot be linked."""
    taken = []
    for name in names:
        with suppress(FileExistsError):
            try:
                os.link(origin / name, folder / name)
            except FileNotFoundError:
                raise UserFault(f'Version {table.version} of table "{table.id}" is no longer kept.') from None
            except OSError:
                _copy(origin / name, folder / name, table)
                taken.append(folder / name)
    sync_all(taken)
    sync(folder)


def _copy(origin: Path, target: Path, table: TableOrder) -> None:
    try:
        shutil.copyfile(origin, target, follow_symlinks=False)
    except PermissionError:
        raise UserFault(f'Not allowed to read table "{table.id}".') from None


def _new_table(order: Mapping[str, Any]) -> TableOrder:
    """Return the table to create. Raises UserFault if it exists."""
    (table,) = msgspec.convert(order["tables"], list[TableOrder], strict=False)
    if table.version is not None:
        raise UserFault(f'Table "{table.id}" exists already.')
    return table


def _checked(column: Column) -> Column:
    kind, length = types.checked(column.type, column.length)
    return msgspec.structs.replace(column, type=kind, length=length)


def _commit(
    order: Mapping[str, Any],
    table: TableOrder,
    definition: Definition,
    operation: str,
    adds: Mapping[str, Mapping[str, Any]],
) -> Commit:
    folder = Path(order["root"]) / table.folder
    time_us: int = order["timeUs"]
    count = sum(int(json.loads(add["stats"])["numRecords"]) for add in adds.values())
    counts = {"rowsInserted": count, "rowsCount": count}
    actions = [
        *deltalog.commit_actions(order, table, time_us, operation, metrics=counts),
        deltalog.metadata_action(definition, time_us),
        *({"add": dict(add)} for add in adds.values()),
    ]
    return Commit(
        key=table.key,
        version=0,
        staged=deltalog.stage(folder, 0, actions),
        operation=operation,
        definition=definition,
        rows_count=count,
        size_bytes=sum(int(add["size"]) for add in adds.values()),
        time_us=time_us,
        counts=counts,
    )


def _done(commit: Commit) -> dict[str, Any]:
    return {"message": "", "result": {}, "commits": [msgspec.to_builtins(commit)]}
