"""Undoing a job: its changes of tables and states, later changes by others, and the record of the undo."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from locksided.core.saves import UpdateJob
from locksided.store.catalog.keys import Change, ConfigId
from locksided.store.catalog.states import newest, place_of, save_state
from locksided.store.input_states import undo_input_states
from locksided.store.sql import QUERIES
from locksided.store.stored_files import delete, stored_by
from locksided.store.table_rows import FileRow
from locksided.store.transaction import Transaction


class WrittenTable(NamedTuple):
    """A table that a job wrote: its head, the job's first version, and the jobs that changed it since."""

    id: str
    branch: str
    head: int
    oldest: int
    first: int
    later: tuple[str, ...]

    @property
    def version_before(self) -> int | None:
        """The version before the job; None if the job created the table."""
        return self.first - 1 if self.first else None

    @property
    def is_kept(self) -> bool:
        """Whether that version is kept."""
        return self.first == 0 or self.first > self.oldest


class SavedState(NamedTuple):
    """A state that a job saved, in which version, the current one, and the `later` jobs that saved it."""

    config: ConfigId
    row: str | None
    version: int
    current: int
    later: tuple[str, ...]


class PutBack(msgspec.Struct, frozen=True, kw_only=True):
    """A state to be restored to a version, if `current` is still the current one."""

    component: str
    config: str
    branch: str
    row: str | None
    version: int
    current: int


class Made(NamedTuple):
    """Everything made by a job that can be undone."""

    tables: Sequence[WrittenTable]
    states: Sequence[SavedState]
    files: Sequence[FileRow] = ()


def made_by(job_id: int, connection: sqlite3.Connection) -> Made:
    """Return the existing tables and files that a job made, and the states that it saved."""
    asked = {"job_id": job_id}
    tables = [
        WrittenTable(name, branch, head, oldest, first, _names(jobs))
        for name, branch, head, oldest, first, jobs in connection.execute(QUERIES["tables_of_job"], asked)
    ]
    states = [
        SavedState(
            ConfigId(component, config, branch, project),
            row or None,
            version,
            current,
            () if current == version else (str(job),),
        )
        for project, branch, component, config, row, version, current, job in connection.execute(
            QUERIES["states_of_job"], asked
        )
    ]
    return Made(tables, states, stored_by(connection, job_id))


def _names(jobs: str) -> tuple[str, ...]:
    return tuple(str(job) for job in msgspec.json.decode(jobs))


def is_kept(state: SavedState, connection: sqlite3.Connection) -> bool:
    """Return whether the previous state is still stored."""
    return state.version == 1 or _earlier(connection, state.config, state.row, state.version - 1) is not None


def finish(
    tx: Transaction,
    undone: int,
    states: Sequence[PutBack],
    project: str,
    change: Change,
    job_id: int,
    *,
    with_files: bool,
) -> None:
    """Restore states and record who undid the job, in the transaction that ratifies its tables.

    `with_files` also deletes its files.
    """
    for one in states:
        config = ConfigId(one.component, one.config, one.branch, project)
        body = _earlier(tx.connection, config, one.row, one.version) if one.version else {}
        if body is not None and newest(tx.connection, config, one.row) == one.current:
            save_state(tx, config, one.row, body, change, job_id=job_id)
    for file in stored_by(tx.connection, undone) if with_files else ():
        delete(tx, file, change.time_us, change.by, "undone")
    undo_input_states(tx, undone)
    tx.save(UpdateJob(undone, {"undone_by": job_id}))


def _earlier(
    connection: sqlite3.Connection, config: ConfigId, row: str | None, version: int
) -> Mapping[str, Any] | None:
    found = connection.execute(QUERIES["earlier_state"], (*place_of(config, row), version)).fetchone()
    return None if found is None else msgspec.json.decode(found[0])
