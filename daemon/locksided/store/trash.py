"""Dropped tables: their heads and versions stay until the trash is emptied, under keys that are no ids."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.store.rows import decoded
from locksided.store.sql import QUERIES
from locksided.store.table_rows import DroppedRow
from locksided.store.transaction import Transaction
from locksided.tables.names import TableId


def drop(
    tx: Transaction, table: TableId, time_us: int, principal: Mapping[str, Any], job_id: int | None = None
) -> None:
    """Put a table into the trash; its folder follows."""
    tx.connection.execute(QUERIES["drop_table"], {"key": table.key, "time_us": time_us})
    data = {"branchId": table.branch, "table": table.text}
    tx.event(time_us, "table.dropped", table.project, job_id=job_id, principal=principal, data=data)


def dropped(connection: sqlite3.Connection) -> list[DroppedRow]:
    """Dropped tables whose folders are not in the trash yet."""
    return decoded(DroppedRow, connection.execute(QUERIES["dropped_tables"]).fetchall())


def note_trashed(tx: Transaction, row: DroppedRow) -> None:
    """The folder of a dropped table is in the trash."""
    tx.connection.execute(QUERIES["note_trashed"], {"number": row.number, "trash": row.trash})
