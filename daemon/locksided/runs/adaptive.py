"""Adaptive inputs: the changes of each table since the last successful run of the same configuration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockside.documents.times import ADAPTIVE
from locksided.runs.loading import Run, config_id
from locksided.runs.plan import configurations
from locksided.runs.stored_files import files_after
from locksided.store.input_states import (
    ROW_BY_ROW,
    InputState,
    InputTableState,
    input_state,
    versions_between,
)
from locksided.store.sql import Database
from locksided.store.tables import tables_by_key
from locksided.tables.mapping import input_entries, read_paths
from locksided.tables.names import TableId
from locksided.tables.stored_files import input_files


class Since(NamedTuple):
    """The time after which rows are read, None for all rows, and why all are read."""

    time_us: int | None
    why: str = ""


def is_adaptive(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of an input mapping asks for the changes since the last run."""
    return entry.get("changed_since") == ADAPTIVE


def since_of(
    connection: Database,
    run: Run,
    row: str | None,
    entries: Sequence[Mapping[str, Any]],
    pins: Mapping[str, int],
) -> list[Since | None]:
    """Return for each entry of a row after which time rows are read; None if it is not adaptive."""
    if not any(map(is_adaptive, entries)):
        return [None] * len(entries)
    state = InputState() if run.row.config is None else input_state(connection, config_id(run.row), row)
    return [_since(connection, run, state, entry, pins) if is_adaptive(entry) else None for entry in entries]


def _since(
    connection: Database,
    run: Run,
    state: InputState,
    entry: Mapping[str, Any],
    pins: Mapping[str, int],
) -> Since:
    before, table = state.table(str(entry["source"])), _pinned(run, entry, pins)
    if before is None:
        return Since(None, "it is read for the first time")
    found = None if table is None else tables_by_key(connection, [table.key]).get(table.key)
    if table is None or found is None or found.row.definition.get("uuid", "") != before.table_id:
        return Since(None, "it is another table than the last time")
    steps = versions_between(connection, found.row.number, before.version + 1, pins[table.key])
    other = next((step for step in steps if step.operation not in ROW_BY_ROW), None)
    if other is not None or len(steps) != pins[table.key] - before.version:
        what = "a version between is no longer known" if other is None else f"{other.operation} changed it"
        return Since(None, what)
    return Since(before.last_import_us)


def states_after(
    connection: Database, run: Run, pins: Mapping[str, int], read: Sequence[Mapping[str, Any]]
) -> dict[str | None, InputState]:
    """Return how far each row of a run has read its adaptive tables and files; `read` are the files."""
    found: dict[str | None, InputState] = {}
    for row, configuration in configurations(run.spec):
        tables = list(_tables_after(connection, run, input_entries(configuration), pins))
        before = input_state(connection, config_id(run.row), row)
        of_row = [one for one in read if one.get("row") == row]
        files = files_after(before, input_files(configuration), of_row)
        if tables or files:
            found[row] = InputState(tables=tables, files=files)
    return found


def _tables_after(
    connection: Database,
    run: Run,
    entries: Sequence[Mapping[str, Any]],
    pins: Mapping[str, int],
) -> Iterator[InputTableState]:
    for entry in entries:
        table = _pinned(run, entry, pins) if is_adaptive(entry) else None
        if table is None:
            continue
        version = pins[table.key]
        found = tables_by_key(connection, [table.key])[table.key].row
        (step,) = versions_between(connection, found.number, version, version)
        yield InputTableState(
            source=str(entry["source"]),
            last_import_us=step.time_us,
            version=version,
            table_id=found.definition.get("uuid", ""),
        )


def _pinned(run: Run, entry: Mapping[str, Any], pins: Mapping[str, int]) -> TableId | None:
    """Return the table that an entry refers to."""
    tables = read_paths(entry, run.row.project, run.spec.branch_id)
    return next((one for one in tables if one.key in pins), None)
