"""Read-only tables: other programs wrote to their logs, or parts of them are missing."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.store.rows import decoded
from locksided.store.sql import QUERIES
from locksided.store.table_rows import TableRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


def note_trouble(tx: Transaction, number: int, trouble: Mapping[str, Any] | None, time_us: int) -> None:
    """Record what is wrong with a table, or that nothing is any more."""
    values = {"number": number, "trouble": None if trouble is None else json_text(trouble)}
    found = tx.connection.execute(QUERIES["note_trouble"], values).fetchone()
    if found is None or trouble is None:
        return
    project, branch, table = json.loads(found[0])
    data = {"branchId": branch, "table": table, "version": trouble["version"], "cause": trouble["cause"]}
    tx.event(time_us, f"table.{trouble['kind']}", project, data=data)


def troubled(connection: sqlite3.Connection) -> list[TableRow]:
    """Return all tables with troubles."""
    return decoded(TableRow, connection.execute(QUERIES["troubled_tables"]).fetchall())


def all_keys(connection: sqlite3.Connection) -> list[str]:
    """Return all tables that are not in the trash."""
    return [key for (key,) in connection.execute(QUERIES["all_table_keys"])]


def forget_pages(connection: sqlite3.Connection) -> None:
    """Free the memory for pages read by an inspection of all tables."""
    connection.execute("PRAGMA shrink_memory")
