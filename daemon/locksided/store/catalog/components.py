"""Components: one versioned manifest per id and project. Built-in components are not stored."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.store.catalog import objects
from locksided.store.catalog.objects import Change, Key, Kind, Listing
from locksided.store.rows import Stored
from locksided.store.transaction import Transaction


def component(
    connection: sqlite3.Connection, project: str, component_id: str, version: int | None = None
) -> Stored | None:
    """Answer a component, or None; a version also of a deleted one."""
    return objects.find(connection, _key(project, component_id), version)


def all_components(project: str, type_: str | None = None) -> Listing:
    """Answer which are all components, or those of one type."""
    keep = None if type_ is None else lambda body: body.get("type") == type_
    return Listing(project, Kind.COMPONENT, keep=keep)


def put_component(
    tx: Transaction,
    project: str,
    component_id: str,
    body: Mapping[str, Any],
    change: Change,
    *,
    expected_version: int | None = None,
) -> Stored:
    """Store a manifest; an equal one makes no new version and no event."""
    return objects.put(tx, _key(project, component_id), body, change, expected_version=expected_version)


def delete_component(tx: Transaction, project: str, component_id: str, change: Change) -> None:
    """Hide a component; its configurations stay."""
    objects.delete(tx, _key(project, component_id), change)


def _key(project: str, component_id: str) -> Key:
    return Key(project, Kind.COMPONENT, component_id)
