"""One transaction: units of work that share a commit, each of which may be refused without the others.

It decides what is written when and what is rolled back; how rows are written stands in writes.py. It runs on
the writer's thread and awaits nothing.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

from locksided.core.saves import AppendEvent, PinTables, Save
from locksided.pool_view import event_data
from locksided.secrets.vault import Vault
from locksided.store.errors import StoreContradiction
from locksided.store.reads import JobsWithDocuments, jobs_with_documents
from locksided.store.rows import Dependency, EventRow
from locksided.store.sql import QUERIES
from locksided.store.writes import encoded, json_text, write

FEW_EVENTS = 16
MOST_EVENTS = 64
"""In one statement."""


@dataclass(frozen=True, slots=True)
class Saves:
    """What the core asks to be saved for one step; never refused, its result is None."""

    saves: Sequence[Save]


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of the transaction. What it raises undoes it alone and becomes its result.

    Errors of the disk are not its own: they undo the whole transaction, and so does what an `is_vital` one
    raises, without which the saves beside it must not stand.
    """

    work: Callable[["Transaction"], Any]
    is_vital: bool = False


Unit: TypeAlias = Saves | Operation


@dataclass(frozen=True, slots=True)
class Applied:
    """One result for each unit, an exception for one that was undone; and the events of the others.

    `sequel` is what was answered by the function that ran after the commit, if there was one.
    `has_new_hash_key` tells that a key of the hashes may have been stored.
    """

    results: list[Any]
    events: list[EventRow]
    sequel: Any = None
    has_new_hash_key: bool = False


Show: TypeAlias = Callable[[JobsWithDocuments], None]


@dataclass(slots=True)
class Transaction:
    """What an operation may do: save, tell events, and read or write through the connection.

    Saves are written in batches: use `reading()` instead of `connection` when what was saved must be seen.
    """

    connection: sqlite3.Connection
    last_seq: int
    vault: Vault
    events: list[EventRow] = field(default_factory=list)
    has_new_hash_key: bool = False
    _pending: list[Save] = field(default_factory=list)
    _starting: list[int] = field(default_factory=list)
    _shown: list[tuple[Sequence[int], Show]] = field(default_factory=list)

    def save(self, *saves: Save) -> None:
        """Have these written with this transaction."""
        for save in saves:
            if type(save) is AppendEvent:
                self.last_seq += 1
                event = save if save.job_id is not None else save._replace(data=event_data(save.data))
                self.events.append(EventRow(self.last_seq, *event))
            elif type(save) is PinTables:
                self._starting.append(save.id)
            else:
                self._pending.append(save)

    def event(
        self,
        time_us: int,
        kind: str,
        project: str,
        *,
        job_id: int | None = None,
        run_id: str | None = None,
        principal: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell an event."""
        self.save(AppendEvent(time_us, kind, project, job_id, run_id, principal, data or {}))

    def reading(self) -> sqlite3.Connection:
        """Answer the connection after all that was saved so far is written."""
        pending, self._pending = self._pending, []
        write(self.connection, pending)
        return self.connection

    def show_jobs(self, ids: Sequence[int], show: Show) -> None:
        """Have `show` called with these jobs, as they are when all is written; many are read in one go."""
        self._shown.append((ids, show))

    def run(self, unit: Unit) -> Any:
        """Do one unit and answer its result, or the exception that undid it."""
        match unit:
            case Saves(saves):
                return self.save(*saves)
            case Operation(work, is_vital=True):
                return work(self)
            case Operation(work):
                return self._attempt(work)

    def finish(self) -> None:
        """Write what is still to be written."""
        self.reading()
        for job_id in self._starting:  # the last of all: what others end with in this transaction counts
            self.connection.execute(QUERIES["pin_tables"], (job_id,))
        _insert_events(self.connection, self.events)
        if self._shown:
            self._show()

    def _show(self) -> None:
        """Read the jobs that are to be shown: every statement hands the interpreter's lock round."""
        found = jobs_with_documents(self.connection, [job_id for ids, _ in self._shown for job_id in ids])
        rows = {row.id: row for row in found[0]}
        waits: dict[int, list[Dependency]] = {}
        for one in found[2]:
            waits.setdefault(one.job_id, []).append(one)
        for ids, show in self._shown:
            own = [rows[job_id] for job_id in ids if job_id in rows]
            show((own, found[1], [one for row in own for one in waits.get(row.id, ())]))

    def _attempt(self, work: Callable[["Transaction"], Any]) -> Any:
        """Run an operation under a savepoint; put everything back as it was before if it raises."""
        mark = _Mark(self.last_seq, len(self.events), self._pending, len(self._pending))
        self.connection.execute("SAVEPOINT operation")
        try:
            result = work(self)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
            self._undo(mark)
            return StoreContradiction(error)
        except (sqlite3.Error, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - one caller's fault must not undo its neighbours' work
            self._undo(mark)
            return error
        self.connection.execute("RELEASE operation")
        return result

    def _undo(self, mark: "_Mark") -> None:
        """Go back to `mark`. Saves of earlier units that the operation had flushed will be written again."""
        self.connection.execute("ROLLBACK TO operation")
        self.connection.execute("RELEASE operation")
        self.last_seq = mark.last_seq
        del self.events[mark.events :]
        del mark.pending[mark.pending_count :]
        self._pending = mark.pending


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far the transaction was before an operation. `reading` leaves the list of saves as it was."""

    last_seq: int
    events: int
    pending: list[Save]
    pending_count: int


def _insert_events(connection: sqlite3.Connection, events: list[EventRow]) -> None:
    """Many rows with each statement: every step of a statement hands the interpreter's lock round once."""
    start = 0
    while start < len(events):
        size = _size_of_statement(len(events) - start)
        values: list[Any] = []
        for event in events[start : start + size]:
            principal = None if event.principal is None else json_text(event.principal)
            data = encoded(event.data).decode() if event.data else "{}"
            of_job = (event.project, event.job_id, event.run_id)
            values += (event.seq, event.time_us, event.kind, *of_job, principal, data)
        connection.execute(_insert_sql(size), values)
        start += size


def _size_of_statement(events: int) -> int:
    """How many of these events one statement takes: few all, else a power of two, for few texts."""
    return events if events <= FEW_EVENTS else min(1 << events.bit_length() - 1, MOST_EVENTS)


@cache
def _insert_sql(rows: int) -> str:
    """The statement for so many events."""
    statement, _, marks = QUERIES["insert_event"].rpartition("VALUES")
    return f"{statement}VALUES {', '.join([marks.strip().rstrip(';')] * rows)}"


def apply(
    connection: sqlite3.Connection,
    last_seq: int,
    vault: Vault,
    units: Iterable[Unit],
    before_commit: Callable[[], None] | None = None,
) -> tuple[Applied, int]:
    """Do `units` in one transaction and answer what came of them and the last event's number.

    Whatever it or `before_commit` raises, nothing was done.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        transaction = Transaction(connection, last_seq, vault)
        results = [transaction.run(unit) for unit in units]
        transaction.finish()
        if before_commit is not None:
            before_commit()
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise
    applied = Applied(results, transaction.events, has_new_hash_key=transaction.has_new_hash_key)
    return applied, transaction.last_seq


def roll_back(connection: sqlite3.Connection) -> None:
    """Leave the transaction; after a full disk or an I/O error SQLite may have left it already."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
