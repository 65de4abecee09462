"""Buckets as stored objects: a bucket is created with its first table, and deleted only without tables."""

from collections.abc import Mapping
from contextlib import suppress
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
    listing = all_of(BUCKET, key.project, key.branch, keep=lambda body: body["id"].lower() == key.id.lower())
    for other in objects.page(tx.connection, listing).entries:
        if other.id != key.id:
            text = f"{key} differs from bucket {other.id} in capitals only: take another id."
            raise Conflict(text, path="$.bucket.id")


def refuse_full(tx: Transaction, key: Key, _: Change) -> None:
    """Raise Conflict for a bucket that has tables."""
    if _has_tables(tx, key):
        raise Conflict(f"{key} has tables: delete them first.", path="$.id")


def _has_tables(tx: Transaction, key: Key) -> bool:
    beginning = f"{key.project}/{key.branch}/{key.id}.".lower()
    asked = {"beginning": beginning, "end": beginning[:-1] + "/"}
    return tx.connection.execute(QUERIES["has_tables"], asked).fetchone() is not None
