"""Dropped tables: heads and versions are kept until the trash is emptied, under keys that are not ids."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.core.errors import Conflict
from locksided.store.rows import decoded
from locksided.store.sql import QUERIES
from locksided.store.stored_files import FileFilter, delete, find
from locksided.store.table_rows import DroppedRow
from locksided.store.transaction import Transaction
from locksided.store.vacuum import claimed_keys
from locksided.tables.names import TableId


def drop(
    tx: Transaction, table: TableId, time_us: int, principal: Mapping[str, Any], job_id: int | None = None
) -> None:
    """Move a table to the trash; its folder is moved later."""
    tx.connection.execute(QUERIES["drop_table"], {"key": table.key, "time_us": time_us})
    data = {"branchId": table.branch, "table": table.text}
    tx.event(time_us, "table.dropped", table.project, job_id=job_id, principal=principal, data=data)


def drop_branch(
    tx: Transaction, project: str, branch: str, time_us: int, principal: Mapping[str, Any]
) -> None:
    """Move all tables of a branch to the trash, and delete its files.

    Raises Conflict while a job writes one of the tables.
    """
    place = f"{project}/{branch}/".lower()
    found = tx.reading().execute(QUERIES["tables_of_branch"], (place, place + "~")).fetchall()
    written = {key for key, _ in found} & claimed_keys(tx.connection)
    if written:
        listed = ", ".join(sorted(key.rpartition("/")[2] for key in written))
        raise Conflict(f"Jobs write tables of branch {branch}: {listed}.", path="$.id")
    for _, table in found:
        drop(tx, TableId(project, branch, table), time_us, principal)
    for file in find(tx.connection, FileFilter(project, branch), -1):
        delete(tx, file, time_us, principal, "branch")


def dropped(connection: sqlite3.Connection) -> list[DroppedRow]:
    """Return dropped tables whose folders are not in the trash yet."""
    return decoded(DroppedRow, connection.execute(QUERIES["dropped_tables"]).fetchall())


def newest_dropped(connection: sqlite3.Connection, table: TableId) -> str | None:
    """Return the key of the last dropped table with this id; None if none is in the trash."""
    found = connection.execute(QUERIES["newest_dropped"], {"key": table.key}).fetchone()
    return None if found is None else str(found[0])


def trash_of(connection: sqlite3.Connection, key: str) -> str | None:
    """Return the folder name of a dropped table in the trash of its bucket; None if it is not there."""
    found = connection.execute(QUERIES["trash_of"], (key,)).fetchone()
    return None if found is None else found[0]


def note_trashed(tx: Transaction, row: DroppedRow) -> None:
    """Record that the folder of a dropped table is in the trash."""
    tx.connection.execute(QUERIES["note_trashed"], {"number": row.number, "trash": row.trash})
