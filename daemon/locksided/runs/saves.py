"""What a run may write and what it has read, and the writes in the transaction that ends it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace as replace_fields

from lockside.documents.enums import Part, Status
from locksided import clock, threads
from locksided.core.transitions import FINAL
from locksided.runs.loading import Run, RunLoader, config_id
from locksided.runs.result import RunResult
from locksided.runs.step_results import rows_ended_well
from locksided.store.catalog.keys import DEFAULT, Change
from locksided.store.catalog.states import save_state
from locksided.store.chunks import hand_pins_on
from locksided.store.failed_records import note_records
from locksided.store.input_states import InputState, save_input_state
from locksided.store.rows import RunRow, owner_data
from locksided.store.store import Store
from locksided.store.stored_files import Writer, add_tags
from locksided.store.stored_files import store as store_files
from locksided.store.tables import Ratified, note_read, ratify
from locksided.store.transaction import Transaction
from locksided.store.undo import PutBack
from locksided.store.undo import finish as finish_undo
from locksided.tables.names import TableId
from locksided.tables.orders import TableOrder
from locksided.tables.stored_files import Stored

States = dict[str | None, Mapping[str, Any]]


async def carried_states(store: Store, loader: RunLoader, run: Run) -> States:
    """Return the states of earlier runs by row, except those a later job has saved again. Raises OSError."""
    found: States = {}
    done = {row.id for row in run.spec.rows or ()}
    previous = run.spec.previous_job_id
    while previous is not None:
        job = await store.job_row(int(previous))
        if job is None:
            break
        ends = await threads.run_sync(rows_ended_well, loader.folder(job.id))
        for row in ends.keys() - done:
            stored = await store.state(config_id(run.row), row)
            if (stored.job_id or 0) < job.id:
                found |= {of: state for of, state in ends[row].items() if of == row}
        done |= ends.keys()
        _, plan = await loader.read(job.id)
        previous = plan.spec.previous_job_id
    return found


class TableRead(NamedTuple):
    """A table that a run reads, and its version."""

    table: TableId
    version: int

    @property
    def shown(self) -> dict[str, Any]:
        """The form in which the log of a derived table names it."""
        branch = {} if self.table.branch == DEFAULT else {"branchId": self.table.branch}
        return {"table": self.table.text, "version": self.version, **branch}


class Held(NamedTuple):
    """The tables that a run holds, by key, and the numbers reserved for its files."""

    tables: Mapping[str, TableOrder]
    numbers: Sequence[int] = ()


class Inputs(NamedTuple):
    """The tables that a run read, and how far each of its rows read its adaptive inputs.

    `processed` are the tags to add to files it read, by their numbers.
    """

    tables: Sequence[TableRead] = ()
    states: Mapping[str | None, InputState] = MappingProxyType({})
    processed: Sequence[tuple[int, list[str]]] = ()


NO_INPUTS = Inputs()


def to_save(
    row: RunRow,
    result: RunResult,
    inputs: Inputs,
    undo: Mapping[str, Any] | None,
    writer: Writer | None,
    part: Part | None,
    ended: Any,
) -> Callable[[Transaction], Any] | None:
    """Return the write for the transaction that ends a run: its states and tables, or what it undid.

    A failed run saves only tables that are always written, and no states. Failed records are always saved.
    """
    is_good = ended in (Status.SUCCESS, Status.WARNING)
    is_anything = result.commits or (is_good and (result.states or any(inputs) or undo or writer))
    if not is_anything or not (is_good or ended is Status.ERROR):
        is_listed = ended in FINAL and result.records
        return partial(note_records, job_id=row.id, lists=result.records) if is_listed else None
    more = {"inputs": [read.shown for read in inputs.tables]}
    commits = [msgspec.convert(commit, Ratified) for commit in result.commits]

    def write(tx: Transaction) -> None:
        by = owner_data(row)
        change = Change(clock.now_us(), by)
        for row_id, body in result.states.items() if is_good else ():
            save_state(tx, config_id(row), row_id, body, change, job_id=row.id)
        if part is Part.SPLITTER:
            hand_pins_on(tx, row.id)
        if result.records:
            note_records(tx, row.id, result.records)
        for commit in commits:
            ratify(tx, replace_fields(commit, details=commit.details | more), row.id, by)
        for read in inputs.tables:
            note_read(tx, row.id, read.table, read.version)
        for row_id, state in inputs.states.items() if is_good else ():
            save_input_state(tx, config_id(row), row_id, state, change.time_us, row.id)
        if writer is not None and is_good:
            store_files(tx, msgspec.convert(result.files, list[Stored]), writer)
        for file_id, tags in inputs.processed if is_good else ():
            add_tags(tx, row.project, file_id, tags)
        if undo is not None:
            states = msgspec.convert(undo["states"], list[PutBack])
            with_files = bool(undo.get("withFiles"))
            finish_undo(tx, int(undo["job"]), states, row.project, change, row.id, with_files=with_files)

    return write
