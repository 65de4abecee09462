"""A table's Delta log: the files of a version, and the staged entry of the next one.

Reader version 1, writer version 2: no partitions, column mapping or deletion vectors.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from locksided.steps.durable import make_folder, write_new
from locksided.steps.lake import checkpoints, types
from locksided.steps.program import UserFault
from locksided.tables.names import BUCKET_MODES, TIMESTAMP, entry_name, staged_name
from locksided.tables.orders import Column, Definition, TableOrder

PRIMARY_KEY = "lockside.primaryKey"
"""The log's member for the table's key, for a database that does not know the table."""
LOG, STAGED = "_delta_log", "_lockside/staged"
MOST_LOOKED_AT = 100
"""The most versions that are examined to find an undamaged one."""


@dataclass(slots=True)
class Files:
    """The files of a version: their log actions by their names in the table's folder."""

    adds: dict[str, dict[str, Any]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> list[Column]:
        """Return the table's columns at this version, without `_timestamp`."""
        fields = json.loads(self.metadata["schemaString"])["fields"]
        return [types.column_of(field) for field in fields if field["name"] != TIMESTAMP]

    def primary_key(self) -> list[str]:
        """Return the table's primary key if the log contains it."""
        key = (self.metadata.get("configuration") or {}).get(PRIMARY_KEY)
        return key.split(",") if key else []

    def definition(self, known: Definition) -> Definition:
        """Return the definition at this version: its key, and the known details of its columns."""
        now = {(column.name, column.type, column.length): column for column in known.columns}
        columns = [now.get((one.name, one.type, one.length), one) for one in self.columns()]
        return replace(known, columns=columns, primary_key=self.primary_key())

    def paths(self, folder: Path) -> list[str]:
        """Return their absolute paths."""
        return [str(folder / path) for path in self.adds]

    @property
    def size_bytes(self) -> int:
        """Their total size."""
        return sum(int(add["size"]) for add in self.adds.values())

    @property
    def rows_count(self) -> int:
        """Their total number of rows."""
        return sum(int(json.loads(add["stats"])["numRecords"]) for add in self.adds.values())

    def take(self, actions: Iterable[Mapping[str, Any]]) -> None:
        """Apply the actions of the next version."""
        for action in actions:
            if "add" in action:
                self.adds[action["add"]["path"]] = action["add"]
            elif "remove" in action:
                self.adds.pop(action["remove"]["path"], None)
            elif "metaData" in action:
                self.metadata = action["metaData"]


def read(folder: Path, table: TableOrder) -> Files:
    """Return the files of the table's version; none of a new table. Raises UserFault if it is not kept."""
    files = Files()
    if table.version is None:
        return files
    if table.version < table.oldest:
        raise UserFault(f'Version {table.version} of table "{table.id}" is no longer kept.')
    if table.newest is not None and table.version > table.newest:
        raise UserFault(f'Table "{table.id}" has no version {table.version}: its newest is {table.newest}.')
    try:
        start = checkpoints.newest(folder / LOG, table.version)
        if start is not None:
            files.take(checkpoints.actions(folder / LOG, start))
    except PermissionError:
        raise UserFault(f'Not allowed to read table "{table.id}".') from None
    for version in range(0 if start is None else start + 1, table.version + 1):
        files.take(entry(folder, table, version))
    return files


def read_whole(folder: Path, table: TableOrder) -> Files:
    """Return the same after checking that all files are complete. Raises UserFault, naming a bad one."""
    files = read(folder, table)
    damage = _damage(folder, files)
    if damage is None:
        return files
    whole = _newest_whole(folder, table)
    remedy = "" if whole is None else f" Version {whole} is the newest undamaged one: restore it."
    raise UserFault(f'Table "{table.id}" is damaged: {damage}.{remedy}')


def _damage(folder: Path, files: Files) -> str | None:
    """Return which file of a version is missing or has the wrong size; None if all are as in the log."""
    for path, add in files.adds.items():
        try:
            size = os.stat(folder / path).st_size
        except FileNotFoundError:
            return f"{path} is missing"
        if size != int(add["size"]):
            return f"{path} has {size} bytes instead of {add['size']}"
    return None


def _newest_whole(folder: Path, table: TableOrder) -> int | None:
    """Return the newest version before the table's whose files are all complete."""
    assert table.version is not None
    for version in range(table.version - 1, max(table.oldest, table.version - MOST_LOOKED_AT) - 1, -1):
        if _damage(folder, read(folder, replace(table, version=version))) is None:
            return version
    return None


def entry(folder: Path, table: TableOrder, version: int) -> list[dict[str, Any]]:
    """Return the actions of one commit: from its staged entry until it is published, else from the log."""
    places = [folder / LOG / entry_name(version)]
    if version in table.staged:
        places.insert(0, folder / STAGED / table.staged[version])
    for place in places:
        try:
            return [json.loads(line) for line in place.read_text("utf-8").split("\n") if line]
        except FileNotFoundError:
            continue
        except PermissionError:
            raise UserFault(f'Not allowed to read table "{table.id}".') from None
    raise UserFault(f'Table "{table.id}" is damaged: version {version} is missing in its log.')


def make_folders(folder: Path, table: TableOrder) -> None:
    """Create the missing folders of the table; the umask gives all new files the same access.

    Raises UserFault if that is not allowed.
    """
    mode = BUCKET_MODES[table.access]
    os.umask(0o777 & ~mode)
    try:
        for path in (folder, folder / LOG, folder / "_lockside", folder / STAGED):
            make_folder(path)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError
    except PermissionError:
        raise UserFault(f'Not allowed to write table "{table.id}".') from None


def commit_actions(
    order: Mapping[str, Any],
    table: TableOrder,
    time_us: int,
    operation: str,
    *,
    parameters: Mapping[str, str] = MappingProxyType({}),
    metrics: Mapping[str, int] = MappingProxyType({}),
    is_append: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the first actions of a commit: its origin and serial, and for a new table the protocol."""
    yield {
        "commitInfo": {
            "timestamp": time_us // 1000,
            "operation": operation,
            "operationParameters": dict(parameters),
            "operationMetrics": {name: str(value) for name, value in metrics.items()},
            "engineInfo": "lockside",
            "isBlindAppend": is_append,
            "lockside": {"serial": table.serial, **order["origin"]},
        }
    }
    yield {"txn": {"appId": order["lakeId"], "version": table.serial, "lastUpdated": time_us // 1000}}
    if table.version is None:
        yield PROTOCOL


def metadata_action(definition: Definition, created_us: int) -> dict[str, Any]:
    """Return the action with the table's columns and key."""
    columns, key = definition.columns, definition.primary_key
    fields = [types.delta_field(column) for column in (*columns, types.TIMESTAMP_COLUMN)]
    return {
        "metaData": {
            "id": definition.uuid,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": fields}),
            "partitionColumns": [],
            "configuration": {PRIMARY_KEY: ",".join(key)} if key else {},
            "createdTime": created_us // 1000,
        }
    }


def needs_metadata(before: Definition | None, after: Definition) -> bool:
    """Return whether the commit needs the table's metadata, because it changed."""
    return before is None or (before.columns, before.primary_key) != (after.columns, after.primary_key)


PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}


def add_action(path: str, size: int, time_us: int, statistics: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "add": {
            "path": path,
            "partitionValues": {},
            "size": size,
            "modificationTime": time_us // 1000,
            "dataChange": True,
            "stats": json.dumps(statistics, ensure_ascii=False),
        }
    }


def remove_action(add: Mapping[str, Any], time_us: int) -> dict[str, Any]:
    return {
        "remove": {
            "path": add["path"],
            "deletionTimestamp": time_us // 1000,
            "dataChange": True,
            "extendedFileMetadata": True,
            "partitionValues": {},
            "size": add["size"],
            **({"deletionVector": vector} if (vector := add.get("deletionVector")) else {}),
        }
    }


def stage(folder: Path, version: int, actions: Sequence[Mapping[str, Any]]) -> str:
    """Write a version's entry to the staging folder, complete and synced; return its name."""
    name = staged_name(version, str(uuid.uuid4()))
    lines = "".join(
        json.dumps(action, ensure_ascii=False, separators=(",", ":")) + "\n" for action in actions
    )
    write_new(folder / STAGED / name, lines.encode())
    return name
