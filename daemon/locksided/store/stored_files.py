"""Stored files: the numbers reserved for jobs, the files stored under them, and their tags."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockside.documents.file_query import Both, Either, Match, Not, Query
from locksided.store.rows import columns_of, decoded
from locksided.store.sql import QUERIES
from locksided.store.table_rows import FileRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text
from locksided.tables.stored_files import FileOrder, FilesOf, Stored


class FileFilter(NamedTuple):
    """Which files, the newest first; None or empty does not restrict."""

    project: str
    branch: str
    included: Sequence[str] = ()
    excluded: Sequence[str] = ()
    query: Query | None = None
    ids: Sequence[int] = ()
    since_us: int | None = None
    after: int | None = None
    before: int | None = None


class Writer(NamedTuple):
    """Who stores files and when, the expiry of those that are not permanent, and further details."""

    project: str
    branch: str
    job_id: int
    time_us: int
    expires_us: int
    details: Mapping[str, Any]
    principal: Mapping[str, Any]


def find(connection: sqlite3.Connection, wanted: FileFilter, limit: int) -> list[FileRow]:
    """Return the matching files, at most `limit`."""
    conditions = list(_conditions(wanted))
    values = [value for _, given in conditions for value in given]
    query = (
        f"SELECT {_COLUMNS} FROM files WHERE project = ? AND branch_id = ? "  # noqa: S608 - no value in it
        f"AND name IS NOT NULL AND deleted_us IS NULL{''.join(f' AND {text}' for text, _ in conditions)} "
        "ORDER BY id DESC LIMIT ?"
    )
    rows = connection.execute(query, [wanted.project, wanted.branch, *values, limit])
    return decoded(FileRow, rows.fetchall())


_COLUMNS = ", ".join(columns_of(FileRow))
_HAS_TAG = "id IN (SELECT file_id FROM file_tags WHERE tag = ?)"
_IS_TAGGED = "EXISTS (SELECT 1 FROM file_tags t WHERE t.file_id = files.id AND t.tag LIKE ? ESCAPE '\\')"
_IS_NAMED = "name LIKE ? ESCAPE '\\'"
Condition = tuple[str, list[Any]]


def _conditions(wanted: FileFilter) -> Iterator[Condition]:
    yield from ((_HAS_TAG, [tag]) for tag in wanted.included)
    yield from ((f"NOT {_HAS_TAG}", [tag]) for tag in wanted.excluded)
    if wanted.ids:
        yield "id IN (SELECT value FROM json_each(?))", [json_text(list(wanted.ids))]
    for text, value in (
        ("created_us >= ?", wanted.since_us),
        ("id > ?", wanted.after),
        ("id < ?", wanted.before),
    ):
        if value is not None:
            yield text, [value]
    if wanted.query is not None:
        yield _condition(wanted.query)


def _condition(query: Query) -> Condition:
    """Return a query as an SQL condition."""
    match query:
        case Match("id", text):
            return "id = ?", [int(text)]
        case Match("tags", text, is_pattern):
            return _IS_TAGGED, [_like(text, is_pattern=is_pattern)]
        case Match("name", text, is_pattern):
            return _IS_NAMED, [_like(text, is_pattern=is_pattern)]
        case Match(_, text, is_pattern):
            return f"({_IS_NAMED} OR {_IS_TAGGED})", [_like(text, is_pattern=is_pattern)] * 2
        case Not(what):
            text, values = _condition(what)
            return f"NOT {text}", values
        case Both(parts) | Either(parts):
            found = [_condition(part) for part in parts]
            word = " AND " if isinstance(query, Both) else " OR "
            return f"({word.join(text for text, _ in found)})", [
                value for _, given in found for value in given
            ]


def _like(text: str, *, is_pattern: bool) -> str:
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return literal.replace("*", "%") if is_pattern else literal


def tags_of(connection: sqlite3.Connection, ids: Sequence[int]) -> Mapping[int, list[str]]:
    """Return the tags of these files."""
    found: dict[int, list[str]] = {}
    for file_id, tag in connection.execute(QUERIES["file_tags"], (json_text(list(ids)),)):
        found.setdefault(file_id, []).append(tag)
    return found


def as_orders(connection: sqlite3.Connection, rows: Sequence[FileRow], entry: int) -> list[FileOrder]:
    """Return files in the form for a step that reads them."""
    tags = tags_of(connection, [row.id for row in rows])
    return [
        FileOrder(
            id=row.id,
            name=row.name or "",
            path=row.path,
            entry=entry,
            created=str(row.created_us),
            tags=tags.get(row.id, []),
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            is_public=row.details.get("isPublic", False),
            is_encrypted=row.details.get("isEncrypted", False),
            max_age_days=row.details.get("maxAgeDays"),
        )
        for row in rows
    ]


def reserve(tx: Transaction, *, of: FilesOf, job_id: int, count: int, time_us: int) -> list[int]:
    """Reserve numbers for files that a job is to store; numbers it already has come first."""
    known = reserved(tx.connection, job_id)
    values = (*of, job_id, time_us)
    return known + [
        int(tx.connection.execute(QUERIES["reserve_file"], values).fetchone()[0])
        for _ in range(count - len(known))
    ]


def reserved(connection: sqlite3.Connection, job_id: int) -> list[int]:
    """Return the numbers reserved for a job that no file uses yet."""
    return [number for (number,) in connection.execute(QUERIES["reserved_files"], (job_id,))]


def store(tx: Transaction, files: Sequence[Stored], by: Writer) -> None:
    """Make files visible. A number that the job did not reserve is ignored."""
    for one in files:
        details = {**by.details, "isPublic": one.is_public, "isEncrypted": one.is_encrypted}
        values = {
            "id": one.id,
            "job_id": by.job_id,
            "name": one.name,
            "size_bytes": one.size_bytes,
            "sha256": one.sha256,
            "created_us": by.time_us,
            "expires_us": None if one.is_permanent else by.expires_us,
            "details": json_text(details),
        }
        if tx.connection.execute(QUERIES["store_file"], values).fetchone() is not None:
            add_tags(tx, by.project, one.id, one.tags)
            data = {"branchId": by.branch, "file": str(one.id), "name": one.name, "tags": list(one.tags)}
            tx.event(
                by.time_us, "file.stored", by.project, job_id=by.job_id, principal=by.principal, data=data
            )


def add_tags(tx: Transaction, project: str, file_id: int, tags: Sequence[str]) -> None:
    """Add the tags that a file of the project does not have yet."""
    tx.connection.executemany(QUERIES["add_file_tag"], [(tag, file_id, project) for tag in tags])


def tag(
    tx: Transaction,
    row: FileRow,
    add: Sequence[str],
    remove: Sequence[str],
    time_us: int,
    principal: Mapping[str, Any],
) -> None:
    """Change the tags of a file."""
    add_tags(tx, row.project, row.id, add)
    tx.connection.executemany(QUERIES["remove_file_tag"], [(row.id, tag) for tag in remove])
    _tell(tx, row, "file.tagged", time_us, principal, {"added": list(add), "removed": list(remove)})


def delete(
    tx: Transaction, row: FileRow, time_us: int, principal: Mapping[str, Any] | None, cause: str
) -> None:
    """Mark a file as deleted; a vacuum removes it."""
    if tx.connection.execute(QUERIES["delete_file"], (time_us, row.id)).fetchone() is not None:
        _tell(tx, row, "file.deleted", time_us, principal, {"cause": cause})


def _tell(
    tx: Transaction,
    row: FileRow,
    kind: str,
    time_us: int,
    principal: Mapping[str, Any] | None,
    more: Mapping[str, Any],
) -> None:
    data = {"branchId": row.branch_id, "file": str(row.id), "name": row.name, **more}
    tx.event(time_us, kind, row.project, principal=principal, data=data)


def stored_by(connection: sqlite3.Connection, job_id: int) -> list[FileRow]:
    """Return the files that a job stored and that still exist."""
    return decoded(FileRow, connection.execute(QUERIES["files_of_job"], (job_id,)).fetchall())


def expire(tx: Transaction, project: str, time_us: int) -> None:
    """Delete the expired files."""
    for row in decoded(
        FileRow, tx.connection.execute(QUERIES["expired_files"], (project, time_us)).fetchall()
    ):
        delete(tx, row, time_us, None, "expired")


def removable(connection: sqlite3.Connection, project: str, before_us: int) -> list[FileRow]:
    """Return files deleted before a time, and unused numbers of jobs that ended."""
    return decoded(FileRow, connection.execute(QUERIES["removable_files"], (project, before_us)).fetchall())


def forget(tx: Transaction, ids: Sequence[int]) -> None:
    """Delete the records of files that were removed."""
    tx.connection.execute(QUERIES["forget_files"], (json_text(list(ids)),))
