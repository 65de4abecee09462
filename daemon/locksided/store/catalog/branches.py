"""Branches: `default`, which is always there and not stored, and named ones with their own configurations."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.core.errors import Conflict, NotFound
from locksided.store.catalog import objects
from locksided.store.catalog.objects import Change, Key, Kind, Listing
from locksided.store.rows import Stored
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction

DEFAULT = "default"
AFTER_SLASH = "0"  # the character after "/": no scope of a branch sorts behind `<branch>0`


def all_branches(project: str) -> Listing:
    """Answer which are the named branches; the default one is always there and not among them."""
    return Listing(project, Kind.BRANCH)


def branch(connection: sqlite3.Connection, project: str, branch_id: str) -> Stored | None:
    """Answer a named branch, or None."""
    return objects.find(connection, _key(project, branch_id))


def require_branch(
    connection: sqlite3.Connection, project: str, branch_id: str, path: str = "$.branchId"
) -> None:
    """NotFound unless there is such a branch."""
    if branch_id != DEFAULT and branch(connection, project, branch_id) is None:
        raise NotFound(
            f"there is no branch {branch_id}; create it with branch.create",
            path=path,
            branchId=branch_id,
        )


def create_branch(
    tx: Transaction, project: str, branch_id: str, body: Mapping[str, Any], change: Change
) -> Stored:
    """Make an empty branch; Conflict if there is one of that id."""
    if branch_id == DEFAULT or branch(tx.connection, project, branch_id) is not None:
        raise Conflict(f"there is a branch {branch_id} already", path="$.branch.id", branchId=branch_id)
    objects.put(tx, _key(project, branch_id), body, change)
    return objects.get(tx.connection, _key(project, branch_id))


def delete_branch(tx: Transaction, project: str, branch_id: str, change: Change) -> None:
    """Hide a branch and its configurations; the default branch stays."""
    if branch_id == DEFAULT:
        raise Conflict("the default branch cannot be deleted", path="$.id", branchId=branch_id)
    objects.delete(tx, _key(project, branch_id), change)
    scopes = {"project": project, "scope": f"{branch_id}/", "scope_to": f"{branch_id}{AFTER_SLASH}"}
    tx.connection.execute(QUERIES["delete_configs_of_branch"], scopes)


def _key(project: str, branch_id: str) -> Key:
    return Key(project, Kind.BRANCH, branch_id)
