"""How far configurations have read their adaptive inputs: the next run starts after that."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from locksided.store.catalog.keys import ConfigId
from locksided.store.catalog.states import place_of
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

ROW_BY_ROW = frozenset({"WRITE", "MERGE", "OPTIMIZE", "DELETE", "CREATE TABLE", "CLONE"})
"""Operations after which `_timestamp` still identifies the new rows."""


class InputTableState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a table was read: its version, and that version's time in microseconds since the epoch."""

    source: str
    last_import_us: int
    version: int
    table_id: str


class InputFileState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The last stored file with these tags that was read."""

    tags: list[str]
    last_import_id: int


class InputState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a configuration, or a row of it, has read its adaptive inputs."""

    tables: list[InputTableState] = []
    files: list[InputFileState] = []

    def table(self, source: str) -> InputTableState | None:
        """Return how far a table was read."""
        return next((one for one in self.tables if one.source == source), None)

    def last_file(self, tags: Sequence[str]) -> int | None:
        """Return the last file with these tags that was read."""
        return next((one.last_import_id for one in self.files if one.tags == list(tags)), None)


class Step(NamedTuple):
    """A version of a table."""

    version: int
    operation: str
    time_us: int


def input_state(connection: sqlite3.Connection, config: ConfigId, row: str | None) -> InputState:
    """Return the input state of a configuration or row; an empty one if it never ran."""
    found = connection.execute(QUERIES["input_state"], place_of(config, row)).fetchone()
    return InputState() if found is None else msgspec.json.decode(found[0], type=InputState)


def save_input_state(
    tx: Transaction, config: ConfigId, row: str | None, state: InputState, time_us: int, job_id: int | None
) -> None:
    """Store how far it read; an empty state is deleted."""
    if not (state.tables or state.files):
        tx.connection.execute(QUERIES["delete_input_state"], place_of(config, row))
        return
    body = json_text(msgspec.to_builtins(state))
    tx.connection.execute(QUERIES["put_input_state"], (*place_of(config, row), body, time_us, job_id))


def undo_input_states(tx: Transaction, job_id: int) -> None:
    """Restore the input states from before a job, unless another job has read further since."""
    tx.connection.execute(QUERIES["undo_first_input_states"], (job_id,))
    tx.connection.execute(QUERIES["undo_input_states"], (job_id,))


def versions_between(connection: sqlite3.Connection, number: int, first: int, last: int) -> Sequence[Step]:
    """Return the versions of a table in a range, as far as they are kept."""
    return [Step(*row) for row in connection.execute(QUERIES["operations_between"], (number, first, last))]
