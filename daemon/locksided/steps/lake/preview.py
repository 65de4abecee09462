"""The operations `preview`, `sql` and `files`: rows of tables as strings, and the names of their files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from lockside.documents.reading import from_store
from lockside.documents.storage import InputTable
from locksided.steps.lake import deltalog
from locksided.steps.lake.engine import connect, literal, name, rows_of
from locksided.steps.lake.input_tables import changed_since, conditions, wanted_columns
from locksided.steps.lake.loading import Target, existing_rows
from locksided.steps.lake.text_values import as_text
from locksided.steps.program import UserFault
from locksided.tables.orders import Column, TableOrder

MOST_CHARACTERS = 1024
MOST_BYTES = 4 * 2**20
MOST_ROWS = 100_000


def look(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first rows of a table."""
    entry = from_store(order["entry"], InputTable)
    table = msgspec.convert(order["table"], TableOrder, strict=False)
    with connect(order) as connection:
        target = _target(order["root"], table)
        count = target.files.rows_count
        columns = wanted_columns(entry, target.columns)
        where = conditions(entry, target.columns, changed_since(entry, order["timeUs"]))
        texts = ", ".join(f"left({as_text(column)}, {MOST_CHARACTERS + 1})" for column in columns)
        found = rows_of(connection, f"SELECT {texts} FROM {existing_rows(connection, target)}{where}")
    rows, is_cut = _bounded(found)
    return {
        "message": "",
        "result": {
            "columns": [{"name": column.name, "type": column.type} for column in columns],
            "rows": rows,
            "version": table.version,
            "rows_count": count,
            "preview_type": "csv",
            "is_truncated": is_cut or len(rows) < count,
        },
    }


def _bounded(found: Sequence[Sequence[str | None]]) -> tuple[list[list[str | None]], bool]:
    """Return as many rows as fit an answer, long values cut; and whether anything was cut."""
    rows: list[list[str | None]] = []
    size, is_cut = 0, False
    for row in found:
        is_cut |= any(value is not None and len(value) > MOST_CHARACTERS for value in row)
        rows.append([None if value is None else value[:MOST_CHARACTERS] for value in row])
        size += sum(4 + len(value or "") for value in row)
        if size > MOST_BYTES:
            return rows, True
    return rows, is_cut


def files(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names of each table's files; tables that cannot be read are omitted."""
    found: dict[str, list[str]] = {}
    for table in msgspec.convert(order["tables"], list[TableOrder], strict=False):
        with suppress(UserFault):
            found[table.key] = list(deltalog.read(Path(order["root"]) / table.folder, table).adds)
    return {"message": "", "result": {"files": found}}


def query(order: Mapping[str, Any]) -> dict[str, Any]:
    """Run a query; tables are views named by their ids, and nothing can be written."""
    tables = msgspec.convert(order["tables"], list[TableOrder], strict=False)
    unreadable: dict[str, str] = {}
    with connect(order) as connection:
        for table in tables:
            try:
                target = _target(order["root"], table)
            except UserFault as fault:
                unreadable[table.id] = str(fault)
                continue
            relation = existing_rows(connection, target)
            connection.execute(f"CREATE VIEW {name(table.id)} AS SELECT * EXCLUDE (_file) FROM {relation}")
        connection.execute(f"SET allowed_directories = [{literal(order['root'])}]")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        try:
            relation_found = connection.sql(order["query"])
            if relation_found is None:
                raise UserFault("It is not a query that returns rows.")
            columns, kinds = relation_found.columns, relation_found.types
            found = relation_found.limit(MOST_ROWS).fetchall()
        except duckdb.Error as fault:
            named = (reason for table, reason in unreadable.items() if table in order["query"])
            raise UserFault(next(named, str(fault))) from None
    return {
        "message": "",
        "result": {
            "columns": [
                {"name": column, "type": str(kind)} for column, kind in zip(columns, kinds, strict=True)
            ],
            "rows": [[None if value is None else str(value) for value in row] for row in found],
        },
    }


def _target(root: str, table: TableOrder) -> Target:
    folder = Path(root) / table.folder
    files = deltalog.read_whole(folder, table)
    columns: list[Column] = files.columns()
    return Target(order=table, folder=folder, files=files, columns=columns, key=[], time_us=0)
