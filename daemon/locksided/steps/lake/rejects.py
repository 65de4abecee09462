"""Rows that a load leaves out because they cannot be read or have a value of another type."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from lockside.documents.storage import OutputTable
from locksided.runs.failed_records import NAME
from locksided.steps.lake import types
from locksided.steps.lake.engine import name, rows_of
from locksided.steps.lake.loading import Rows, Target
from locksided.steps.program import MappingFault, UserFault

_FAULTS = "SELECT line, any_value(column_name), any_value(error_message), any_value(csv_line)"
_VALUE = re.compile(r'Could not convert string "(.*)" to ', re.DOTALL)


def rejecting(rows: Sequence[Rows], target: Target) -> list[Rows]:
    """The same sources, read so that bad rows are left out; values of Parquet files have their types."""
    return [_rejecting(one, target, place) for place, one in enumerate(rows)]


def _rejecting(rows: Rows, target: Target, place: int) -> Rows:
    reading = rows.reading
    if reading.typed is None:
        return rows
    if rows.nulls and "" not in rows.nulls:
        raise MappingFault(
            f'Failed to prepare mapping configuration for table {rows.source}: "on_bad_rows" needs "" among '
            '"treat_values_as_null".'
        )
    kinds = {
        column.name: types.duckdb_type(column)
        for column in target.columns
        if column.type != types.STRING and column.name in reading.columns
    }
    relation = reading.typed(kinds, rows.nulls, _table(target, place))
    return replace(rows, reading=replace(reading, relation=relation, is_typed=True))


def _table(target: Target, place: int) -> str:
    return f"rejects_{target.order.serial}_{place}"


def rejected(
    connection: duckdb.DuckDBPyConnection, target: Target, rows: Sequence[Rows], mapping: OutputTable
) -> list[dict[str, Any]]:
    """The rows that were left out, as failed records, and their number in the target's counts.

    Raises UserFault when there are more than may be.
    """
    records: list[dict[str, Any]] = []
    for place, one in enumerate(rows):
        for part in range(one.reading.parts):
            listed = name(f"{_table(target, place)}_{part}")
            found = rows_of(
                connection, f"{_FAULTS} FROM {listed} GROUP BY file_id, line ORDER BY file_id, line"
            )
            records += [_record(target, one.source, *row) for row in found]
    target.counts["rowsRejected"] = len(records)
    target.counts["recordsCount"] += len(records)
    if len(records) > mapping.max_bad_rows:
        raise UserFault(
            f"{len(records)} rows cannot be loaded, max_bad_rows is {mapping.max_bad_rows}. "
            f"The first: {records[0]['message']}"
        )
    return records


def _record(
    target: Target, source: str, line: int, column: str | None, cause: str, text: str
) -> dict[str, Any]:
    value = _VALUE.search(cause)
    kind = next((one.type for one in target.columns if one.name == column), None)
    if value is not None and kind is not None:
        told = f'"{source}" line {line}, column "{column}": "{value[1]}" is not {kind}.'
    else:
        told = f'"{source}" line {line}: {cause.splitlines()[0].rstrip(".")}.'
    return {
        "input": None,
        "record": {
            "table": target.order.id,
            "source": source,
            "line": line,
            "column": column,
            "value": None if value is None else value[1],
            "text": text.rstrip("\n"),
        },
        "id": None,
        "message": told,
        "code": "rejected",
    }


def keep(records: Sequence[Mapping[str, Any]], row_folder: Path) -> int:
    """Add records to the list of the row's failed ones; returns its size."""
    folder = row_folder / "artifacts" / "out"
    folder.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / NAME, flags, 0o666), "a+b") as file:
        size = file.tell()
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            file.write(b"\n")  # the component left its last line open
        file.writelines(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
