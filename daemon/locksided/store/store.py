"""The store: one connection that writes, two that read. Opening, applying, and maintenance of the file.

Writes are in transaction.py and catalog/, the reading methods in reader.py.
"""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, cast

from anyio import CancelScope

from locksided.secrets.keys import Hasher, KeyFile, Keys
from locksided.secrets.vault import Vault
from locksided.store import events, reads, schema
from locksided.store.catalog.states import DeepState, deep_states
from locksided.store.connection import DatabaseConnection, create, named, opened
from locksided.store.errors import StoreUnavailable
from locksided.store.files import DatabaseFault, DatabaseFileError, DatabaseFiles
from locksided.store.hashes import HASH_KEY, hasher_of
from locksided.store.reader import Reader
from locksided.store.sql import QUERIES
from locksided.store.transaction import Applied, Operation, Unit, apply, roll_back

T = TypeVar("T")

FollowUp: TypeAlias = Callable[[sqlite3.Connection], T]
"""Runs on the writer's thread after a commit, to read what was written. It must not raise."""

IDENTITY_BITS = 60
READERS = 2
PROBE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class _Start:
    identity: int
    last_seq: int
    hash_key: str | None = field(default=None, compare=False)


class Store(Reader):
    """Opened with `Store.open`; its reads see every `apply` that has returned before them.

    `identity` is a random number of 60 bits, created with the database and never changed. `vault` encrypts
    the secrets in everything that is written.
    """

    def __init__(
        self,
        path: str,
        start: _Start,
        writer: DatabaseConnection,
        quick: DatabaseConnection,
        patient: DatabaseConnection,
        vault: Vault | None = None,
    ) -> None:
        super().__init__(quick, patient)
        self.path = path
        self.vault = vault or vault_beside(path)
        self.vault.keep_hash_key(start.hash_key)
        self.identity = start.identity
        self._last_seq = start.last_seq  # of the last commit; only the writer's thread changes it
        self._files = DatabaseFiles(path)
        self._is_closed = False
        self._use(writer, quick, patient)

    @classmethod
    async def open(cls, path: str, backups: str, vault: Vault | None = None) -> Self:
        """Open or create the database at `path`, migrated if necessary after a backup into the folder
        `backups`.

        Without a `vault` the keys are in a file beside it. Raises StoreTooNew, NotAStore or StoreUnavailable;
        nothing stays open in that case.
        """
        try:
            create(path)
        except OSError as error:
            raise StoreUnavailable(error) from error
        start, (writer, quick, patient) = await _opened(path, backups)
        return cls(path, start, writer, quick, patient, vault)

    async def close(self) -> None:
        """Finish running work and close all connections."""
        await _close(self._quick, self._patient, self._writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def apply(self, units: Sequence[Unit], then: FollowUp[Any] | None = None) -> Applied:
        """Execute `units` in one transaction, which is on disk when this returns.

        `then` runs in the same hop after the commit, to read what was written; it must not raise.
        StoreUnavailable and nothing done if the disk fails; StoreContradiction if saves violate the schema.
        If the caller is cancelled it gets no result, but the transaction is completed all the same.
        """
        try:
            return await self._writer.run(partial(self._apply, units, then))
        except StoreUnavailable as error:
            if isinstance(error.cause, DatabaseFileError):
                self._doubt(error.cause)  # the caller continues with `probe`, which ends the doubt
            raise

    def _apply(
        self,
        units: Sequence[Unit],
        then: FollowUp[Any] | None,
        connection: sqlite3.Connection,
    ) -> Applied:
        applied, self._last_seq = apply(
            connection, self._last_seq, self.vault, units, self._files.before_commit
        )
        self._files.after_commit()
        if applied.has_new_hash_key:
            self.vault.keep_hash_key(reads.meta(connection, HASH_KEY))
        return applied if then is None else Applied(applied.results, applied.events, then(connection))

    async def probe(self) -> None:
        """Write and commit something. Raises StoreUnavailable if that fails.

        Before that, a removed log is created again, and a database that others wrote into is examined.
        """
        found = self._files.fault()
        if self._is_closed or (found is not None and found.fault is DatabaseFault.LOG_LOST):
            await self._open_again()
        elif found is not None:
            await self._examine(found)
        await self._writer.run(_probe)
        self._files.accept()

    async def forget_removed(self) -> None:
        """Empty the write-ahead log, which still contains removed data; if someone is reading, later."""
        with suppress(StoreUnavailable):
            await self._maintain(_empty_log)

    async def hasher(self) -> Hasher:
        """Return the maker of keyed hashes; a missing key is created in a transaction of its own.

        This bypasses the scheduler, which may be waiting for the caller. Raises Unavailable without a key.
        """
        if self.vault.hasher is not None:
            return self.vault.hasher
        (made,) = (await self.apply([Operation(hasher_of)])).results
        if isinstance(made, Exception):
            raise made
        return cast("Hasher", made)

    async def empty_free_pages(self) -> None:
        """Rewrite the whole database: no removed or replaced data is left in the files."""
        await self._maintain(_empty_free_pages)

    async def check(self) -> list[str]:
        """Read the whole database and return its faults, one sentence each; empty if there are none."""
        return await self._aside(_problems)

    async def deep_states(self) -> list[DeepState]:
        """Return the locations of states that are nested too deep to be used."""
        return await self._aside(deep_states)

    async def reindex(self) -> None:
        """Rebuild all indexes from the rows."""
        await self._maintain(_reindex)

    async def backup(self, target: str) -> None:
        """Write a compact, consistent copy to `target`, which must not exist, without blocking other work.

        It also works if the database was removed or replaced, from the files that are still open.
        """
        found = self._files.fault()
        if found is not None and found.fault is DatabaseFault.OVERWRITTEN:
            await self._examine(found)
        await self._aside(partial(schema.backup, target=target))

    async def _maintain(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run something that changes the file but no row."""

        def checked(connection: sqlite3.Connection) -> None:
            self._files.check()
            work(connection)
            self._files.accept()

        await self._writer.run(checked)

    def _doubt(self, found: DatabaseFileError | None) -> None:
        """Refuse to read while foreign content is in the database."""
        doubt = found if found is not None and found.fault is DatabaseFault.OVERWRITTEN else None
        for reader in (self._quick, self._patient):
            reader.doubt = doubt

    async def _examine(self, found: DatabaseFileError) -> None:
        """Trust the content again if it is what we left, whoever wrote it. Raises StoreUnavailable if not."""
        if found.fault is not DatabaseFault.OVERWRITTEN or self._files.is_rejected:
            raise StoreUnavailable(found)
        self._doubt(found)
        try:
            is_as_left = await self._writer.run(self._is_as_left)
        except StoreUnavailable as error:
            raise StoreUnavailable(found) from error
        if not is_as_left:
            self._files.reject()
            raise StoreUnavailable(found)
        self._files.accept()
        self._doubt(None)

    def _is_as_left(self, connection: sqlite3.Connection) -> bool:
        connection.execute("PRAGMA shrink_memory")  # the cache has older pages
        return not _problems(connection) and _start(connection) == _Start(self.identity, self._last_seq)

    async def _open_again(self) -> None:
        """Checkpoint the log and open all files again. Raises StoreUnavailable."""
        if not self._is_closed:
            await self._writer.run(_save_log)
        self._is_closed = True
        await self.close()
        start, connections = await _opened(self.path, "")
        if start != _Start(self.identity, self._last_seq):
            await _close(*reversed(connections))
            raise StoreUnavailable(OSError(f"{self.path} is not the database that the daemon had open"))
        self._files = DatabaseFiles(self.path)
        self._use(*connections)
        self._is_closed = False

    def _use(
        self, writer: DatabaseConnection, quick: DatabaseConnection, patient: DatabaseConnection
    ) -> None:
        self._writer, self._quick, self._patient = writer, quick, patient
        for connection in (writer, quick, patient):
            connection.explain = self._explained

    def _explained(self, error: BaseException) -> StoreUnavailable:
        """Return what is wrong with the files, which is more precise than SQLite's error.

        A commit of ours in progress looks like a foreign write: in that case only SQLite can detect damage.
        """
        is_damage = getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        )
        if is_damage:
            self._files.distrust()
        found = self._files.fault()
        if found is None or (found.fault is DatabaseFault.OVERWRITTEN and not is_damage):
            return named(error)
        return StoreUnavailable(found)

    async def _aside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run something long on a connection of its own; on the writer's if that would open other files."""
        if self._files.fault() is not None:
            return await self._writer.run(work)
        connection = await opened(self.path)
        try:
            return await connection.run(work)
        finally:
            await _close(connection)


def vault_beside(path: str) -> Vault:
    """Return a vault whose keys are beside a database. Raises KeyFileError."""
    keys = Keys(KeyFile.find("", Path(path).parent, {}))
    keys.load()
    return Vault(keys)


async def _close(*connections: DatabaseConnection) -> None:
    with CancelScope(shield=True):
        for connection in connections:
            await connection.close()


async def _opened(path: str, backups: str) -> tuple[_Start, list[DatabaseConnection]]:
    """Open the connections: first the one that writes, then those that read."""
    connections = [await opened(path)]
    try:
        start = await connections[0].run(partial(_begin, path=path, backups=backups))
        for _ in range(READERS):
            connections.append(await opened(path))
            await connections[-1].run(_only_read)
    except BaseException:
        await _close(*reversed(connections))
        raise
    return start, connections


def _begin(connection: sqlite3.Connection, *, path: str, backups: str) -> _Start:
    schema.ensure(connection, path, backups)
    if reads.meta(connection, "identity") is None:
        identity = f"{secrets.randbits(IDENTITY_BITS):015x}"
        connection.execute(QUERIES["put_meta"], ("identity", identity))
    return _start(connection)


def _start(connection: sqlite3.Connection) -> _Start:
    identity = int(reads.meta(connection, "identity") or "", 16)
    return _Start(identity, events.last_seq(connection), reads.meta(connection, HASH_KEY))


def _only_read(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -8192")  # KiB: lists read many pages again and again


def _probe(connection: sqlite3.Connection) -> None:
    """Write as much as many jobs need, then remove it: writing to existing pages would prove nothing."""
    try:
        connection.execute(QUERIES["put_meta"], ("probe", "." * PROBE_BYTES))
        connection.execute(QUERIES["delete_meta"], ("probe",))
    finally:
        roll_back(connection)


def _reindex(connection: sqlite3.Connection) -> None:
    connection.execute("REINDEX")


def _empty_free_pages(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA temp_store = FILE")  # the temporary copy may be large
    try:
        connection.execute("VACUUM")
    finally:
        connection.execute("PRAGMA temp_store = MEMORY")
    _save_log(connection)


def _empty_log(connection: sqlite3.Connection) -> None:
    (patience_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience_ms}")


def _save_log(connection: sqlite3.Connection) -> None:
    """Checkpoint the whole log into the database. Raises OSError while a reader prevents that."""
    is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise OSError("the log cannot be written into the database while somebody reads")


def _problems(connection: sqlite3.Connection) -> list[str]:
    found = [line for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        found.append(f"row {row} of {table} names a row of {parent} that does not exist")
    return found
