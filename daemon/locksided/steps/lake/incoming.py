"""Incoming rows: sources converted to the columns and types of a table, and the errors in them."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from locksided.steps.lake import types
from locksided.steps.lake.bad_lines import MOST_TEXT, lines_of, unread_of
from locksided.steps.lake.engine import literal, name, rows_of
from locksided.steps.lake.reading import MAX_FIELD_BYTES, Reading, unreadable
from locksided.steps.program import UserFault
from locksided.tables.orders import Column

TEXT = "VARCHAR"


@dataclass(frozen=True, slots=True)
class Rows:
    """A source to be loaded as it is read, under its name for messages."""

    source: str
    reading: Reading
    nulls: Sequence[str] = ()


def _value(column: Column, rows: Rows) -> str:
    """Return the column's value before the cast; NULL for strings that stand for NULL."""
    value, kind = name(column.name), rows.reading.kinds.get(column.name, TEXT)
    if rows.nulls:
        nulls = ", ".join(map(literal, rows.nulls))
        value = f"CASE WHEN {value}::VARCHAR IN ({nulls}) THEN NULL ELSE {value} END"
    if column.type != types.STRING and kind == TEXT:
        value = f"nullif({value}, '')"
    return types.plain_text(column, value, kind)


def cast(column: Column, rows: Rows) -> str:
    """Return the column's value in its type."""
    kind = types.duckdb_type(column)
    if column.name not in rows.reading.columns:
        return f"NULL::{kind} AS {name(column.name)}"
    cast = f"CAST({_value(column, rows)} AS {kind})"
    if _may_be_long(column, rows) or column.type in types.BOUNDS:
        cast = f"CASE WHEN {_is_misfit(column, rows)} THEN error('misfit') ELSE {cast} END"
    return f"{cast} AS {name(column.name)}"


def _may_be_long(column: Column, rows: Rows) -> bool:
    return column.type == types.STRING and column.name not in rows.reading.kinds


def _is_misfit(column: Column, rows: Rows) -> str:
    """Return the condition that the value is not of its column's type, or exceeds its maximum size."""
    if _may_be_long(column, rows):
        return f"strlen({name(column.name)}) > {MAX_FIELD_BYTES}"
    return types.is_misfit(column, _value(column, rows))


class Misfit(NamedTuple):
    """A value that is not of its column's type: its record (from 1), and the number of such values there."""

    record: int
    column: str
    value: str
    number: int
    cause: str


def misfits(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: Rows, most: int
) -> Iterator[Misfit]:
    """Yield the first records with values that are not of their column's type, each with its first one."""
    there = [column for column in columns if column.name in rows.reading.columns]
    which, value = (
        " ".join(f"WHEN {_is_misfit(one, rows)} THEN {sql_of(place, one)}" for place, one in enumerate(there))
        for sql_of in (
            lambda place, _: str(place),
            lambda _, one: f"left({name(one.name)}::VARCHAR, {MOST_TEXT})",
        )
    )
    found = rows_of(
        connection,
        "SELECT _place, _which, _value, count(*) OVER (PARTITION BY _which) FROM "
        f"(SELECT _place, CASE {which} END AS _which, CASE {value} END AS _value FROM "
        f"(SELECT *, row_number() OVER () AS _place FROM {rows.reading.relation})) "
        f"WHERE _which IS NOT NULL ORDER BY _place LIMIT {most}",
    )
    for place, number, text, count in found:
        column = there[number]
        cause = f'"{text}" is not {column.type}'
        if _may_be_long(column, rows):
            cause = f"it has more than {MAX_FIELD_BYTES} bytes"
        yield Misfit(place, column.name, text, count, cause)


def execute(
    connection: duckdb.DuckDBPyConnection, statement: str, columns: Sequence[Column], rows: Sequence[Rows]
) -> None:
    """Run a statement that reads sources. Raises UserFault for an error in their content."""
    try:
        connection.execute(statement)
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.IOException) as fault:
        for source in rows:
            with suppress(duckdb.IOException, duckdb.InvalidInputException):  # nothing in it can be read
                _refuse_unread(connection, source)
                _refuse_misfits(connection, columns, source)
        found = next((one.source for one in rows if f"/{one.source}" in str(fault)), None)
        if found is None:
            raise
        raise unreadable(found, fault) from None


def _refuse_unread(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Raise UserFault for the first row that cannot be read."""
    if rows.reading.lenient is None:
        return
    rejects = f"unread_{uuid.uuid4().hex}"
    rows_of(connection, f"SELECT count(COLUMNS(*)) FROM {rows.reading.lenient(rejects)}")
    for line in lines_of(rows.reading, (), unread_of(connection, rows.reading, rejects, 1)):
        cause = "" if line.unread is None else line.unread.cause
        raise UserFault(f'"{rows.source}" line {line.number}: {cause}')


def _refuse_misfits(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: Rows) -> None:
    """Raise UserFault for the first value that is not of its column's type."""
    for found in misfits(connection, columns, rows, 1):
        more = f" (and {found.number - 1} more)" if found.number > 1 else ""
        where = f'record {found.record}, column "{found.column}": {found.cause}{more}'
        raise UserFault(f'"{rows.source}" {where}.')
