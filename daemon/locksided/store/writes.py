"""Writes many saves with few statements: saves of one job are merged, equal sets of columns are grouped.

The result equals that of executing the saves one by one. Ends are written before starts, so that a lock
released by one job is free for another that starts in the same step. Events are not written here.
"""

# ruff: noqa: S608 - statements are composed of names of columns, never of values

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from math import inf
from operator import attrgetter
from typing import Any, Final

import msgspec

from locksided.core.saves import (
    CLONED,
    CloneJob,
    DeleteDependency,
    DeletePool,
    InsertDependency,
    InsertJob,
    PutCondition,
    PutPool,
    PutSpec,
    Save,
    SetMeta,
    UpdateJob,
)
from locksided.secrets.guards import refuse_plain
from locksided.store.sql import QUERIES

HOLDING = frozenset(("processing", "terminating"))
_SCALARS = frozenset((int, str, float, bytes, type(None)))


@dataclass(slots=True)
class Batch:
    """Merged saves: at most one entry per row."""

    specs: dict[str, bytes] = field(default_factory=dict)
    inserts: dict[int, dict[str, Any]] = field(default_factory=dict)
    clones: dict[int, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    updates: dict[int, dict[str, Any]] = field(default_factory=dict)
    dependencies: dict[tuple[int, int], str | None] = field(default_factory=dict)
    pools: list[PutPool | DeletePool] = field(default_factory=list)
    conditions: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    meta: dict[str, str | None] = field(default_factory=dict)

    def add(self, save: Save) -> None:
        """Merge a save that comes after all earlier ones."""
        match save:
            case UpdateJob(job_id, changes):
                self._update(job_id, changes)
            case InsertJob(job_id, values):
                self.inserts[job_id] = dict(values)
            case CloneJob(job_id, from_id, values):
                self.clones[job_id] = (from_id, dict(values))
            case InsertDependency(job_id, on_id, when):
                self.dependencies[job_id, on_id] = plain(when)
            case DeleteDependency(job_id, on_id):
                self.dependencies[job_id, on_id] = None
            case PutPool() | DeletePool():
                self.pools.append(save)
            case PutCondition(condition_id, columns):
                self.conditions[condition_id] = columns
            case SetMeta(key, value):
                self.meta[key] = value
            case PutSpec(hash, body):
                self.specs[hash] = body
            case _:
                raise TypeError(f"not a row: {save!r}")

    def _update(self, job_id: int, changes: Mapping[str, Any]) -> None:
        if job_id in self.inserts:
            self.inserts[job_id].update(changes)
        elif job_id in self.clones:
            self.clones[job_id][1].update(changes)
        else:
            self.updates.setdefault(job_id, {}).update(changes)


def write(connection: sqlite3.Connection, saves: Iterable[Save]) -> None:
    """Write all of `saves`; sqlite3.IntegrityError if one violates a rule or names a missing job."""
    batch = Batch()
    for save in saves:
        batch.add(save)
    if batch.specs:
        for name, body in batch.specs.items():
            refuse_plain(body)
            put_spec(connection, name, body)
    _write_jobs(connection, batch)
    _write_dependencies(connection, batch.dependencies)
    for pool in batch.pools:
        _write_pool(connection, pool)
    _write_conditions(connection, batch.conditions)
    _write_meta(connection, batch.meta)


def put_spec(connection: sqlite3.Connection, name: str, body: bytes) -> None:
    """Write a specification or environment under its hash, with the terms by which jobs are found."""
    if connection.execute(QUERIES["put_spec"], (name, body)).rowcount:
        connection.execute(QUERIES["put_spec_terms"], {"hash": name, "body": body.decode()})


def _write_jobs(connection: sqlite3.Connection, batch: Batch) -> None:
    releasing: dict[int, dict[str, Any]] = {}
    others: dict[int, dict[str, Any]] = {}
    for job_id, changes in batch.updates.items():
        releases = "status" in changes and changes["status"] not in HOLDING
        (releasing if releases else others)[job_id] = changes
    _update_jobs(connection, releasing)
    _insert_jobs(connection, batch.inserts)
    for job_id, (from_id, values) in batch.clones.items():
        _clone_job(connection, job_id, from_id, values)
    _update_jobs(connection, others)
    _write_labels(connection, batch)


def _insert_jobs(connection: sqlite3.Connection, jobs: Mapping[int, dict[str, Any]]) -> None:
    for columns, rows in _by_columns(jobs).items():
        connection.executemany(_insert_sql(columns), rows)


def _clone_job(connection: sqlite3.Connection, job_id: int, from_id: int, values: dict[str, Any]) -> None:
    """Insert a job with columns of another one, which is stored or was cloned just before."""
    columns = _ordered(frozenset(values))
    row = [plain(values[column]) for column in columns]
    if connection.execute(_clone_sql(columns), (*row, job_id, from_id)).rowcount != 1:
        raise sqlite3.IntegrityError(f"job {from_id} does not exist: job {job_id} cannot be like it")
    connection.execute(QUERIES["clone_labels"], {"id": job_id, "from_id": from_id})


def _update_jobs(connection: sqlite3.Connection, jobs: Mapping[int, dict[str, Any]]) -> None:
    for columns, rows in _by_columns(jobs).items():
        if columns and connection.executemany(_update_sql(columns), rows).rowcount != len(rows):
            raise sqlite3.IntegrityError(f"one of these jobs does not exist: {[row[-1] for row in rows]}")


def _by_columns(jobs: Mapping[int, dict[str, Any]]) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """Group rows by their set of columns; a row has the values in the order of the columns, then the id."""
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for job_id, values in jobs.items():
        columns = _ordered(frozenset(values))
        row = [
            value if type(value) in _SCALARS else _FORMS[type(value)](value)
            for value in map(values.get, columns)
        ]
        groups.setdefault(columns, []).append((*row, job_id))
    return groups


@lru_cache(1024)
def _ordered(columns: frozenset[str]) -> tuple[str, ...]:
    """Return one order for a set of columns, so that the statement's text is always the same."""
    return tuple(sorted(columns))


@lru_cache(1024)
def _insert_sql(columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * (len(columns) + 1))
    return f"INSERT INTO jobs ({', '.join((*columns, 'id'))}) VALUES ({marks})"


@lru_cache(64)
def _clone_sql(columns: tuple[str, ...]) -> str:
    copied = ", ".join(column for column in CLONED if column not in columns)
    given = ", ".join((*columns, "id"))
    marks = ", ".join("?" * (len(columns) + 1))
    return f"INSERT INTO jobs ({given}, {copied}) SELECT {marks}, {copied} FROM jobs WHERE id = ?"


@lru_cache(1024)
def _update_sql(columns: tuple[str, ...]) -> str:
    return f"UPDATE jobs SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


def _write_labels(connection: sqlite3.Connection, batch: Batch) -> None:
    replaced = [(job_id,) for job_id, changes in batch.updates.items() if "labels" in changes]
    if replaced:
        connection.executemany(QUERIES["delete_labels"], replaced)
    rows = [
        (name, value if isinstance(value, str) else plain(value), job_id)
        for jobs in (batch.inserts, batch.updates)
        for job_id, values in jobs.items()
        for name, value in (values.get("labels") or {}).items()
    ]
    if rows:
        connection.executemany(QUERIES["insert_label"], rows)


def _write_dependencies(
    connection: sqlite3.Connection, dependencies: Mapping[tuple[int, int], str | None]
) -> None:
    gone = [pair for pair, when in dependencies.items() if when is None]
    kept = [(job_id, when, on_id) for (job_id, on_id), when in dependencies.items() if when is not None]
    if gone:
        connection.executemany(QUERIES["delete_dependency"], gone)
    if kept:
        connection.executemany(QUERIES["put_dependency"], kept)


def _write_pool(connection: sqlite3.Connection, pool: PutPool | DeletePool) -> None:
    if isinstance(pool, DeletePool):
        connection.execute(QUERIES["delete_pool"], (pool.id,))
        return
    values = {column: plain(value) for column, value in pool.values.items() if column != "id"}
    if values.get("slots") in (inf, "infinity"):
        values["slots"] = None
    connection.execute(_pool_sql(_ordered(frozenset(values))), {"id": pool.id, **values})


@lru_cache(64)
def _pool_sql(columns: tuple[str, ...]) -> str:
    names = ", ".join(("id", *columns))
    marks = ", ".join(f":{column}" for column in ("id", *columns))
    changes = ", ".join(_pool_change(column) for column in columns)
    action = f"UPDATE SET {changes}" if changes else "NOTHING"
    return f"INSERT INTO pools ({names}) VALUES ({marks}) ON CONFLICT (id) DO {action}"


def _pool_change(column: str) -> str:
    """Return the update of a column: a pool keeps its creation time, and each put is a new version."""
    match column:
        case "created_us":
            return "created_us = ifnull(created_us, excluded.created_us)"
        case "changed_us":
            return "version = version + (changed_us IS NOT NULL), changed_us = excluded.changed_us"
        case _:
            return f"{column} = excluded.{column}"


def _write_conditions(
    connection: sqlite3.Connection, conditions: Mapping[str, Mapping[str, Any] | None]
) -> None:
    for condition_id, columns in conditions.items():
        if columns is None:
            connection.execute(QUERIES["delete_recovery_condition"], (condition_id,))
        else:
            values = {column: plain(value) for column, value in columns.items()}
            connection.execute(QUERIES["put_recovery_condition"], {"id": condition_id, **values})


def _write_meta(connection: sqlite3.Connection, meta: Mapping[str, str | None]) -> None:
    for key, value in meta.items():
        if value is None:
            connection.execute(QUERIES["delete_meta"], (key,))
        else:
            connection.execute(QUERIES["put_meta"], (key, value))


def plain(value: Any) -> Any:
    """Return a value for SQLite: enums become their value, bools 0 or 1, objects and lists JSON text."""
    return value if type(value) in _SCALARS else _FORMS[type(value)](value)


def json_text(value: Any) -> str:
    """Encode as compact JSON."""
    return encoded(value).decode()


def _mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not storable: {type(value).__name__}")


encoded: Final[Callable[[Any], bytes]] = msgspec.json.Encoder(enc_hook=_mapping).encode
"""Encodes as compact JSON."""


class _Forms(dict[type, Callable[[Any], Any]]):
    """Converters to SQLite values, by type; each is determined once."""

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        made: Callable[[Any], Any] = json_text
        if issubclass(kind, str | int | float):
            made = next(plain for plain in (str, int, float) if issubclass(kind, plain))
        elif issubclass(kind, Enum):
            made = attrgetter("value")
        self[kind] = made
        return made


_FORMS: Final = _Forms()
