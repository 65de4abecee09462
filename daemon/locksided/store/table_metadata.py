"""Metadata of tables and of their columns, set by components and by users."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lockside.documents.times import time_text
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text
from locksided.tables.orders import Metadatum


class ToldRow(NamedTuple):
    """A piece of metadata as it is stored; `column` is empty for the table itself."""

    number: int
    column: str
    id: int
    provider: str
    key: str
    value: str
    time_us: int


def save_metadata(
    tx: Transaction, *, number: int, provider: str, items: Iterable[Metadatum], time_us: int
) -> None:
    """Store pieces of metadata; each replaces the provider's own piece with the same key."""
    for item in items:
        values = {
            "number": number,
            "column_name": item.column,
            "provider": provider,
            "key": item.key,
            "value": item.value,
            "time_us": time_us,
        }
        tx.connection.execute(QUERIES["put_table_metadata"], values)


def metadata_of(connection: sqlite3.Connection, numbers: Sequence[int]) -> Mapping[int, list[ToldRow]]:
    """Return all metadata of these tables."""
    found: dict[int, list[ToldRow]] = {}
    for row in connection.execute(QUERIES["table_metadata"], (json_text(list(numbers)),)):
        found.setdefault(row[0], []).append(ToldRow(*row))
    return found


def by_place(rows: Iterable[ToldRow]) -> tuple[list[ToldRow], dict[str, list[ToldRow]]]:
    """Return the metadata of a table itself, and that of each of its columns."""
    of_table: list[ToldRow] = []
    of_columns: dict[str, list[ToldRow]] = {}
    for row in rows:
        (of_columns.setdefault(row.column, []) if row.column else of_table).append(row)
    return of_table, of_columns


def pieces_of(connection: sqlite3.Connection, numbers: Sequence[int]) -> Mapping[int, list[dict[str, str]]]:
    """Return all metadata of these tables as in a manifest; `column` is empty for the table itself."""
    return {
        number: [
            {
                "column": row.column,
                "id": str(row.id),
                "key": row.key,
                "value": row.value,
                "provider": row.provider,
                "timestamp": time_text(row.time_us),
            }
            for row in rows
        ]
        for number, rows in metadata_of(connection, numbers).items()
    }
