"""The operations `delete_rows`, `set_primary_key` and `alter`: tables change without a load."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from lockside.documents.reading import from_store
from lockside.documents.storage import ColumnValues, OutputTable
from locksided.steps.lake import deltalog, loading, types
from locksided.steps.lake.deletion import deleted_rows
from locksided.steps.lake.engine import connect, name, rows_of
from locksided.steps.lake.loading import Target
from locksided.steps.lake.output import check_key
from locksided.steps.lake.text_values import as_text
from locksided.steps.program import UserFault
from locksided.tables.names import TIMESTAMP, clean_column
from locksided.tables.orders import Column, Commit, TableOrder

Change = Callable[[duckdb.DuckDBPyConnection, Mapping[str, Any], Target], None]


def delete_rows(order: Mapping[str, Any]) -> dict[str, Any]:
    """Delete the rows that match any rule of `delete_where`."""
    return _changed(order, "DELETE", _delete_rows)


def set_primary_key(order: Mapping[str, Any]) -> dict[str, Any]:
    """Change the primary key of a table, after checking all rows."""
    return _changed(order, "SET PRIMARY KEY", _set_primary_key)


def alter(order: Mapping[str, Any]) -> dict[str, Any]:
    """Add and drop columns, and change types."""
    return _changed(order, "ALTER", _alter)


def _changed(order: Mapping[str, Any], operation: str, change: Change) -> dict[str, Any]:
    """Stage a commit of the one table. Raises UserFault if the change is impossible."""
    (table,) = msgspec.convert(order["tables"], list[TableOrder], strict=False)
    if table.version is None or table.definition is None:
        raise UserFault(f'There is no table "{table.id}".')
    folder = Path(order["root"]) / table.folder
    deltalog.make_folders(folder, table)
    target = Target(
        order=table,
        folder=folder,
        files=deltalog.read_whole(folder, table),
        columns=list(table.definition.columns),
        key=list(table.definition.primary_key),
        time_us=max(order["timeUs"], table.imported_us + 1),
    )
    target.counts["rowsCount"] = table.rows_count
    try:
        with connect(order) as connection:
            change(connection, order["parameters"], target)
    except UserFault as fault:
        raise UserFault(f'Cannot change table "{table.id}": {fault}') from None
    commit = _commit(order, target, operation)
    return {"message": "", "result": {}, "commits": [msgspec.to_builtins(commit)]}


def _commit(order: Mapping[str, Any], target: Target, operation: str) -> Commit:
    """Return the commit; nothing is staged if nothing changed."""
    table = target.order
    assert table.version is not None
    assert table.definition is not None
    definition = msgspec.structs.replace(table.definition, columns=target.columns, primary_key=target.key)
    version, staged = table.version, ""
    if definition != table.definition or target.actions:
        version += 1
        head = deltalog.commit_actions(order, table, target.time_us, operation, metrics=target.counts)
        is_needed = deltalog.needs_metadata(table.definition, definition)
        columns = [deltalog.metadata_action(definition, table.created_us)] if is_needed else []
        staged = deltalog.stage(target.folder, version, [*head, *columns, *target.actions])
    files = deltalog.Files(dict(target.files.adds))
    files.take(target.actions)
    return Commit(
        key=table.key,
        version=version,
        staged=staged,
        operation=operation,
        definition=definition,
        rows_count=target.counts["rowsCount"],
        size_bytes=files.size_bytes,
        time_us=target.time_us,
        counts=target.counts,
    )


def _delete_rows(
    connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any], target: Target
) -> None:
    rules = {"source": "rows", "delete_where": parameters["delete_where"]}
    mapping = from_store(rules, OutputTable)
    target.deleted = deleted_rows([mapping], target.columns, target.time_us, _no_values)
    touched = loading.delete(connection, target)
    target.counts["rowsCount"] -= target.counts["rowsDeleted"]
    if touched:
        loading.rewrite(connection, target, [Path(path).name for path in touched])


def _no_values(_: ColumnValues) -> str:
    raise UserFault("list the values: only loads can use those of another table.")


def _set_primary_key(
    connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any], target: Target
) -> None:
    target.key = list(dict.fromkeys(map(clean_column, parameters["primaryKey"])))
    for column in target.key:
        if column not in target.column_names:
            raise UserFault(f'Primary key column "{column}" not found.')
    check_key(connection, target)


def _alter(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any], target: Target) -> None:
    before = list(target.columns)
    known = {column.name: column for column in before}
    dropped = {_known(column, known) for column in parameters["dropColumns"]}
    if kept := [column for column in target.key if column in dropped]:
        raise UserFault(f'Column "{kept[0]}" is part of the primary key.')
    changed = {_known(column, known): _typed(column, kind) for column, kind in parameters["types"].items()}
    added = [_typed(column["name"], column) for column in parameters["addColumns"]]
    taken = {TIMESTAMP, *(one.lower() for one in known)}
    for column in added:
        if not column.name or column.name.lower() in taken:
            raise UserFault(f'Column "{column.name}" exists already, or its name is invalid.')
        taken.add(column.name.lower())
    after = [changed.get(column.name, column) for column in before if column.name not in dropped]
    if not (after or added):
        raise UserFault("A table needs a column.")
    if dropped or any(known[column.name] != column for column in after):
        for column in after:
            _refuse_values(connection, target, known[column.name], column)
        _refuse_equal_keys(connection, target, known, after)
        _rewrite_as(connection, target, before, after)
    target.columns = [*after, *added]


def _known(column: str, known: Mapping[str, Column]) -> str:
    cleaned = clean_column(column)
    if cleaned not in known:
        raise UserFault(f'It has no column "{column}".')
    return cleaned


def _typed(column: str, kind: Mapping[str, Any]) -> Column:
    length = kind.get("length")
    base, length = types.checked(
        str(kind.get("type") or types.STRING), None if length is None else str(length)
    )
    return Column(name=clean_column(column), type=base, length=length)


def _as_type(before: Column, after: Column) -> str:
    """Return the column's value cast to another type; an empty string becomes NULL."""
    return (
        name(before.name)
        if before == after
        else f"CAST({_value(before, after)} AS {types.duckdb_type(after)})"
    )


def _value(before: Column, after: Column) -> str:
    """Return the column's value before the cast to another type, which follows the rules of loads."""
    if after.type == types.STRING:
        return as_text(before)
    value = f"nullif({name(before.name)}, '')" if before.type == types.STRING else name(before.name)
    return types.plain_text(after, value, types.duckdb_type(before))


def _refuse_values(
    connection: duckdb.DuckDBPyConnection, target: Target, before: Column, after: Column
) -> None:
    """Raise UserFault if a value cannot be cast to the new type."""
    if before == after:
        return
    rows = loading.existing_rows(connection, target)
    found = rows_of(
        connection,
        f"SELECT {name(before.name)}::VARCHAR, count(*) OVER () FROM {rows} "
        f"WHERE {types.is_misfit(after, _value(before, after))} LIMIT 1",
    )
    for text, number in found:
        more = f" (and {number - 1} more)" if number > 1 else ""
        raise UserFault(f'column "{before.name}": "{text}" is not {after.type}{more}.')


def _refuse_equal_keys(
    connection: duckdb.DuckDBPyConnection, target: Target, known: Mapping[str, Column], after: list[Column]
) -> None:
    """Raise UserFault if the new types make keys empty or equal, such as 1 and 01."""
    key = [column for column in after if column.name in target.key]
    if all(known[column.name] == column for column in key):
        return
    rows = loading.existing_rows(connection, target)
    values = [_as_type(known[column.name], column) for column in key]
    bad = f"count(*) > 1 OR {' OR '.join(f'first({value}) IS NULL' for value in values)}"
    found = rows_of(connection, f"SELECT 1 FROM {rows} GROUP BY {', '.join(values)} HAVING {bad}")
    if found:
        raise UserFault(f"{len(found)} keys would be empty or occur more than once.")


def _rewrite_as(
    connection: duckdb.DuckDBPyConnection, target: Target, before: list[Column], after: list[Column]
) -> None:
    """Rewrite all rows with the new columns."""
    rows = loading.existing_rows(connection, target)
    known = {column.name: column for column in before}
    values = ", ".join(f"{_as_type(known[column.name], column)} AS {name(column.name)}" for column in after)
    query = f"SELECT {values}{', ' if values else ''}{TIMESTAMP} FROM {rows}"
    target.columns = after
    loading.write_instead(connection, target, list(target.files.adds), query)
