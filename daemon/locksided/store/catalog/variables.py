"""Sets of variables: named values that configurations are filled with, versioned."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.store.catalog import objects
from locksided.store.catalog.objects import Change, Key, Kind, Listing
from locksided.store.rows import Stored
from locksided.store.transaction import Transaction


def variables(
    connection: sqlite3.Connection, project: str, variables_id: str, version: int | None = None
) -> Stored | None:
    """Answer a set of variables, or None; a version also of a deleted one."""
    return objects.find(connection, _key(project, variables_id), version)


def all_variables(project: str) -> Listing:
    """Answer which are all sets."""
    return Listing(project, Kind.VARIABLES)


def put_variables(
    tx: Transaction,
    project: str,
    variables_id: str,
    body: Mapping[str, Any],
    change: Change,
    *,
    expected_version: int | None = None,
) -> Stored:
    """Store a set; an equal one makes no new version and no event."""
    return objects.put(tx, _key(project, variables_id), body, change, expected_version=expected_version)


def delete_variables(tx: Transaction, project: str, variables_id: str, change: Change) -> None:
    """Hide a set."""
    objects.delete(tx, _key(project, variables_id), change)


def _key(project: str, variables_id: str) -> Key:
    return Key(project, Kind.VARIABLES, variables_id)
