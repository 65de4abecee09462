"""The operation `adopt`: log entries unknown to the database become versions like any others.

Another program wrote them, or an older database was restored, or the table comes from another lake.
"""

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from locksided.steps.lake import checkpoints, deltalog
from locksided.steps.lake.deltalog import Files
from locksided.steps.lake.engine import connect, names, one
from locksided.steps.lake.loading import Target, existing_rows
from locksided.steps.program import UserFault, say
from locksided.tables.names import version_of_entry
from locksided.tables.orders import ADOPT, Adopted, Commit, Definition, TableOrder

HIGHEST_PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}
UNKNOWN_ACTIONS = frozenset({"cdc", "domainMetadata", "sidecar", "checkpointMetadata"})


def adopt(order: Mapping[str, Any]) -> dict[str, Any]:
    """Adopt all entries above the head of one table; all entries of a table unknown to the database.

    Raises UserFault if the table uses a feature that lockside cannot write.
    """
    (table,) = msgspec.convert(order["tables"], list[TableOrder], strict=False)
    folder = Path(order["root"]) / table.folder
    entries = _all_entries(folder, table) if table.version is None else foreign_entries(folder, table)
    try:
        files = _files_after(folder, table, entries)
        _refuse_files(folder, files)
        definition = _definition(table.definition, files)
    except UserFault as fault:
        raise UserFault(f'Table "{table.id}" cannot be adopted: {fault}') from None
    target = Target(
        order=table, folder=folder, files=files, columns=definition.columns, key=[], time_us=order["timeUs"]
    )
    with connect(order) as connection:
        count = one(connection, f"SELECT count(*) FROM {existing_rows(connection, target)}")
        definition = _without_violated_key(connection, target, definition)
    commit = Commit(
        key=table.key,
        version=entries[-1][0],
        operation=ADOPT,
        definition=definition,
        rows_count=count,
        size_bytes=files.size_bytes,
        time_us=max(order["timeUs"], table.imported_us + 1),
        adopted=adopted(entries, count, order["lakeId"]),
    )
    message = f"{len(entries)} versions were adopted."
    return {"message": message, "result": {}, "commits": [msgspec.to_builtins(commit)]}


Entries = list[tuple[int, list[dict[str, Any]]]]


def foreign_entries(folder: Path, table: TableOrder) -> Entries:
    """Return the entries above the head, in order and without a gap. Raises UserFault if there are none."""
    head = -1 if table.version is None else table.version
    versions = [version for version in _versions(folder) if version > head]
    if not versions or versions != list(range(head + 1, head + 1 + len(versions))):
        raise UserFault(f'Table "{table.id}" has no entries of another program after version {head}.')
    return _read(folder, table, versions)


def _all_entries(folder: Path, table: TableOrder) -> Entries:
    """Return all entries from the first readable version. Raises UserFault if one is missing."""
    try:
        versions = _versions(folder)
    except FileNotFoundError:
        raise UserFault(f'There is no table "{table.id}".') from None
    first = 0 if 0 in versions else checkpoints.oldest(folder / deltalog.LOG)
    versions = [version for version in versions if first is not None and version >= first]
    if not versions or versions != list(range(versions[0], versions[0] + len(versions))):
        raise UserFault(f'Table "{table.id}" cannot be adopted: its log is incomplete.')
    return _read(folder, table, versions)


def _versions(folder: Path) -> list[int]:
    found = (version_of_entry(name) for name in os.listdir(folder / deltalog.LOG))
    return sorted(version for version in found if version is not None)


def _read(folder: Path, table: TableOrder, versions: Sequence[int]) -> Entries:
    bare = msgspec.structs.replace(table, staged={})
    return [(version, deltalog.entry(folder, bare, version)) for version in versions]


def _files_after(folder: Path, table: TableOrder, entries: Entries) -> Files:
    """Return the files of the last version. Raises UserFault if an entry has unsupported actions."""
    for _, actions in entries:
        _refuse_unknown(actions)
    if table.version is None:
        return deltalog.read(folder, msgspec.structs.replace(table, version=entries[-1][0]))
    files = deltalog.read(folder, table)
    for _, actions in entries:
        files.take(actions)
    return files


def _refuse_unknown(actions: Sequence[Mapping[str, Any]]) -> None:
    for action in actions:
        for kind, content in action.items():
            if kind in UNKNOWN_ACTIONS:
                raise UserFault(f"it has actions of the kind {kind}.")
            if kind == "protocol" and any(content[name] > most for name, most in HIGHEST_PROTOCOL.items()):
                raise UserFault("it requires more than reader version 1 and writer version 2.")
            if kind == "metaData" and content.get("partitionColumns"):
                raise UserFault("it is partitioned.")
            if kind == "add" and content.get("deletionVector"):
                raise UserFault("it has deletion vectors.")


def _refuse_files(folder: Path, files: Files) -> None:
    for path, add in files.adds.items():
        file = folder / path
        if "/" in path or file.is_symlink() or not file.is_file() or file.stat().st_size != add["size"]:
            raise UserFault(f"its file {path} is not in its folder, or incomplete.")
        if "numRecords" not in json.loads(add.get("stats") or "{}"):
            raise UserFault(f"its file {path} has no statistics.")


def _definition(known: Definition | None, files: Files) -> Definition:
    if known is None:
        known = Definition(columns=[], uuid=str(files.metadata.get("id") or uuid.uuid4()))
    key = files.primary_key() or known.primary_key
    try:
        columns = files.columns()
    except StopIteration:
        raise UserFault("it has a column of an unsupported type.") from None
    kept = {column.name: column for column in known.columns}
    same = [
        kept[column.name]
        if (old := kept.get(column.name)) and (old.type, old.length) == (column.type, column.length)
        else column
        for column in columns
    ]
    has_key = set(key) <= {column.name for column in columns}
    return msgspec.structs.replace(known, columns=same, primary_key=key if has_key else [])


def _without_violated_key(
    connection: duckdb.DuckDBPyConnection, target: Target, definition: Definition
) -> Definition:
    """Return the definition, without its key if rows of the other program violate it."""
    if not definition.primary_key:
        return definition
    key, rows = names(definition.primary_key), existing_rows(connection, target)
    twice = one(connection, f"SELECT count(*) FROM (SELECT 1 FROM {rows} GROUP BY {key} HAVING count(*) > 1)")
    if not twice:
        return definition
    say(
        f'The primary key "{",".join(definition.primary_key)}" is dropped: {twice} keys occur more than once.'
    )
    return msgspec.structs.replace(definition, primary_key=[])


def adopted(entries: Entries, count: int, lake_id: str) -> list[Adopted]:
    """Return the adopted versions; `count` is the number of rows of the last one."""
    return [_adopted(version, actions, count, lake_id) for version, actions in entries]


def _adopted(version: int, actions: Sequence[Mapping[str, Any]], count: int, lake_id: str) -> Adopted:
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    rows = str((info.get("operationMetrics") or {}).get("rowsCount"))
    return Adopted(
        version=version,
        time_us=int(info.get("timestamp") or 0) * 1000,
        operation=str(info.get("operation") or "unknown")[:64],
        rows_count=int(rows) if rows.isdecimal() else count,
        is_ours=any(action["txn"].get("appId") == lake_id for action in actions if "txn" in action),
    )
