"""Versioned objects of any kind: put, delete, read. Version numbers start at 1 and go on after a delete.

What the kinds differ in stands in the modules beside this one.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from locksided.core.errors import Conflict, NotFound
from locksided.store import cursors
from locksided.store.paging import PageRequest, Slice, first_of, row_bytes
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


@dataclass(frozen=True, slots=True)
class Listing:
    """Which objects a list has: those of a kind in the scopes from `first` to `last`, by scope and id.

    `keep` leaves out others of them by their bodies.
    """

    project: str
    kind: Kind
    first: str = ""
    last: str = ""
    keep: Callable[[Mapping[str, Any]], bool] | None = None

    def cursor_at(self, stored: Stored) -> str:
        """Answer the cursor behind an object."""
        return cursors.written(self.kind.value, stored.scope, stored.id)


def page(connection: sqlite3.Connection, wanted: Listing, request: PageRequest) -> Slice[Stored]:
    """Answer a page of the current versions of what is not deleted. Invalid for what is no cursor."""
    scope, object_id = cursors.read(request.cursor, wanted.kind.value, tuple[str, str]) or ("", "")
    params = {"project": wanted.project, "kind": wanted.kind.value, "scope": wanted.first}
    params |= {"scope_to": wanted.last, "after_scope": scope, "after_id": object_id}
    rows = (row for row in connection.execute(QUERIES["objects"], params) if _is_kept(wanted, row))
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(Stored, taken), has_more, wanted.cursor_at)


_BODY = Stored.__struct_fields__.index("body")


def _is_kept(wanted: Listing, row: tuple[Any, ...]) -> bool:
    return wanted.keep is None or wanted.keep(msgspec.json.decode(row[_BODY]))


def versions(connection: sqlite3.Connection, key: Key, request: PageRequest) -> Slice[Version]:
    """Answer an object's changes, the newest first; those of a deleted object too."""
    (before,) = cursors.read(request.cursor, _VERSIONS, tuple[cursors.Integer]) or (_NEWEST,)
    rows = connection.execute(QUERIES["object_versions"], {**key.params(), "before": before})
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    if not taken and request.cursor is None:
        raise NotFound(f"there is no {key}", path=key.path(), **key.names())
    return Slice(decoded(Version, taken), has_more, lambda one: cursors.written(_VERSIONS, one.version))


_VERSIONS = "versions"
_NEWEST = 2**63 - 1


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
    put_text(tx, key, json_text(body), change)
    return get(tx.connection, key)


def put_text(tx: Transaction, key: Key, text: str, change: Change) -> int:
    """Store a body that is known to differ, as its JSON text, and answer the number of its version."""
    row = tx.connection.execute(QUERIES["object_number"], key.params()).fetchone()
    number, is_deleted = (row[0] + 1, row[1]) if row else (1, True)
    tx.connection.execute(
        QUERIES["put_object"], {**key.params(), "version": number, "now_us": change.time_us}
    )
    _insert_version(tx, key, number, text, change)
    tell(tx, key, "created" if is_deleted else "updated", change, version=number)
    return number


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


def _insert_version(tx: Transaction, key: Key, number: int, text: str, change: Change) -> None:
    tx.connection.execute(
        QUERIES["insert_object_version"],
        {
            **key.params(),
            "version": number,
            "body": text,
            "description": change.description,
            "now_us": change.time_us,
            "by": json_text(change.by),
        },
    )
