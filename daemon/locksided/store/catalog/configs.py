"""Configurations: versioned objects by project, branch, component and id, that can be rolled back and copied.

Whether the component exists is the caller's question: built-in ones are not stored.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from locksided.core.errors import Conflict
from locksided.store.catalog import objects
from locksided.store.catalog.branches import AFTER_SLASH, DEFAULT, require_branch
from locksided.store.catalog.objects import Change, Key, Kind, Listing
from locksided.store.rows import Stored
from locksided.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ConfigId:
    """Names one configuration."""

    component: str
    config: str
    branch: str = DEFAULT
    project: str = DEFAULT

    def key(self) -> Key:
        """Answer its key among the versioned objects."""
        return Key(self.project, Kind.CONFIG, self.config, f"{self.branch}/{self.component}")


def config(connection: sqlite3.Connection, config_id: ConfigId, version: int | None = None) -> Stored | None:
    """Answer a configuration, or None; a version also of a deleted one."""
    return objects.find(connection, config_id.key(), version)


def all_configs(project: str, branch: str = DEFAULT, component: str | None = None) -> Listing:
    """Answer which are the configurations of a branch, or of one component in it, by component and id."""
    if component is not None:
        return Listing(project, Kind.CONFIG, f"{branch}/{component}", f"{branch}/{component}")
    return Listing(project, Kind.CONFIG, f"{branch}/", f"{branch}{AFTER_SLASH}")


def put_config(
    tx: Transaction,
    config_id: ConfigId,
    body: Mapping[str, Any],
    change: Change,
    *,
    expected_version: int | None = None,
    is_signed: bool = False,
) -> Stored:
    """Store a configuration; an equal one makes no new version and no event. NotFound without its branch.

    An equal one by another writer is a new version when it `is_signed`.
    """
    require_branch(tx.connection, config_id.project, config_id.branch)
    return objects.put(
        tx, config_id.key(), body, change, expected_version=expected_version, is_signed=is_signed
    )


def delete_config(tx: Transaction, config_id: ConfigId, change: Change) -> None:
    """Hide a configuration; its versions and its state stay."""
    objects.delete(tx, config_id.key(), change)


def rollback_config(
    tx: Transaction, config_id: ConfigId, version: int, change: Change, *, expected_version: int | None = None
) -> Stored:
    """Make the content of an old version the newest version; a deleted configuration comes back so."""
    require_branch(tx.connection, config_id.project, config_id.branch)
    old = objects.get(tx.connection, config_id.key(), version)
    why = change.description or f"rolled back to version {version}"
    return objects.put(
        tx, config_id.key(), old.body, replace(change, description=why), expected_version=expected_version
    )


def copy_config(
    tx: Transaction,
    source: ConfigId,
    target: ConfigId,
    change: Change,
    *,
    version: int | None = None,
    names: Mapping[str, Any] | None = None,
) -> Stored:
    """Copy a configuration, or one version of it, to another id or branch; Conflict if there is one.

    `names` are the members of the body by which the copy calls itself. Its state is not copied: a copy begins
    as one that never ran.
    """
    require_branch(tx.connection, target.project, target.branch, "$.toBranchId")
    old = objects.get(tx.connection, source.key(), version)
    if objects.find(tx.connection, target.key()) is not None:
        raise Conflict(
            f"there is a {target.key()} already; name another", path="$.toConfig", config=target.config
        )
    why = change.description or f"copied from {source.branch}/{source.component}/{source.config}"
    return objects.put(
        tx,
        target.key(),
        {**old.body, **(names or {})},
        replace(change, description=f"{why}, version {old.version}"),
    )
