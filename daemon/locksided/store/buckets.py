"""Buckets as stored objects: a bucket is created with its first table, and deleted only without tables."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from lockside.documents.table import BucketSpec
from lockside.kinds import BUCKET
from locksided.core.errors import Conflict, NotFound
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key, all_of
from locksided.store.rows import StoredRow
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.tables.names import TableId


def make_bucket(tx: Transaction, table: TableId, time_us: int, by: Mapping[str, Any]) -> None:
    """Store the bucket of a table, unless it exists; not in a branch that was deleted."""
    key = Key(table.project, BUCKET, (table.bucket,), table.branch)
    if objects.find(tx.connection, key) is None:
        with suppress(NotFound):
            objects.put(tx, key, msgspec.to_builtins(BucketSpec(id=table.bucket)), Change(time_us, by))


def changed(tx: Transaction, key: Key, before: StoredRow | None, after: StoredRow, _: Change) -> None:
    """Raise Conflict for a new id that differs only in case, and for changed access to existing tables."""
    if before is None or before.deleted:
        _refuse_other_capitals(tx, key)
        return
    if before.body["access"] == after.body["access"]:
        return
    if _has_tables(tx, key):
        text = f"The access to {key} was {before.body['access']} when its tables were made: it stays."
        raise Conflict(text, path="$.bucket.access")


def _refuse_other_capitals(tx: Transaction, key: Key) -> None:
    for other in _spellings(tx.connection, key):
        if other != key.id:
            text = f"{key} differs from bucket {other} only in case: choose another id."
            raise Conflict(text, path="$.bucket.id")


def _spellings(connection: sqlite3.Connection, key: Key) -> list[str]:
    """Return the ids of the bucket and of those that differ from it only in case. Raises NotFound."""
    listing = all_of(BUCKET, key.project, key.branch, keep=lambda body: body["id"].lower() == key.id.lower())
    return [found.id for found in objects.page(connection, listing).entries]


def _first_spelling(connection: sqlite3.Connection, key: Key) -> str:
    if objects.find(connection, key) is None:
        with suppress(NotFound):  # the branch no longer exists
            return next(iter(_spellings(connection, key)), key.id)
    return key.id


def in_first_spelling(connection: sqlite3.Connection, tables: Iterable[TableId]) -> list[TableId]:
    """Return the tables, each in the existing bucket if its id differs only in case."""
    spelt: dict[str, str] = {}
    found = []
    for table in tables:
        bucket = table.key.rpartition(".")[0]
        if bucket not in spelt:
            key = Key(table.project, BUCKET, (table.bucket,), table.branch)
            spelt[bucket] = _first_spelling(connection, key)
        found.append(replace(table, text=f"{spelt[bucket]}.{table.text.rpartition('.')[2]}"))
    return found


def refuse_full(tx: Transaction, key: Key, _: Change) -> None:
    """Raise Conflict for a bucket that has tables."""
    if _has_tables(tx, key):
        raise Conflict(f"{key} has tables: delete them first.", path="$.id")


def _has_tables(tx: Transaction, key: Key) -> bool:
    beginning = f"{key.project}/{key.branch}/{key.id}.".lower()
    asked = {"beginning": beginning, "end": beginning[:-1] + "/"}
    return tx.connection.execute(QUERIES["has_tables"], asked).fetchone() is not None
