"""Migrates a database to the schema of this release, after a backup, or refuses it.

The schema itself is in schema.sql and migrations/; this module only runs them.
"""

import os
import sqlite3

from locksided import clock
from locksided.clock import ClockKind
from locksided.store import sql
from locksided.store.errors import NotAStore, OtherClock, StoreTooNew

APPLICATION_ID = 0x4C4F434B


def ensure(connection: sqlite3.Connection, path: str, backups: str) -> None:
    """Create the schema in an empty database, or migrate an older one in a single transaction.

    Raises StoreTooNew for a newer schema, NotAStore for another program's database, and OtherClock for one
    made under another kind of clock; none of them is changed.
    """
    found, known = version(connection), len(sql.migrations())
    if found > known:
        raise StoreTooNew(path, found, known)
    if not found and not _is_empty(connection):
        raise NotAStore(path)
    if found:
        check_clock(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    if found == known:
        return
    if found:
        backup(connection, os.path.join(backups, _backup_name(found)))
        _run(connection, "\n".join(sql.migrations()[found:]), known)
    else:
        begun = f"INSERT INTO meta (key, value) VALUES ('clock', '{clock.kind()}');"  # noqa: S608 - one of two words
        _run(connection, f"{sql.schema()}\n{begun}", known)


def check_clock(connection: sqlite3.Connection, path: str) -> None:
    """Raise OtherClock unless the database was made under the kind of clock of this process."""
    found = connection.execute("SELECT value FROM meta WHERE key = 'clock'").fetchone()
    (begun,) = found or (ClockKind.SYSTEM,)  # by releases without other clocks
    if begun != clock.kind():
        raise OtherClock(path, begun)


def version(connection: sqlite3.Connection) -> int:
    """Return the number of the database's schema; 0 for none."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def backup(connection: sqlite3.Connection, target: str) -> None:
    """Write a compact copy to `target`, which must not exist, and flush it to the disk."""
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    if os.path.exists(target):
        raise FileExistsError(target)
    part = target + ".part"
    if os.path.exists(part):
        os.unlink(part)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection.execute("VACUUM INTO ?", (part,))
        _sync(part)
        os.rename(part, target)
    except BaseException:
        os.unlink(part)  # half a copy is no backup, and takes scarce space
        raise
    _sync(os.path.dirname(target))


def _run(connection: sqlite3.Connection, script: str, number: int) -> None:
    """Run a script in one transaction that also sets the schema's number."""
    connection.execute("PRAGMA foreign_keys = OFF")  # a table that is rebuilt is missing for a moment
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {APPLICATION_ID};\n"
            f"PRAGMA user_version = {number};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None


def _backup_name(found: int) -> str:
    return f"lockside-schema{found}-{clock.real_stamp()}.db"


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
