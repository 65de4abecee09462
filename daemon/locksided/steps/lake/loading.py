"""One load: rows of one or more sources become new files of a table, which are not visible yet."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from locksided.steps.durable import sync, sync_all
from locksided.steps.lake import deltalog, types
from locksided.steps.lake.deletion import NOTHING
from locksided.steps.lake.deltalog import Files
from locksided.steps.lake.engine import (
    ROW_GROUP,
    ROW_GROUPS_IN_A_FILE,
    file_list,
    literal,
    name,
    names,
    one,
    rows_of,
)
from locksided.steps.lake.incoming import Rows, cast, execute
from locksided.steps.program import UserFault
from locksided.tables.names import TIMESTAMP
from locksided.tables.orders import Column, TableOrder

READ_ONLY = 0o444
"""Data files never change, and jobs that read a whole table may have links to them."""
COUNTS = (
    "recordsCount",
    "rowsInserted",
    "rowsUpdated",
    "rowsUnchanged",
    "rowsDuplicate",
    "rowsRejected",
    "rowsDeleted",
    "rowsCount",
)


@dataclass(slots=True)
class Target:
    """A table that is being loaded: its old and new definition, and the actions of the commit so far.

    `deleted` is the condition of the rows to delete first; `required` are columns that a source declares
    not nullable.
    """

    order: TableOrder
    folder: Path
    files: Files
    columns: list[Column]
    key: list[str]
    time_us: int
    deleted: str = NOTHING
    required: frozenset[str] = frozenset()
    actions: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))

    @property
    def stamp(self) -> str:
        """The time of the load as an SQL value."""
        return f"make_timestamptz({self.time_us})"

    @property
    def column_names(self) -> list[str]:
        """The names of its columns without `_timestamp`."""
        return [column.name for column in self.columns]


def load_full(connection: duckdb.DuckDBPyConnection, target: Target, rows: Sequence[Rows]) -> None:
    """Replace the table's content."""
    _remove(target, list(target.files.adds))
    target.counts["rowsDeleted"] = target.order.rows_count
    if required := {*target.key, *_required_columns(target)}:
        _create_incoming(connection, target, rows, required)
        _remove_duplicates(connection, target)
        written = _write(
            connection,
            target,
            f"SELECT {names(target.column_names)}, {target.stamp} AS {TIMESTAMP} FROM incoming",
        )
    else:
        written = _write(connection, target, _stamped(target, rows), rows)
        target.counts["recordsCount"] = written
    target.counts["rowsInserted"] = written
    target.counts["rowsCount"] = written


def append(connection: duckdb.DuckDBPyConnection, target: Target, rows: Sequence[Rows]) -> None:
    """Append all rows."""
    touched = delete(connection, target)
    columns, stamped = names(target.column_names), _stamped(target, rows)
    if required := _required_columns(target):
        _create_incoming(connection, target, rows, required)
        stamped = f"SELECT {columns}, {target.stamp} AS {TIMESTAMP} FROM incoming"
    if touched:
        kept = f"SELECT {columns}, {TIMESTAMP} FROM {_kept(connection, target, touched)}"
        before = one(connection, f"SELECT count(*) FROM ({kept})")
        written = _write(connection, target, f"{kept} UNION ALL {stamped}", rows) - before
        _remove(target, [Path(path).name for path in touched])
    else:
        written = _write(connection, target, stamped, rows)
    counts = target.counts
    counts["recordsCount"] = counts["rowsInserted"] = written
    counts["rowsCount"] = target.order.rows_count - counts["rowsDeleted"] + written


def delete(connection: duckdb.DuckDBPyConnection, target: Target) -> list[str]:
    """Count the rows to delete; return the files that contain them."""
    if target.deleted == NOTHING:
        return []
    gone = f"{existing_rows(connection, target)} WHERE {target.deleted}"
    target.counts["rowsDeleted"] = one(connection, f"SELECT count(*) FROM {gone}")
    return [row[0] for row in rows_of(connection, f"SELECT DISTINCT _file FROM {gone}")]


def _kept(connection: duckdb.DuckDBPyConnection, target: Target, paths: Sequence[str] | None = None) -> str:
    """Return the rows of these files, or of all, that are not deleted."""
    existing = existing_rows(connection, target, paths)
    return (
        existing if target.deleted == NOTHING else f"(SELECT * FROM {existing} WHERE NOT ({target.deleted}))"
    )


def upsert(connection: duckdb.DuckDBPyConnection, target: Target, rows: Sequence[Rows]) -> None:
    """Insert rows with new keys and update changed rows with known keys; rewrite only the affected files."""
    _create_incoming(connection, target, rows, {*target.key, *_required_columns(target)})
    _remove_duplicates(connection, target)
    touched = delete(connection, target)
    existing = _kept(connection, target)
    same_key = " AND ".join(f"old.{name(column)} = new.{name(column)}" for column in target.key)
    differs, using = _differs(target), names(target.key)
    connection.execute(
        f"CREATE TEMP TABLE matched AS SELECT {_of('new', target.key)}, _file, {differs} AS _differs "
        f"FROM {existing} AS old JOIN incoming AS new ON {same_key}"
    )
    counts, known = target.counts, _count_known_keys(connection, target)
    counts["rowsUnchanged"] = one(connection, "SELECT count(*) FROM matched WHERE NOT _differs")
    counts["rowsUpdated"] = known - counts["rowsUnchanged"]
    counts["rowsInserted"] = one(connection, "SELECT count(*) FROM incoming") - known
    counts["rowsCount"] = target.order.rows_count - counts["rowsDeleted"] + counts["rowsInserted"]
    if not (counts["rowsUpdated"] or counts["rowsInserted"] or counts["rowsDeleted"]):
        return
    rewritten = rows_of(connection, "SELECT DISTINCT _file FROM matched WHERE _differs")
    touched = list(dict.fromkeys([*touched, *(row[0] for row in rewritten)]))
    columns = names(target.column_names)
    query = (
        f"SELECT {columns}, {target.stamp} AS {TIMESTAMP} FROM incoming "
        f"ANTI JOIN (SELECT {using} FROM matched WHERE NOT _differs) USING ({using})"
    )
    if touched:
        kept = _kept(connection, target, touched)
        query = (
            f"SELECT {columns}, {TIMESTAMP} FROM {kept} "
            f"ANTI JOIN (SELECT {using} FROM matched WHERE _differs) USING ({using}) UNION ALL {query}"
        )
    _remove(target, [Path(path).name for path in touched])
    _write(connection, target, query)


def _count_known_keys(connection: duckdb.DuckDBPyConnection, target: Target) -> int:
    """Return the number of keys in `matched`.

    The incoming row replaces all rows of a key that `deduplication_strategy: insert` has stored repeatedly.
    """
    key = names(target.key)
    known: int = one(connection, f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM matched)")
    if repeated := one(connection, "SELECT count(*) FROM matched") - known:
        target.counts["rowsDeleted"] += repeated
        twice = f"SELECT {key} FROM matched GROUP BY {key} HAVING count(*) > 1"
        connection.execute(f"UPDATE matched SET _differs = true WHERE ({key}) IN ({twice})")
    return known


def _of(relation: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{relation}.{name(column)}" for column in columns)


def _differs(target: Target) -> str:
    others = [column for column in target.column_names if column not in target.key]
    if not others:
        return "false"
    return " OR ".join(f"old.{name(column)} IS DISTINCT FROM new.{name(column)}" for column in others)


def existing_rows(
    connection: duckdb.DuckDBPyConnection, target: Target, paths: Sequence[str] | None = None
) -> str:
    """Return a relation of the table's rows in its columns; `_file` is the file of each row."""
    files = target.files.paths(target.folder) if paths is None else list(paths)
    if not files:
        empty = ", ".join(f"NULL::{types.duckdb_type(c)} AS {name(c.name)}" for c in target.columns)
        return f"(SELECT {empty}, NULL::TIMESTAMPTZ AS {TIMESTAMP}, '' AS _file WHERE false)"
    relation = f"read_parquet({file_list(files)}, union_by_name=true, filename='_file')"
    present = {str(row[0]) for row in rows_of(connection, f"DESCRIBE SELECT * FROM {relation}")}
    stamp = _stamp_or_file_time(target.files, TIMESTAMP if TIMESTAMP in present else "NULL::TIMESTAMPTZ")
    columns = ", ".join(
        f"{name(c.name) if c.name in present else 'NULL'}::{types.duckdb_type(c)} AS {name(c.name)}"
        for c in target.columns
    )
    return f"(SELECT {columns}, {stamp} AS {TIMESTAMP}, _file FROM {relation})"


def has_repeated(connection: duckdb.DuckDBPyConnection, rows: str, key: Sequence[str]) -> bool:
    """Return whether several rows have the same key."""
    repeated = f"SELECT 1 FROM {rows} GROUP BY {names(key)} HAVING count(*) > 1 LIMIT 1"
    return bool(rows_of(connection, repeated))


def _stamp_or_file_time(files: Files, stamp: str) -> str:
    """Return the time of a row; if another program wrote it without one, the time of its file."""
    times = {
        path: int(add["modificationTime"]) * 1000
        for path, add in files.adds.items()
        if json.loads(add["stats"]).get("nullCount", {}).get(TIMESTAMP) != 0
    }
    if not times:
        return stamp
    cases = " ".join(
        f"WHEN {literal(path)} THEN make_timestamptz({time_us})" for path, time_us in times.items()
    )
    return f"coalesce({stamp}, CASE parse_filename(_file) {cases} END)"


def rewrite(connection: duckdb.DuckDBPyConnection, target: Target, paths: Sequence[str]) -> None:
    """Rewrite some files of the table without the deleted rows."""
    kept = _kept(connection, target, [str(target.folder / path) for path in paths])
    columns = names(target.column_names)
    write_instead(connection, target, paths, f"SELECT {columns}, {TIMESTAMP} FROM {kept}")


def write_instead(
    connection: duckdb.DuckDBPyConnection, target: Target, paths: Sequence[str], query: str
) -> None:
    """Write the rows of a query to new files that replace others."""
    _remove(target, paths)
    _write(connection, target, query)


# -- incoming rows ----------------------------------------------------------------------------------------


def _select(target: Target, rows: Sequence[Rows]) -> str:
    """Return all rows in the table's columns, in their order."""
    parts = (
        f"SELECT {', '.join(cast(column, one) for column in target.columns)} FROM {one.reading.relation}"
        for one in rows
    )
    return " UNION ALL ".join(parts)


def _stamped(target: Target, rows: Sequence[Rows]) -> str:
    return f"SELECT *, {target.stamp} AS {TIMESTAMP} FROM ({_select(target, rows)})"


def _required_columns(target: Target) -> set[str]:
    return {column.name for column in target.columns if not column.nullable} | target.required


def _create_incoming(
    connection: duckdb.DuckDBPyConnection, target: Target, rows: Sequence[Rows], required: Collection[str]
) -> None:
    """Create the table `incoming` of all rows. Raises UserFault if a required value is missing."""
    with_number = f"SELECT *, row_number() OVER () AS _place FROM ({_select(target, rows)})"
    execute(connection, f"CREATE TEMP TABLE incoming AS {with_number}", target.columns, rows)
    target.counts["recordsCount"] = one(connection, "SELECT count(*) FROM incoming")
    for column in target.column_names:
        if column in required:
            _refuse_nulls(connection, column, rows)


def _remove_duplicates(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Keep only the last row of each key in `incoming`."""
    if not target.key:
        return
    counts, key = target.counts, names(target.key)
    distinct = one(connection, f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM incoming)")
    counts["rowsDuplicate"] = counts["recordsCount"] - distinct
    if counts["rowsDuplicate"]:
        connection.execute(
            f"DELETE FROM incoming WHERE _place NOT IN (SELECT max(_place) FROM incoming GROUP BY {key})"
        )


def _refuse_nulls(connection: duckdb.DuckDBPyConnection, column: str, rows: Sequence[Rows]) -> None:
    found = rows_of(connection, f"SELECT _place FROM incoming WHERE {name(column)} IS NULL ORDER BY 1")
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        source, record = _record_at(connection, rows, found[0][0])
        raise UserFault(f'"{source}" record {record}, column "{column}" is empty{more}.')


def _record_at(connection: duckdb.DuckDBPyConnection, rows: Sequence[Rows], place: int) -> tuple[str, int]:
    """Return the source of a row and its number there; `place` is its number in all sources."""
    for source in rows[:-1]:
        count = one(connection, f"SELECT count(*) FROM {source.reading.relation}")
        if place <= count:
            return source.source, place
        place -= count
    return rows[-1].source, place


# -- files ------------------------------------------------------------------------------------------------


def _remove(target: Target, paths: Sequence[str]) -> None:
    target.actions += [deltalog.remove_action(target.files.adds[path], target.time_us) for path in paths]


def _write(
    connection: duckdb.DuckDBPyConnection, target: Target, query: str, rows: Sequence[Rows] = ()
) -> int:
    """Write the rows of a query to new, synced files of the table; return their number."""
    copy = (
        f"COPY ({query}) TO {literal(str(target.folder))} (FORMAT parquet, COMPRESSION zstd, "
        f"ROW_GROUP_SIZE {ROW_GROUP}, ROW_GROUPS_PER_FILE {ROW_GROUPS_IN_A_FILE}, "
        f"FILENAME_PATTERN 'part-{target.order.serial}-{{i}}-{{uuid}}', APPEND, RETURN_STATS)"
    )
    execute(connection, copy, target.columns, rows)
    columns = {column.name: column for column in (*target.columns, types.TIMESTAMP_COLUMN)}
    total = 0
    paths = []
    for path, count, size, _footer, found, *_ in connection.fetchall():
        paths.append(Path(path))
        total += count
        if count:
            statistics = {"numRecords": count, **types.statistics(columns, found)}
            target.actions.append(deltalog.add_action(Path(path).name, size, target.time_us, statistics))
        else:
            Path(path).unlink()
            paths.pop()
    for written in paths:
        written.chmod(written.stat().st_mode & READ_ONLY)
    sync_all(paths)
    sync(target.folder)
    return total
