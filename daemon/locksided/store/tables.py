"""Tables: their heads, their versions, and which of these are published, without their data."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from locksided.store.buckets import make_bucket
from locksided.store.rows import decoded
from locksided.store.sql import QUERIES
from locksided.store.table_metadata import ToldRow, metadata_of, save_metadata
from locksided.store.table_rows import TableRow, TableVersionRow, UnpublishedRow
from locksided.store.transaction import Transaction
from locksided.store.trash import drop
from locksided.store.writes import json_text
from locksided.tables.names import TableId
from locksided.tables.orders import ADOPT, DROP, Metadatum


class LostHead(Exception):
    """A table's head is not the one that a load started from, although the load held the table."""


class TableFilter(NamedTuple):
    """Which tables are wanted."""

    project: str
    branch: str
    bucket: str | None = None
    text: str | None = None


class FoundTable(msgspec.Struct, frozen=True):
    """A table, its commits that may not be published yet, and the job of its head.

    `hashes` are the sha256 of these commits.
    """

    row: TableRow
    staged: dict[int, str]
    head_job: int | None = None
    hashes: dict[int, str] = {}


class Ratified(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that becomes a table's head. `staged` is empty when the load changed nothing."""

    project: str
    branch_id: str
    id: str
    key: str
    version: int
    serial: int
    staged: str
    sha256: str
    operation: str
    definition: dict[str, Any]
    rows_count: int
    size_bytes: int
    time_us: int
    details: dict[str, Any]
    account: list[Any] | None
    metadata: list[Metadatum] = []
    """The component's metadata of the table."""


def tables_by_key(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, FoundTable]:
    """Return those of these tables that exist, by key."""
    asked = {"keys": json_text(list(keys))}
    rows = decoded(TableRow, connection.execute(QUERIES["tables_by_key"], asked).fetchall())
    staged: dict[int, dict[int, str]] = {}
    hashes: dict[int, dict[int, str]] = {}
    for number, version, name, sha256 in connection.execute(QUERIES["staged_commits"], asked):
        staged.setdefault(number, {})[version] = name
        hashes.setdefault(number, {})[version] = sha256
    jobs = dict(connection.execute(QUERIES["head_jobs"], asked).fetchall())
    return {
        row.key: FoundTable(row, staged.get(row.number, {}), jobs.get(row.number), hashes.get(row.number, {}))
        for row in rows
    }


def unpublished(connection: sqlite3.Connection, limit: int) -> list[UnpublishedRow]:
    """Return commits that readers of the folders do not see yet, in order for each table."""
    return decoded(UnpublishedRow, connection.execute(QUERIES["unpublished"], (limit,)).fetchall())


Kept = dict[int, tuple[int | None, int]]
"""For each table, by its number, the newest published version, and the oldest kept version."""


def page(
    connection: sqlite3.Connection, wanted: TableFilter, after: str, limit: int
) -> tuple[list[TableRow], Kept]:
    """Return tables ordered by key, after one, and their versions."""
    place = f"{wanted.project}/{wanted.branch}/".lower()
    values = {
        "project": wanted.project,
        "branch_id": wanted.branch,
        "bucket": None if wanted.bucket is None else f"{place}{wanted.bucket.lower()}.",
        "text": None if wanted.text is None else wanted.text.lower(),
        "after": after,
        "limit": limit,
    }
    rows = decoded(TableRow, connection.execute(QUERIES["tables_page"], values).fetchall())
    return rows, kept_versions(connection, [row.number for row in rows])


def told_page(
    connection: sqlite3.Connection, wanted: TableFilter, after: str, limit: int
) -> tuple[list[TableRow], Kept, Mapping[int, list[ToldRow]]]:
    """Return a page of tables with their metadata."""
    rows, kept = page(connection, wanted, after, limit)
    return rows, kept, metadata_of(connection, [row.number for row in rows])


def kept_versions(connection: sqlite3.Connection, numbers: Iterable[int]) -> Kept:
    """Return for each table the newest published version, and the oldest kept version."""
    asked = {"numbers": json_text(list(numbers))}
    found = connection.execute(QUERIES["published_versions"], asked)
    return {number: (published, oldest) for number, published, oldest in found}


def history(connection: sqlite3.Connection, number: int, before: int, limit: int) -> list[TableVersionRow]:
    """Return the versions of a table before one, the newest first."""
    values = {"number": number, "before": before, "limit": limit}
    return decoded(TableVersionRow, connection.execute(QUERIES["versions_page"], values).fetchall())


def definition_at(connection: sqlite3.Connection, row: TableRow, version: int) -> dict[str, Any]:
    """Return the columns and the primary key of a table at a version."""
    values = {"number": row.number, "version": version}
    found = connection.execute(QUERIES["definition_at"], values).fetchone()
    return row.definition if found is None else dict(json.loads(found[0]))


def _definition_before(connection: sqlite3.Connection, commit: Ratified) -> dict[str, Any]:
    """Return the definition that a commit replaces, for readers of earlier versions."""
    found = connection.execute(QUERIES["definition_of"], (commit.key,)).fetchone()
    before = None if found is None else json.loads(found[0])
    return {} if before in (None, commit.definition) else {"definitionBefore": before}


def lake_size(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the number of tables, and the total size of their files."""
    number, size_bytes = connection.execute(QUERIES["lake_size"]).fetchone()
    return number, size_bytes


def ratify(tx: Transaction, commit: Ratified, job_id: int, principal: Mapping[str, Any]) -> None:
    """Make a commit its table's head. Raises LostHead if the head is not the one it was made from."""
    if commit.operation == DROP:
        drop(tx, TableId(commit.project, commit.branch_id, commit.id), commit.time_us, principal, job_id)
        return
    if commit.operation == ADOPT:
        adopt(tx, commit, job_id, principal)
        return
    if commit.details.get("adopted"):
        adopt(tx, replace(commit, version=commit.version - 1), job_id, principal)
        kept = {name: value for name, value in commit.details.items() if name != "adopted"}
        commit = replace(commit, details=kept)
    values = {name: getattr(commit, name) for name in commit.__struct_fields__}
    values |= {
        "head": commit.version,
        "job_id": job_id,
        "definition": json_text(commit.definition),
        "details": json_text(commit.details | _definition_before(tx.connection, commit)),
        "account": None if commit.account is None else json.dumps(commit.account),
    }
    is_new = commit.version == 0 and bool(commit.staged)
    if is_new:
        statement = QUERIES["insert_table"]
    else:
        statement = QUERIES["move_head"] if commit.staged else QUERIES["note_import"]
    found = tx.connection.execute(statement, values).fetchone()
    if found is None:
        raise LostHead(f"table {commit.id} is not at version {commit.version - 1}")
    make_bucket(tx, TableId(commit.project, commit.branch_id, commit.id), commit.time_us, principal)
    provider = str(commit.details.get("component") or "user")
    save_metadata(tx, number=found[0], provider=provider, items=commit.metadata, time_us=commit.time_us)
    save_metadata(
        tx, number=found[0], provider="system", items=_made_by(commit, is_new=is_new), time_us=commit.time_us
    )
    if not commit.staged:
        return
    tx.connection.execute(QUERIES["insert_table_version"], {**values, "number": found[0]})
    data = {
        "branchId": commit.branch_id,
        "table": commit.id,
        "version": commit.version,
        "counts": commit.details.get("counts", {}),
    }
    for kind in _events_of(commit, is_new=is_new):
        tx.event(commit.time_us, kind, commit.project, job_id=job_id, principal=principal, data=data)


def _made_by(commit: Ratified, *, is_new: bool) -> Iterator[Metadatum]:
    """Yield metadata about the component that created the table or changed it last."""
    what = "createdBy" if is_new else "lastUpdatedBy"
    for word, name in (("component", "component"), ("configuration", "config"), ("branch", "branch")):
        if (value := commit.details.get(name)) is not None:
            yield Metadatum(key=f"KBC.{what}.{word}.id", value=str(value))


def note_read(tx: Transaction, job_id: int, table: TableId, version: int) -> None:
    """Record that a job that succeeded read a version of a table."""
    tx.connection.execute(
        QUERIES["note_table_read"], {"key": table.key, "version": version, "job_id": job_id}
    )


def adopt(tx: Transaction, commit: Ratified, job_id: int, principal: Mapping[str, Any]) -> None:
    """Add versions that another program published to a table. Their serials are below all of ours."""
    details = dict(commit.details)
    versions, is_new = details.pop("adopted"), details.pop("isNew", False)
    table = TableId(commit.project, commit.branch_id, commit.id)
    values = {
        "project": table.project,
        "branch_id": table.branch,
        "id": table.text,
        "key": commit.key,
        "head": commit.version,
        "before": commit.version - len(versions),
        "oldest": versions[0]["version"],
        "definition": json_text(commit.definition),
        "rows_count": commit.rows_count,
        "size_bytes": commit.size_bytes,
        "time_us": commit.time_us,
    }
    changed = _definition_before(tx.connection, commit)
    statement = QUERIES["take_up_table"] if is_new else QUERIES["adopt_head"]
    found = tx.connection.execute(statement, values).fetchone()
    if found is None:
        raise LostHead(f"table {commit.id} is not at version {values['before']}")
    for one in versions:
        version = {
            "number": found[0],
            "version": one["version"],
            "time_us": one["timeUs"] or commit.time_us,
            "published_us": commit.time_us,
            "job_id": job_id,
            "operation": one["operation"],
            "details": json_text(
                details
                | ({} if one.get("isOurs") else {"foreign": True})
                | (changed if one is versions[0] else {})
            ),
            "rows_count": one["rowsCount"],
        }
        tx.connection.execute(QUERIES["adopt_version"], version)
    if is_new:
        make_bucket(tx, table, commit.time_us, principal)
    data = {"branchId": commit.branch_id, "table": commit.id, "version": commit.version, "counts": {}}
    for kind in ("table.created", "table.changed") if is_new else ("table.changed",):
        tx.event(commit.time_us, kind, commit.project, job_id=job_id, principal=principal, data=data)


def _events_of(commit: Ratified, *, is_new: bool) -> tuple[str, ...]:
    match commit.operation:
        case "OPTIMIZE":
            return ()
        case "RESTORE":
            return "table.restored", "table.changed"
        case _:
            return ("table.created", "table.changed") if is_new else ("table.changed",)


def note_published(tx: Transaction, number: int, version: int, time_us: int) -> None:
    """Record that a commit is in its table's log."""
    values = {"number": number, "version": version, "time_us": time_us}
    (found,) = tx.connection.execute(QUERIES["note_published"], values).fetchone()
    project, branch, table = json.loads(found)
    data = {"branchId": branch, "table": table, "version": version}
    tx.event(time_us, "table.published", project, data=data)
