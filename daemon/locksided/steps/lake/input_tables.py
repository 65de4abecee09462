"""The operation `input`: writes a row's tables, with manifests, to in/tables, and copies its files."""

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from lockside.documents.reading import from_store
from lockside.documents.storage import InputTable
from lockside.documents.times import time_text
from locksided.steps import records
from locksided.steps.lake import deltalog, stored_files, types
from locksided.steps.lake.deletion import is_one_of
from locksided.steps.lake.deltalog import Files
from locksided.steps.lake.engine import connect, file_list, literal, name, one
from locksided.steps.lake.loading import Target, existing_rows
from locksided.steps.lake.reporting import Reporting
from locksided.steps.lake.text_values import as_text, micros_of, moment_at, moment_of, plain
from locksided.steps.program import UserFault, refuse_full_disk, say
from locksided.tables.metadata import DESCRIPTION
from locksided.tables.names import TIMESTAMP
from locksided.tables.orders import Column, Definition, TableOrder, column_named

NO_ROWS = -1
"""As a limit: the header only."""


def export(order: Mapping[str, Any]) -> dict[str, Any]:
    """Write all tables. Raises UserFault with all problems."""
    refuse_full_disk(order, order["folders"]["data"])
    tables = msgspec.convert(order["sources"], list[TableOrder], strict=False)
    problems, shown = [], []
    failed = records.inputs_of(order["records"]) if "records" in order else []
    folder = Path(order["folders"]["data"]) / "in" / "tables"
    files, problems_of_files = stored_files.fetch(order)
    targets = [from_store(entry, InputTable).target for entry in order["entries"]]
    named = {target: table.id for target, table in zip(targets, tables, strict=True)}
    with connect(order) as connection, Reporting(connection, named) as reporting:
        for place, table in enumerate(tables):
            reporting.begin([targets[place]])
            since = order["since"][place]
            if since is not None and since["why"]:
                say(f'Table "{table.id}" is read completely: {since["why"]}.')
            if table.branch != order["branch"]:
                say(f'Table "{table.id}" is read from branch "{table.branch}".')
            try:
                shown.append(_exported(connection, order, place, table, folder, failed))
            except UserFault as fault:
                problems.append(str(fault))
    if problems or problems_of_files:
        raise UserFault("\n".join([*problems, *problems_of_files]))
    return {"message": "", "result": {"input": {"tables": shown, "files": files}}}


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a table."""

    definition: Definition
    columns: Sequence[Column]
    count: int
    since: datetime | None


def _exported(
    connection: duckdb.DuckDBPyConnection,
    order: Mapping[str, Any],
    place: int,
    table: TableOrder,
    into: Path,
    failed: Collection[str],
) -> dict[str, Any]:
    """Write a table, or only its records that failed before."""
    entry: InputTable = from_store(order["entries"][place], InputTable)
    adaptive = order["since"][place]
    path = into / entry.target
    if adaptive is not None:
        entry = msgspec.structs.replace(entry, changed_since=None)
    last_us = None if adaptive is None else adaptive["time_us"]
    if any(records.is_of(one, f"in/tables/{entry.target}") for one in failed):
        written = _write_failed(connection, order, entry, table, path)
    else:
        written = write_table(connection, order, entry, table, path, last_us=last_us)
    manifest = _manifest(table, written, Path(order["root"]) / table.folder, order["told"][place])
    if order.get("withNames", True):
        manifest["name"] = table.id.rpartition(".")[2]
    (into / f"{entry.target}.manifest").write_text(json.dumps(manifest))
    return shown(entry, table, written, path)


def _write_failed(
    connection: duckdb.DuckDBPyConnection,
    order: Mapping[str, Any],
    entry: InputTable,
    table: TableOrder,
    path: Path,
) -> Written:
    """Write a table with the columns of the first run, and the records to process again."""
    none = {"where_column": None, "changed_since": None, "days": None, "limit": NO_ROWS}
    header = msgspec.structs.replace(entry, **none, file_type="csv")
    texts = path if entry.file_type == "csv" else path.with_name(f".{path.name}.csv")
    written = write_table(connection, order, header, table, texts)
    count = records.append_csv(texts, order["records"], f"in/tables/{entry.target}")
    if texts != path:
        try:
            _write_parquet(connection, _read_csv(texts, written.columns), written.columns, path)
        except (duckdb.ConversionException, duckdb.InvalidInputException) as problem:
            reason = str(problem).partition("\n")[0]
            raise UserFault(f'Failed records do not fit the types of table "{table.id}": {reason}') from None
        texts.unlink()
    return replace(written, count=count)


def write_table(
    connection: duckdb.DuckDBPyConnection,
    order: Mapping[str, Any],
    entry: InputTable,
    table: TableOrder,
    path: Path,
    *,
    may_link: bool = True,
    last_us: int | None = None,
) -> Written:
    """Write the selected part of a table to a file or a folder; with `last_us`, the rows changed after it.

    Raises UserFault for anything that does not exist.
    """
    folder = Path(order["root"]) / table.folder
    files = deltalog.read_whole(folder, table)
    definition = files.definition(table.definition or Definition(columns=[]))
    known = definition.columns
    columns = wanted_columns(entry, known)
    target = Target(order=table, folder=folder, files=files, columns=known, key=[], time_us=0)
    since = changed_since(entry, order["timeUs"])
    if last_us is not None:
        since = moment_at(last_us + 1)
    rows = f"{existing_rows(connection, target)}{conditions(entry, known, since)}"
    if entry.file_type == "csv":
        count = _write_csv(connection, rows, columns, path)
    elif may_link and since is None and _is_whole(entry):
        _take(files, folder, path)
        count = files.rows_count
    else:
        count = _write_parquet(connection, rows, columns, path)
    return Written(definition, columns, count, since)


def wanted_columns(entry: InputTable, known: Sequence[Column]) -> list[Column]:
    """Return the selected columns. Raises UserFault for columns that do not exist."""
    there = (*known, types.TIMESTAMP_COLUMN)
    wanted = {column: column_named(there, column) for column in entry.wanted}
    unknown = [f'"{text}"' for text, column in wanted.items() if column is None]
    if unknown:
        raise UserFault(f'Table "{entry.source}" has no columns {", ".join(unknown)}.')
    return list(dict.fromkeys(column for column in wanted.values() if column is not None)) or list(known)


def conditions(entry: InputTable, known: Sequence[Column], since: datetime | None) -> str:
    """Return the WHERE and LIMIT clauses. Raises UserFault for a column that does not exist."""
    conditions = []
    if entry.where_column:
        column = column_named((*known, types.TIMESTAMP_COLUMN), entry.where_column)
        if column is None:
            raise UserFault(f'Table "{entry.source}" has no columns "{entry.where_column}".')
        values = [plain(value) for value in entry.where_values or ()]
        conditions.append(is_one_of(column, values, is_wanted=entry.where_operator != "ne"))
    if since is not None:
        conditions.append(f"{TIMESTAMP} >= make_timestamptz({micros_of(since)})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    if entry.limit == NO_ROWS:
        return where + " LIMIT 0"
    return where + (f" LIMIT {entry.limit}" if entry.limit else "")


def changed_since(entry: InputTable, now_us: int) -> datetime | None:
    """Return the time from which rows are selected. Raises UserFault for an invalid time."""
    return moment_of(f"-{entry.days} days" if entry.days else entry.changed_since or "", now_us)


def _write_csv(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[Column], path: Path
) -> int:
    selected = ", ".join(f"{as_text(column)} AS {name(column.name)}" for column in columns)
    return int(
        one(
            connection,
            f"COPY (SELECT {selected} FROM {rows}) TO {literal(str(path))} "
            "(FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '')",
        )
    )


def _read_csv(path: Path, columns: Sequence[Column]) -> str:
    """Return a relation of the rows written by `_write_csv`, in the types of the columns."""
    kinds = ", ".join(f"{literal(one.name)}: {literal(types.duckdb_type(one))}" for one in columns)
    form = "auto_detect=false, header=true, delim=',', quote='\"', escape='\"', allow_quoted_nulls=false"
    return f"read_csv({file_list([path])}, columns={{{kinds}}}, {form})"


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[Column], path: Path
) -> int:
    """Write a folder of Parquet files; return the number of rows."""
    path.mkdir()
    selected = ", ".join(name(column.name) for column in columns)
    copy = f"COPY (SELECT {selected} FROM {rows}) TO {literal(str(path / 'part-0.parquet'))} (FORMAT parquet)"
    return int(one(connection, copy))


def _is_whole(entry: InputTable) -> bool:
    return not (entry.wanted or entry.where_column or entry.changed_since or entry.days or entry.limit)


def _take(files: Files, folder: Path, path: Path) -> None:
    """Link the files of a table that is selected as a whole; copy those that cannot be linked.

    Root gets copies: it could write into the table's own files.
    """
    path.mkdir()
    for add in files.adds:
        try:
            if os.geteuid() == 0:
                raise PermissionError
            os.link(folder / add, path / add)
        except OSError:
            shutil.copyfile(folder / add, path / add)


def _manifest(
    table: TableOrder, written: Written, folder: Path, metadata: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    columns, key = written.columns, written.definition.primary_key
    pieces: dict[str, list[dict[str, str]]] = {"": [], **{column.name: [] for column in columns}}
    for piece in metadata:
        if piece["column"] in pieces:
            pieces[piece["column"]].append({key: piece[key] for key in piece if key != "column"})
    of_table = pieces.pop("")
    return {
        "id": table.id,
        "uri": f"file:{folder}",
        "primary_key": [column for column in key if column in {one.name for one in columns}],
        "distribution_key": [],
        "created": time_text(table.created_us),
        "last_change_date": time_text(table.changed_us),
        "last_import_date": time_text(table.imported_us),
        "columns": [column.name for column in columns],
        "metadata": of_table,
        "column_metadata": {name: found for name, found in pieces.items() if found},
        "description": next((one["value"] for one in of_table if one["key"] == DESCRIPTION), None),
        "schema": [
            {
                "name": column.name,
                "data_type": {"base": {"type": column.type, "length": column.length}},
                "nullable": column.nullable,
                "primary_key": column.name in key,
            }
            for column in columns
        ],
    }


def shown(entry: InputTable, table: TableOrder, written: Written, path: Path) -> dict[str, Any]:
    """Return an entry of `result.input.tables`."""
    paths = [path] if path.is_file() else list(path.iterdir())
    since = written.since
    return {
        "id": table.id,
        "name": entry.target,
        "displayName": table.id.rpartition(".")[2],
        "columns": [{"name": column.name, "type": column.type} for column in written.columns],
        "branchId": table.branch,
        "version": table.version,
        "lastImportDate": time_text(table.imported_us),
        "changedSince": None if since is None else time_text(micros_of(since)),
        "recordsCount": written.count,
        "sizeBytes": sum(one.stat().st_size for one in paths),
        "destination": entry.target,
    }
