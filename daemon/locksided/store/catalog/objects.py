"""Versioned objects of any kind: put, delete, read. Version numbers start at 1 and go on after a delete.

What the kinds differ in stands in the modules beside this one.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from locksided.core.errors import Conflict, NotFound
from locksided.store.rows import Stored, Version, decoded
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


class Kind(Enum):
    """What is kept in versions; the values are also the first words of their events' kinds."""

    COMPONENT = "component"
    CONFIG = "config"
    BRANCH = "branch"
    VARIABLES = "variables"

    @property
    def title(self) -> str:
        """The word for people."""
        match self:
            case Kind.CONFIG:
                return "configuration"
            case Kind.VARIABLES:
                return "set of variables"
            case Kind.COMPONENT | Kind.BRANCH:
                return str(self.value)


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, when, and why; `time_us` in microseconds since the epoch."""

    time_us: int
    by: Mapping[str, Any]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Names one object. `scope` is empty, or `<branch>/<component>` for a configuration."""

    project: str
    kind: Kind
    id: str
    scope: str = ""

    def params(self) -> dict[str, Any]:
        """Answer the key as parameters of a statement."""
        return {"project": self.project, "kind": self.kind.value, "scope": self.scope, "id": self.id}

    def names(self) -> dict[str, str]:
        """Answer the key as an event's data names it."""
        if self.kind is Kind.CONFIG:
            branch, _, component = self.scope.partition("/")
            return {"branchId": branch, "component": component, "config": self.id}
        return {"id": self.id}

    def path(self, version: int | None = None) -> str:
        """Answer the field by which it was asked for."""
        if version is not None:
            return "$.version"
        return "$.config" if self.kind is Kind.CONFIG else "$.id"

    def __str__(self) -> str:
        where = f" of component {self.names()['component']}" if self.kind is Kind.CONFIG else ""
        return f"{self.kind.title} {self.id}{where}"


def find(connection: sqlite3.Connection, key: Key, version: int | None = None) -> Stored | None:
    """Answer the current version unless deleted, or the given one, deleted or not; None if there is none."""
    rows = connection.execute(QUERIES["object"], {**key.params(), "version": version}).fetchall()
    return decoded(Stored, rows)[0] if rows else None


def get(connection: sqlite3.Connection, key: Key, version: int | None = None) -> Stored:
    """As `find`, but NotFound if there is none."""
    found = find(connection, key, version)
    if found is None:
        which = f"{key}" if version is None else f"version {version} of {key}"
        has_versions = version is not None and key.kind is Kind.CONFIG
        list_of = f"{key.kind.value}.{'versions' if has_versions else 'list'}"
        raise NotFound(
            f"there is no {which}; list what there is with {list_of}", path=key.path(version), **key.names()
        )
    return found


def listed(
    connection: sqlite3.Connection, project: str, kind: Kind, *, first: str, last: str
) -> list[Stored]:
    """Answer the current versions of all that are not deleted in the scopes from `first` to `last`."""
    params = {"project": project, "kind": kind.value, "scope": first, "scope_to": last}
    return decoded(Stored, connection.execute(QUERIES["objects"], params).fetchall())


def versions(connection: sqlite3.Connection, key: Key) -> list[Version]:
    """Answer an object's changes, the newest first; those of a deleted object too."""
    found = decoded(Version, connection.execute(QUERIES["object_versions"], key.params()).fetchall())
    if not found:
        raise NotFound(f"there is no {key}", path=key.path(), **key.names())
    return found


def put(
    tx: Transaction,
    key: Key,
    body: Mapping[str, Any],
    change: Change,
    *,
    expected_version: int | None = None,
    is_signed: bool = False,
) -> Stored:
    """Store `body` as the new version and answer it; an equal body answers the version that has it already.

    `expected_version` is the current one, 0 for none; Conflict if it is another. Where it matters who wrote
    it (`is_signed`), an equal body by somebody else is a new version, too.
    """
    current = _newest(tx, key)
    _expect(key, current, expected_version)
    if current is not None and not current.deleted and same(current.body, body):
        needs_name = is_signed and _writer(current.changed_by) != _writer(change.by)
        if not needs_name:
            return current
    number = current.version + 1 if current else 1
    tx.connection.execute(
        QUERIES["put_object"], {**key.params(), "version": number, "now_us": change.time_us}
    )
    _insert_version(tx, key, number, body, change)
    created = current is None or bool(current.deleted)
    tell(tx, key, "created" if created else "updated", change, version=number)
    return get(tx.connection, key)


def delete(tx: Transaction, key: Key, change: Change) -> None:
    """Hide an object; its versions stay readable by number. NotFound if there is none."""
    if tx.connection.execute(QUERIES["delete_object"], key.params()).rowcount == 0:
        raise NotFound(
            f"there is no {key}; list what there is with {key.kind.value}.list",
            path=key.path(),
            **key.names(),
        )
    tell(tx, key, "deleted", change)


def tell(tx: Transaction, key: Key, what: str, change: Change, **data: Any) -> None:
    """Tell what was done to an object."""
    tx.event(
        change.time_us,
        f"{key.kind.value}.{what}",
        key.project,
        principal=change.by,
        data={**key.names(), **data},
    )


def _writer(by: Mapping[str, Any] | None) -> object:
    return (by or {}).get("uid")


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two bodies are the same JSON, in whatever order; 1, 1.0 and true are not the same."""
    return _canonical(one) == _canonical(other)


def _canonical(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(body, order="sorted")


def _newest(tx: Transaction, key: Key) -> Stored | None:
    rows = tx.connection.execute(QUERIES["object_even_deleted"], key.params()).fetchall()
    return decoded(Stored, rows)[0] if rows else None


def _expect(key: Key, current: Stored | None, expected: int | None) -> None:
    found = 0 if current is None or current.deleted else current.version
    if expected is not None and expected != found:
        raise Conflict(
            f"{key} has version {found}, not {expected}: somebody changed it meanwhile; read it again",
            path="$.expectedVersion",
            version=found,
            **key.names(),
        )


def _insert_version(tx: Transaction, key: Key, number: int, body: Mapping[str, Any], change: Change) -> None:
    tx.connection.execute(
        QUERIES["insert_object_version"],
        {
            **key.params(),
            "version": number,
            "body": json_text(body),
            "description": change.description,
            "now_us": change.time_us,
            "by": json_text(change.by),
        },
    )
