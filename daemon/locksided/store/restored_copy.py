"""Turns a backup into a database that a daemon can continue: it assigns no number a second time.

The database is in a file of its own that is not used by others. The caller decides what to do with it.
"""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from locksided.core.table_waits import SERIAL
from locksided.store import ciphers, events, reads, schema, sql
from locksided.store.connection import connect, named
from locksided.store.errors import NotAStore, StoreError, StoreTooNew
from locksided.store.sql import QUERIES
from locksided.store.store import vault_beside
from locksided.store.transaction import Operation, Transaction, apply

OTHER_BOOT = "restored"
RESTORER = "restore"


class DamagedStore(StoreError):
    """A database is damaged; the message names the first faults."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The highest job id, event, commit serial and file id known to have been assigned."""

    job_id: int
    seq: int
    serial: int
    file_id: int


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of a database: its number of jobs, its live jobs, and those with a process.

    `key_ids` are those of the keys that its secrets need.
    """

    jobs: int
    live: frozenset[int]
    running: frozenset[int]
    given: Numbers
    key_ids: frozenset[str]


def check(path: str, backups: str, name: str) -> Contents:
    """Read a whole copy of the backup `name`, migrated if it is older, and return its content.

    Raises NotAStore, StoreTooNew, OtherClock or DamagedStore.
    """
    try:
        connection = connect(path)
    except sqlite3.DatabaseError as error:
        raise NotAStore(name) from error
    try:
        found, known = schema.version(connection), len(sql.migrations())
        if not found:
            raise NotAStore(name)
        if found > known:
            raise StoreTooNew(name, found, known)
        _refuse_damage(connection, name)
        schema.check_clock(connection, name)
        schema.ensure(connection, path, backups)
        return contents(connection)
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise NotAStore(name) from error
        raise DamagedStore(f"{name} is damaged: {error}") from error
    finally:
        connection.close()


def _refuse_damage(connection: sqlite3.Connection, path: str) -> None:
    faults = [line for (line,) in connection.execute("PRAGMA integrity_check(3)") if line != "ok"]
    faults += [
        f"row {row} of {table} names a row of {parent} that does not exist"
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
    ][:3]
    if faults:
        raise DamagedStore(f"{path} is damaged: {'; '.join(faults)}")


def contents(connection: sqlite3.Connection) -> Contents:
    """Return the content of a database."""
    rows = connection.execute(QUERIES["statuses_of_live_jobs"]).fetchall()
    return Contents(
        jobs=sum(reads.counts_by_status(connection).values()),
        live=frozenset(job_id for job_id, _, _ in rows),
        running=frozenset(
            job_id
            for job_id, status, kind in rows
            if status in ("processing", "terminating") and kind == "standard"
        ),
        given=Numbers(
            reads.last_job_id(connection),
            events.last_seq(connection),
            _serial(connection),
            connection.execute(QUERIES["last_file_id"]).fetchone()[0],
        ),
        key_ids=frozenset(ciphers.counts(connection)),
    )


def _serial(connection: sqlite3.Connection) -> int:
    return int(reads.meta(connection, SERIAL) or 1)


def look(path: str) -> Contents | None:
    """Return the content of the database in use, and checkpoint its log; None if it cannot be read."""
    if not Path(path).exists():
        return None
    try:
        connection = connect(path)
    except (sqlite3.Error, OSError):
        return None
    try:
        found = contents(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        return None
    else:
        return found
    finally:
        connection.close()


def prepare(path: str, given: Numbers, now_us: int, source: str, lost: Collection[int]) -> None:
    """Make the next daemon continue after `given` without starting jobs, and treat running jobs as lost."""

    def work(tx: Transaction) -> None:
        connection = tx.connection
        connection.execute(QUERIES["put_meta"], ("last_purged_id", str(given.job_id)))
        connection.execute(QUERIES["put_meta"], (SERIAL, str(given.serial)))
        connection.execute(QUERIES["forget_file_ids"])
        connection.execute(QUERIES["skip_file_ids"], (given.file_id,))
        connection.execute(QUERIES["put_meta"], ("boot_id", OTHER_BOOT))
        connection.execute(QUERIES["put_meta"], ("draining", f"{now_us} {RESTORER}"))
        data = {"backup": source, "lost": [str(job_id) for job_id in sorted(lost)]}
        tx.event(now_us, "daemon.restored", "default", data=data)

    connection = connect(path)
    try:
        apply(connection, given.seq, vault_beside(path), [Operation(work, is_vital=True)])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise named(error) from error
    finally:
        connection.close()
