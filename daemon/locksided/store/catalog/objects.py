"""Versioned objects of any kind: put, delete, roll back, copy, read.

Version numbers start at 1 and continue after a delete. The caller checks whether a body is valid, and the
other rules of a kind.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from lockside.kinds import BRANCH, KINDS, Kind
from locksided.core.errors import Conflict, NotFound
from locksided.secrets.guards import refuse_plain
from locksided.secrets.places import Place
from locksided.store import cursors
from locksided.store.catalog.keys import DEFAULT, Change, Key, Listing, in_branch
from locksided.store.paging import FIRST_PAGE, PageRequest, Slice, first_of, row_bytes
from locksided.store.rows import StoredRow, Version, decoded
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


def find(connection: sqlite3.Connection, key: Key, version: int | None = None) -> StoredRow | None:
    """Return the current version unless deleted, or the given one even if deleted; None if there is none."""
    rows = connection.execute(QUERIES["object"], {**key.params(), "version": version}).fetchall()
    return decoded(StoredRow, rows)[0] if rows else None


def get(connection: sqlite3.Connection, key: Key, version: int | None = None) -> StoredRow:
    """Like `find`, but raises NotFound if there is none."""
    found = find(connection, key, version)
    if found is None:
        which = f"{key}" if version is None else f"version {version} of {key}"
        list_of = f"{key.kind.methods}.{'list' if version is None else 'versions'}"
        raise NotFound(
            f"There is no {which}; list what there is with {list_of}", path=key.path(version), **key.members()
        )
    return found


def page(
    connection: sqlite3.Connection, wanted: Listing, request: PageRequest = FIRST_PAGE
) -> Slice[StoredRow]:
    """Return a page of the current versions of objects that are not deleted.

    Raises Invalid for an invalid cursor, NotFound for a branch that does not exist.
    """
    require_branch(connection, Key(wanted.project, wanted.kind, ("",), wanted.branch))
    scope, object_id = cursors.read(request.cursor, wanted.kind.word, tuple[str, str]) or ("", "")
    params = {"project": wanted.project, "kind": wanted.kind.word, "scope": wanted.first}
    params |= {"scope_to": wanted.last, "after_scope": scope, "after_id": object_id}
    rows = (row for row in connection.execute(QUERIES["objects"], params) if _is_kept(wanted, row))
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(StoredRow, taken), has_more, wanted.cursor_at)


def of_kind(connection: sqlite3.Connection, kind: Kind) -> list[tuple[str, dict[str, Any]]]:
    """Return the project and the body of each object of a kind, in all projects."""
    rows = connection.execute(QUERIES["objects_of_kind"], (kind.word,))
    return [(project, msgspec.json.decode(body)) for project, body in rows]


_BODY = StoredRow.__struct_fields__.index("body")


def _is_kept(wanted: Listing, row: tuple[Any, ...]) -> bool:
    return wanted.keep is None or wanted.keep(msgspec.json.decode(row[_BODY]))


def versions(connection: sqlite3.Connection, key: Key, request: PageRequest = FIRST_PAGE) -> Slice[Version]:
    """Return an object's changes, the newest first, even for a deleted object."""
    (before,) = cursors.read(request.cursor, _VERSIONS, tuple[cursors.Integer]) or (_NEWEST,)
    rows = connection.execute(QUERIES["object_versions"], {**key.params(), "before": before})
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    if not taken and request.cursor is None:
        raise NotFound(f"There is no {key}.", path=key.path(), **key.members())
    return Slice(decoded(Version, taken), has_more, lambda one: cursors.written(_VERSIONS, one.version))


_VERSIONS = "versions"
_NEWEST = 2**63 - 1


def number_of(connection: sqlite3.Connection, key: Key) -> int:
    """Return how many objects of a kind its project has."""
    (count,) = connection.execute(QUERIES["count_objects"], (key.project, key.kind.word)).fetchone()
    return int(count)


def put(
    tx: Transaction,
    key: Key,
    body: Mapping[str, Any],
    change: Change,
    *,
    expected_version: int | None = None,
    is_signed: bool = False,
    source: Place | None = None,
) -> StoredRow:
    """Store `body` as a new version and return it; if the current version is equal, return that.

    `expected_version` is the current one, 0 for none; Conflict if it is another. If the writer matters
    (`is_signed`), an equal body by another user is a new version, too. NotFound without its branch.

    Secrets are encrypted; an equal value keeps its cipher text. Values encrypted for `source` are
    re-encrypted for this object. Raises Invalid for cipher texts that belong to other objects.
    """
    require_branch(tx.connection, key)
    current = newest(tx, key)
    _expect(key, current, expected_version)
    body = tx.vault.seal(
        body, key.place, path=key.document_path, before=current and current.body, source=source
    )
    if current is not None and not current.deleted and same(current.body, body):
        needs_name = is_signed and _writer(current.changed_by) != _writer(change.by)
        if not needs_name:
            return current
    put_sealed(tx, key, json_text(body), change)
    return get(tx.connection, key)


def put_sealed(tx: Transaction, key: Key, text: str, change: Change) -> int:
    """Store a body that is known to differ, with encrypted secrets, and return its version number."""
    refuse_plain(text.encode())
    row = tx.connection.execute(QUERIES["object_number"], key.params()).fetchone()
    number, is_deleted = (row[0] + 1, row[1]) if row else (1, True)
    tx.connection.execute(
        QUERIES["put_object"], {**key.params(), "version": number, "now_us": change.time_us}
    )
    _insert_version(tx, key, number, text, change)
    tell(tx, key, "created" if is_deleted else "updated", change, version=number)
    return number


def create(tx: Transaction, key: Key, body: Mapping[str, Any], change: Change) -> StoredRow:
    """Store a new object; Conflict if the key exists."""
    if find(tx.connection, key) is not None:
        path = f"$.{key.kind.member}.{key.kind.key[-1]}"
        raise Conflict(f"There is a {key} already.", path=path, **key.members())
    return put(tx, key, body, change)


def rollback(
    tx: Transaction, key: Key, version: int, change: Change, *, expected_version: int | None = None
) -> StoredRow:
    """Make the content of an old version the newest version; this restores a deleted object."""
    old = get(tx.connection, key, version)
    change = replace(change, description=change.description or f"rolled back to version {version}")
    return put(tx, key, old.body, change, expected_version=expected_version)


def copy(
    tx: Transaction, source: Key, target: Key, change: Change, *, version: int | None = None
) -> StoredRow:
    """Copy an object, or one version of it, to another key; Conflict if that exists.

    Members of the body that identify the object are set to the copy's. The state of a configuration is not
    copied: a copy starts as if it had never run.
    """
    require_branch(tx.connection, target, "$.toBranchId")
    old = get(tx.connection, source, version)
    if find(tx.connection, target) is not None:
        name = target.kind.key[-1]
        path = f"$.to{name[0].upper()}{name[1:]}"
        raise Conflict(f"There is a {target} already: name another.", path=path, **{name: target.id})
    place = (source.branch, *source.names) if source.kind.in_branch else source.names
    why = change.description or f"copied from {'/'.join(place)}"
    body = {**old.body, **{name: value for name, value in target.members().items() if name in old.body}}
    change = replace(change, description=f"{why}, version {old.version}")
    return put(tx, target, body, change, source=source.place)


def require_branch(connection: sqlite3.Connection, key: Key, path: str = "$.branchId") -> None:
    """Raise NotFound if the branch does not exist; the default branch is never stored."""
    branch = Key(key.project, BRANCH, (key.branch,))
    if key.kind.in_branch and key.branch != DEFAULT and find(connection, branch) is None:
        text = (
            f"There is no branch {key.branch}: `lockside branch ls` lists those that exist, "
            f"`lockside branch put {key.branch}` makes it."
        )
        raise NotFound(text, path=path, branchId=key.branch)


def delete_contents(tx: Transaction, key: Key, _: Change) -> None:
    """Hide all objects in a branch."""
    for kind in KINDS.values():
        if kind.in_branch:
            where = {"kind": kind.word, **in_branch(key.project, key.id)}
            tx.connection.execute(QUERIES["delete_in_branch"], where)


def delete(tx: Transaction, key: Key, change: Change) -> None:
    """Hide an object; its versions can still be read by number. NotFound if there is none."""
    if tx.connection.execute(QUERIES["delete_object"], key.params()).rowcount == 0:
        raise NotFound(
            f"There is no {key}; list what there is with {key.kind.methods}.list",
            path=key.path(),
            **key.members(),
        )
    tell(tx, key, "deleted", change)


def tell(tx: Transaction, key: Key, what: str, change: Change, **data: Any) -> None:
    """Append an event about an object."""
    tx.event(
        change.time_us,
        f"{key.kind.word}.{what}",
        key.project,
        principal=change.by,
        data={**key.members(), **data},
    )


def _writer(by: Mapping[str, Any] | None) -> object:
    return (by or {}).get("uid")


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two bodies are equal JSON, in any order; 1, 1.0 and true differ."""
    return _canonical(one) == _canonical(other)


def _canonical(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(body, order="sorted")


def newest(tx: Transaction, key: Key) -> StoredRow | None:
    """Return the newest version, even of a deleted object; None if there never was one."""
    rows = tx.connection.execute(QUERIES["object_even_deleted"], key.params()).fetchall()
    return decoded(StoredRow, rows)[0] if rows else None


def was_ever(connection: sqlite3.Connection, key: Key) -> bool:
    """Return whether such an object exists or existed."""
    return connection.execute(QUERIES["object_number"], key.params()).fetchone() is not None


def _expect(key: Key, current: StoredRow | None, expected: int | None) -> None:
    found = 0 if current is None or current.deleted else current.version
    if expected is not None and expected != found:
        raise Conflict(
            f"{key} has version {found}, not {expected}: somebody changed it meanwhile; read it again",
            path="$.expectedVersion",
            version=found,
            **key.members(),
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
