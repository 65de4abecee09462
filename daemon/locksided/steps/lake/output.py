"""The operation `output`: everything in out/tables of all rows becomes staged commits, or a message."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from msgspec.structs import replace

from lockside.documents.storage import ColumnValues, Output, OutputTable
from lockside.documents.times import time_text
from locksided.steps.lake import checkpoints, deltalog, loading, stored_files, structure
from locksided.steps.lake.checks import judged
from locksided.steps.lake.collection import Collected, collected_in
from locksided.steps.lake.creation import begun, begun_with
from locksided.steps.lake.deletion import deleted_rows
from locksided.steps.lake.engine import connect, name, names, one, rows_of
from locksided.steps.lake.incoming import Rows
from locksided.steps.lake.loading import Target
from locksided.steps.lake.merging import merged
from locksided.steps.lake.reading import reading_of
from locksided.steps.lake.rejects import keep, without_bad_rows
from locksided.steps.lake.reporting import Reporting
from locksided.steps.lake.sources import Found
from locksided.steps.lake.text_values import as_text
from locksided.steps.program import MappingFault, UserFault, refuse_full_disk, say
from locksided.tables.mapping import Load
from locksided.tables.metadata import metadata_of
from locksided.tables.orders import MOST_TABLES, Commit, Definition, Source, TableOrder, column_named

MOST_PROBLEMS = 50


def store(order: Mapping[str, Any]) -> dict[str, Any]:
    """Stage a commit for each table, and store files. Raises UserFault with all problems."""
    collected, files = collected_in(order), stored_files.found_in(order)
    collected.problems += files.problems
    done = staged(order, collected)
    stored, shown = stored_files.store(order, files.sources)
    done["result"]["output"]["files"] = shown
    return {**done, "files": msgspec.to_builtins(stored)}


def staged(order: Mapping[str, Any], collected: Collected) -> dict[str, Any]:
    """Stage the collected loads, a commit for each table. Raises UserFault with all problems."""
    refuse_full_disk(order, order["root"])
    tables = {table.key: table for table in msgspec.convert(order["tables"], list[TableOrder], strict=False)}
    by_table: dict[str, list[tuple[Load, Found, Output]]] = {}
    for load, found, settings in collected.loads:
        key = f"{order['origin']['project']}/{order['origin']['branch']}/{(load.table or '').lower()}"
        by_table.setdefault(key, []).append((load, found, settings))
    done: list[Loaded] = []
    named = {load.source: tables[key].id for key, group in by_table.items() for load, _, _ in group}
    with connect(order) as connection, Reporting(connection, named) as reporting:
        for key, group in by_table.items():
            reporting.begin([load.source for load, _, _ in group])
            try:
                loaded = _load(connection, order, tables[key], group)
            except MappingFault as fault:
                collected.problems.append(str(fault))
            except UserFault as fault:
                collected.problems.append(f'Failed to load table "{tables[key].id}": {fault}')
            else:
                done.append(loaded)
    if len(by_table) > MOST_TABLES:
        collected.problems.append(f"There are {len(by_table)} tables, at most {MOST_TABLES} are allowed.")
    if collected.problems:
        raise UserFault("\n".join(collected.problems[:MOST_PROBLEMS]))
    for load in collected.stay:
        say(f'Table "{load.source}" stays in its folder: no table is named for it.')
    outputs = [table for loaded in done for table in loaded.shown]
    is_warned = any(check["status"] == "warning" for table in outputs for check in table["checks"])
    records = [record for loaded in done for record in loaded.records]
    return {
        "message": "",
        "warning": is_warned,
        "failedRecords": len(records),
        "recordsBytes": _list_rejected(order, records),
        "result": {"output": {"tables": outputs}},
        "commits": [msgspec.to_builtins(commit) for loaded in done for commit in loaded.commits],
    }


def _list_rejected(order: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> int:
    """List rejected rows in the folder of the first row; in the log if there is no row.

    Returns the size of the list.
    """
    if records and order["rows"]:
        return keep(records, Path(order["rows"][0]["folder"]))
    for record in records[:MOST_PROBLEMS]:
        say(str(record["message"]))
    return 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of a table's load: its commits, its entries in the job's result, and the rejected rows."""

    commits: list[Commit]
    shown: list[dict[str, Any]]
    records: list[dict[str, Any]]


def _load(
    connection: duckdb.DuckDBPyConnection,
    order: Mapping[str, Any],
    table: TableOrder,
    group: Sequence[tuple[Load, Found, Output]],
) -> Loaded:
    """Load one table from all its sources."""
    mappings = [load.mapping for load, _, _ in group]
    _refuse_invalid(table, group)
    target, rows = _prepared(connection, order, table, group)
    rows, records = without_bad_rows(connection, target, rows, mappings)
    _load_rows(connection, target, rows, mappings)
    target.counts["rowsRejected"] = len(records)
    target.counts["recordsCount"] += len(records)
    checks = judged(connection, target, [check for mapping in mappings for check in mapping.checks])
    places = _places(order)
    sources = [
        Source(place=place, name=load.source) for load, _, _ in group if (place := places.get(load.row))
    ]
    metadata = [
        one
        for load, _, settings in group
        for one in metadata_of(load.mapping, with_types=_support(order, settings) == "hints")
    ]
    commit = _staged(order, target, is_full=not mappings[0].incremental)
    commit = replace(commit, sources=sources, metadata=metadata)
    merge = merged(connection, order, target, commit)
    _write_checkpoint(table, target.folder)
    commits = [commit] if merge is None else [commit, merge]
    shown = [
        {
            **_shown(load, target, commit, places.get(load.row)),
            **_produced(order, found, rows_of_one.reading.columns),
            "checks": checks,
        }
        for (load, found, _), rows_of_one in zip(group, rows, strict=True)
    ]
    return Loaded(commits, shown, records)


def _support(order: Mapping[str, Any], settings: Output) -> str:
    """Return how types in manifests are used."""
    return str(settings.data_type_support or order["dataTypeSupport"])


def _prepared(
    connection: duckdb.DuckDBPyConnection,
    order: Mapping[str, Any],
    table: TableOrder,
    group: Sequence[tuple[Load, Found, Output]],
) -> tuple[Target, list[Rows]]:
    """Return the table with its old and new definition, and its sources as they are read."""
    mappings = [load.mapping for load, _, _ in group]
    is_incremental = mappings[0].incremental
    folder = Path(order["root"]) / table.folder
    deltalog.make_folders(folder, table)
    if table.begins is not None:
        table = begun(table, table.begins) if is_incremental else replace(table, begins=None)
    scratch = Path(order["folders"]["tmp"])
    readings = [reading_of(connection, found, load.mapping, scratch) for load, found, _ in group]
    rows = [
        Rows(load.source, reading, settings.treat_values_as_null)
        for (load, _, settings), reading in zip(group, readings, strict=True)
    ]
    after = table.definition
    for (load, _, settings), reading in zip(group, readings, strict=True):
        support, changes = _support(order, settings), settings.table_modifications
        after = structure.definition_after(table.id, after, reading, load.mapping, support, changes)
    assert after is not None
    target = Target(
        order=table,
        folder=folder,
        files=begun_with(order, table, folder) or deltalog.read_whole(folder, table),
        columns=after.columns,
        key=after.primary_key,
        time_us=max(order["timeUs"], table.imported_us + 1),
        required=frozenset(
            one
            for load, _, settings in group
            for one in structure.required_columns(load.mapping, _support(order, settings))
        ),
    )
    if is_incremental:
        check_key(connection, target)
        values_of = partial(_values_of, connection, order)
        try:
            target.deleted = deleted_rows(mappings, target.columns, order["timeUs"], values_of)
        except UserFault as fault:
            raise UserFault(f'Cannot delete rows from table "{table.id}": {fault}') from None
    return target, rows


def _values_of(connection: duckdb.DuckDBPyConnection, order: Mapping[str, Any], values: ColumnValues) -> str:
    """Return the query for the values of another table's column, as of the start of the job."""
    tables = msgspec.convert(order.get("sources", []), list[TableOrder], strict=False)
    table = next((one for one in tables if one.id.lower() == values.source.lower()), None)
    if table is None:
        raise UserFault(f'name table "{values.source}", which has the values, in the configuration.')
    folder = Path(order["root"]) / table.folder
    files = deltalog.read_whole(folder, table)
    columns = files.columns()
    column = column_named(columns, values.column)
    if column is None:
        raise UserFault(f'table "{table.id}" has no column "{values.column}".')
    target = Target(order=table, folder=folder, files=files, columns=columns, key=[], time_us=0)
    return f"SELECT coalesce({as_text(column)}, '') FROM {loading.existing_rows(connection, target)}"


def _load_rows(
    connection: duckdb.DuckDBPyConnection,
    target: Target,
    rows: Sequence[Rows],
    mappings: Sequence[OutputTable],
) -> None:
    """Load the rows into the table by the mappings of their sources."""
    connection.execute("DROP TABLE IF EXISTS incoming; DROP TABLE IF EXISTS matched")
    is_full = not mappings[0].incremental
    has_key = target.key and any(one.deduplication_strategy != "insert" for one in mappings)
    is_new = target.order.version is None and target.order.begins is None
    if is_full or (is_new and has_key):
        loading.load_full(connection, target, rows)
    elif has_key:
        loading.upsert(connection, target, rows)
    else:
        if not target.key:
            say(f'Table "{target.order.id}" has no primary key: repeated rows are added again.')
        loading.append(connection, target, rows)


def _write_checkpoint(table: TableOrder, folder: Path) -> None:
    """Write a checkpoint of the published version if one is due; the load does not fail if that fails."""
    published = -1 if table.version is None else min(table.staged, default=table.version + 1) - 1
    if published < 0:
        return
    try:
        checkpoints.write_if_due(folder, published)
    except Exception as fault:  # noqa: BLE001 - of the disk or another library; checkpoints are optional
        say(f'No checkpoint was written for table "{table.id}": {fault}')


def _refuse_invalid(table: TableOrder, group: Sequence[tuple[Load, Found, Output]]) -> None:
    """Raise UserFault for loads that are invalid whatever the files contain."""
    if len(group) > 1 and not all(load.mapping.incremental for load, _, _ in group):
        listed = ", ".join(f'"{load.source}"' for load, _, _ in group)
        raise MappingFault(f'Table "{table.id}" has several sources: {listed}.')
    for load, _, _ in group:
        if load.table != table.id:
            raise MappingFault(f'Table "{load.table}" differs from "{table.id}" only in case.')
        if load.mapping.require_unchanged and table.pinned != table.version:
            read, now = ("none" if one is None else one for one in (table.pinned, table.version))
            raise UserFault(
                f"Job {table.head_job} changed it since this job read it (version {read}, now {now})."
            )


def _places(order: Mapping[str, Any]) -> dict[str | None, str]:
    """Return the folder of each row, relative to the job's."""
    return {row["row"]: row["place"] for row in order["rows"]}


def check_key(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Raise UserFault if a new primary key is empty or not unique in the rows that the table keeps."""
    known = target.order.definition
    if known is None or known.primary_key == target.key or not target.key:
        return
    existing = loading.existing_rows(connection, target)
    key, faults = names(target.key), []
    for column in target.key:
        empty = one(connection, f"SELECT count(*) FROM {existing} WHERE {name(column)} IS NULL")
        faults += [f'{empty} rows are empty in column "{column}"'] if empty else []
    repeated = len(rows_of(connection, f"SELECT 1 FROM {existing} GROUP BY {key} HAVING count(*) > 1"))
    faults += [f"{repeated} keys occur more than once"] if repeated else []
    if faults:
        old, new = ",".join(known.primary_key), ",".join(target.key)
        raise UserFault(f'Cannot change primary key from "{old}" to "{new}": {faults[-1]}.')


def _staged(order: Mapping[str, Any], target: Target, *, is_full: bool) -> Commit:
    """Write the entry of the table's next version; none if the load changed nothing."""
    table, known = target.order, target.order.definition
    definition = Definition(
        columns=target.columns,
        primary_key=target.key,
        description=None if known is None else known.description,
        uuid=str(uuid.uuid4()) if known is None else known.uuid,
    )
    is_changed = table.version is None or definition != known or any(_changes(target))
    version = -1 if table.version is None else table.version
    staged = ""
    if is_changed:
        version += 1
        staged = deltalog.stage(target.folder, version, list(_actions(order, target, definition, is_full)))
    return Commit(
        key=table.key,
        version=version,
        staged=staged,
        operation="WRITE" if is_full or not target.key else "MERGE",
        definition=definition,
        rows_count=target.counts["rowsCount"],
        size_bytes=_size_after(target),
        time_us=target.time_us,
        counts=target.counts,
    )


def _changes(target: Target) -> Iterator[bool]:
    yield any("add" in action or "remove" in action for action in target.actions)


def _size_after(target: Target) -> int:
    files = deltalog.Files(dict(target.files.adds))
    files.take(target.actions)
    return files.size_bytes


def _actions(
    order: Mapping[str, Any],
    target: Target,
    definition: Definition,
    is_full: bool,
) -> Iterator[dict[str, Any]]:
    table = target.order
    yield from deltalog.commit_actions(
        order,
        table,
        target.time_us,
        "WRITE",
        parameters={"mode": "Overwrite" if is_full else "Append"},
        metrics=target.counts,
        is_append=not any("remove" in action for action in target.actions),
    )
    if table.version is None or deltalog.needs_metadata(table.definition, definition):
        yield deltalog.metadata_action(definition, target.time_us)
    if table.version is None:
        files = deltalog.Files(dict(target.files.adds))
        files.take(target.actions)
        yield from ({"add": add} for add in files.adds.values())
    else:
        yield from target.actions


def _produced(order: Mapping[str, Any], found: Found, columns: Sequence[str]) -> dict[str, Any]:
    """Return the size and time of a source, and the component that produced it with which columns."""
    states = [path.stat() for path in found.files()] or [found.path.stat()]
    written = time_text(max(one.st_mtime_ns for one in states) // 1000)
    made_by = {"component": order["origin"].get("component"), "type": order.get("componentType", "other")}
    return {
        "sizeBytes": sum(one.st_size for one in states) if found.files() else 0,
        "createdTime": written,
        "updatedTime": written,
        "producedBy": {**made_by, "columns": list(columns)},
    }


def _shown(load: Load, target: Target, commit: Commit, place: str | None) -> dict[str, Any]:
    """Return an entry of `result.output.tables`; `place` is its row's folder, None for another file."""
    table = target.order
    return {
        "id": table.id,
        "name": load.source,
        "displayName": table.id.rpartition(".")[2],
        "columns": [{"name": column.name, "type": column.type} for column in target.columns],
        "primaryKey": target.key,
        "incremental": load.mapping.incremental,
        "writeAlways": load.mapping.write_always,
        "stored": True,
        "version": commit.version,
        "previousVersion": table.version,
        "isNew": table.version is None,
        **target.counts,
        "dataSizeBytes": commit.size_bytes,
        "progress": 1.0,
        "previewType": "csv",
        "path": None if place is None else f"{place}/out/tables/{load.source}",
    }
