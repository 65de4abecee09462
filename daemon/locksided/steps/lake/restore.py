"""The operation `restore`: earlier versions of tables become new versions; no data is copied.

A table whose version is null is moved to the trash.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from locksided.steps.lake import deltalog
from locksided.steps.lake.adoption import HIGHEST_PROTOCOL, Entries, adopted, foreign_entries
from locksided.steps.lake.deltalog import Files
from locksided.steps.program import UserFault
from locksided.tables.orders import DROP, Commit, Definition, TableOrder


def restore(order: Mapping[str, Any]) -> dict[str, Any]:
    """Stage a commit for each table. Raises UserFault for a version that is not kept."""
    tables = msgspec.convert(order["tables"], list[TableOrder], strict=False)
    commits = [
        _restored(order, table, asked["version"])
        for table, asked in zip(tables, order["parameters"]["tables"], strict=True)
    ]
    return {"message": "", "result": {}, "commits": [msgspec.to_builtins(commit) for commit in commits]}


def _restored(order: Mapping[str, Any], table: TableOrder, version: int | None) -> Commit:
    if table.version is None or table.definition is None:
        raise UserFault(f'There is no table "{table.id}".')
    if version is None:
        return _dropped(order, table, table.version, table.definition)
    if not table.oldest <= version <= table.version:
        raise UserFault(f'Version {version} of table "{table.id}" is no longer kept.')
    folder = Path(order["root"]) / table.folder
    head = deltalog.read(folder, table)
    wanted = deltalog.read(folder, msgspec.structs.replace(table, version=version))
    if not all((folder / path).exists() for path in wanted.adds):
        raise UserFault(f'Version {version} of table "{table.id}" is no longer kept.')
    definition = wanted.definition(table.definition)
    count = wanted.rows_count
    deltalog.make_folders(folder, table)
    time_us = max(order["timeUs"], table.imported_us + 1)
    entries = _foreign(folder, table) if order["parameters"].get("overForeign") else []
    for _, actions in entries:
        head.take(actions)
    made = table.version + len(entries) + 1
    actions = [*_actions(order, table, head, wanted, time_us), *_protocol(entries)]
    return Commit(
        key=table.key,
        version=made,
        staged=deltalog.stage(folder, made, actions),
        adopted=adopted(entries, table.rows_count, order["lakeId"]),
        operation="RESTORE",
        definition=definition,
        rows_count=count,
        size_bytes=wanted.size_bytes,
        time_us=time_us,
        counts={"rowsDeleted": table.rows_count, "rowsInserted": count, "rowsCount": count},
    )


def _foreign(folder: Path, table: TableOrder) -> Entries:
    """Return the entries of another program that the restored version follows. Raises UserFault."""
    if table.staged:
        raise UserFault(f'Table "{table.id}" has versions that are not published: they would be lost.')
    return foreign_entries(folder, table)


def _protocol(entries: Entries) -> Iterator[dict[str, Any]]:
    """Yield the protocol of our tables if another program raised it."""
    if any("protocol" in action for _, actions in entries for action in actions):
        yield {"protocol": HIGHEST_PROTOCOL}


def _dropped(order: Mapping[str, Any], table: TableOrder, version: int, definition: Definition) -> Commit:
    return Commit(
        key=table.key,
        version=version,
        operation=DROP,
        definition=definition,
        rows_count=table.rows_count,
        size_bytes=0,
        time_us=order["timeUs"],
    )


def _actions(
    order: Mapping[str, Any], table: TableOrder, head: Files, wanted: Files, time_us: int
) -> Iterator[dict[str, Any]]:
    yield from deltalog.commit_actions(order, table, time_us, "RESTORE")
    if head.metadata != wanted.metadata:
        yield {"metaData": wanted.metadata}
    for path, add in head.adds.items():
        if path not in wanted.adds:
            yield deltalog.remove_action(add, time_us)
    for path, add in wanted.adds.items():
        if path not in head.adds:
            yield {"add": {**add, "dataChange": True}}
