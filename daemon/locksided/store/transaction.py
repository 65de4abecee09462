"""One transaction: units of work that share a commit, each of which may be refused separately.

It decides what is written when and what is rolled back; writes.py writes the rows. It runs on the writer's
thread and awaits nothing.
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
"""The most events in one statement."""


@dataclass(frozen=True, slots=True)
class Saves:
    """The saves of the core for one step; never refused, the result is None."""

    saves: Sequence[Save]


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of the transaction. An exception undoes only this operation and becomes its result.

    Errors of the disk are different: they undo the whole transaction, and so does an exception of an
    `is_vital` operation, without which the saves beside it must not stand.
    """

    work: Callable[["Transaction"], Any]
    is_vital: bool = False


Unit: TypeAlias = Saves | Operation


@dataclass(frozen=True, slots=True)
class Applied:
    """One result for each unit, an exception for one that was undone; and the events of the others.

    `follow_up` is the result of the function that ran after the commit. `has_new_hash_key` says that a
    key of the hashes may have been stored.
    """

    results: list[Any]
    events: list[EventRow]
    follow_up: Any = None
    has_new_hash_key: bool = False


Show: TypeAlias = Callable[[JobsWithDocuments], None]


@dataclass(slots=True)
class Transaction:
    """What an operation may do: save, append events, and read or write through the connection.

    Saves are written in batches: use `reading()` instead of `connection` to see what was saved.
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
        """Write these with this transaction."""
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
        """Append an event."""
        self.save(AppendEvent(time_us, kind, project, job_id, run_id, principal, data or {}))

    def reading(self) -> sqlite3.Connection:
        """Return the connection after everything saved so far is written."""
        pending, self._pending = self._pending, []
        write(self.connection, pending)
        return self.connection

    def show_jobs(self, ids: Sequence[int], show: Show) -> None:
        """Call `show` with these jobs, as they are when everything is written; many are read in one go."""
        self._shown.append((ids, show))

    def run(self, unit: Unit) -> Any:
        """Execute one unit and return its result, or the exception that undid it."""
        match unit:
            case Saves(saves):
                return self.save(*saves)
            case Operation(work, is_vital=True):
                return work(self)
            case Operation(work):
                return self._attempt(work)

    def finish(self) -> None:
        """Write what is still pending."""
        self.reading()
        for job_id in self._starting:  # last, so that ends in this transaction are included
            self.connection.execute(QUERIES["pin_tables"], (job_id,))
        _insert_events(self.connection, self.events)
        if self._shown:
            self._show()

    def _show(self) -> None:
        """Read all jobs to be shown together: every statement passes the interpreter's lock around."""
        found = jobs_with_documents(self.connection, [job_id for ids, _ in self._shown for job_id in ids])
        rows = {row.id: row for row in found[0]}
        waits: dict[int, list[Dependency]] = {}
        for one in found[2]:
            waits.setdefault(one.job_id, []).append(one)
        for ids, show in self._shown:
            own = [rows[job_id] for job_id in ids if job_id in rows]
            show((own, found[1], [one for row in own for one in waits.get(row.id, ())]))

    def _attempt(self, work: Callable[["Transaction"], Any]) -> Any:
        """Run an operation under a savepoint; restore the state before it if it raises."""
        mark = _Mark(self.last_seq, len(self.events), self._pending, len(self._pending))
        self.connection.execute("SAVEPOINT operation")
        try:
            result = work(self)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
            self._undo(mark)
            return StoreContradiction(error)
        except (sqlite3.Error, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of one caller must not undo the work of others
            self._undo(mark)
            return error
        self.connection.execute("RELEASE operation")
        return result

    def _undo(self, mark: "_Mark") -> None:
        """Return to `mark`. Saves of earlier units that the operation had flushed are written again."""
        self.connection.execute("ROLLBACK TO operation")
        self.connection.execute("RELEASE operation")
        self.last_seq = mark.last_seq
        del self.events[mark.events :]
        del mark.pending[mark.pending_count :]
        self._pending = mark.pending


@dataclass(frozen=True, slots=True)
class _Mark:
    """The position of the transaction before an operation. `reading` does not change the list of saves."""

    last_seq: int
    events: int
    pending: list[Save]
    pending_count: int


def _insert_events(connection: sqlite3.Connection, events: list[EventRow]) -> None:
    """Insert many rows per statement: every step of a statement passes the interpreter's lock around."""
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
    """Return how many of these events one statement takes: all if few, else a power of two, for few texts."""
    return events if events <= FEW_EVENTS else min(1 << events.bit_length() - 1, MOST_EVENTS)


@cache
def _insert_sql(rows: int) -> str:
    """Return the statement for that many events."""
    statement, _, marks = QUERIES["insert_event"].rpartition("VALUES")
    return f"{statement}VALUES {', '.join([marks.strip().rstrip(';')] * rows)}"


def apply(
    connection: sqlite3.Connection,
    last_seq: int,
    vault: Vault,
    units: Iterable[Unit],
    before_commit: Callable[[], None] | None = None,
) -> tuple[Applied, int]:
    """Execute `units` in one transaction and return their results and the last event's number.

    If it or `before_commit` raises, nothing was done.
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
    """Roll back the transaction; after a full disk or an I/O error SQLite may have done so already."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
