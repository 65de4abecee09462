"""A connection that runs a whole function on its thread in a single hop, including its transaction.

It knows how to open the database and how to name its failures; it knows no tables.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import aiosqlite
from anyio import CancelScope

from locksided import threads
from locksided.store.errors import StoreContradiction, StoreUnavailable

T = TypeVar("T")

BUSY_SECONDS = 5.0
CACHED_STATEMENTS = 512


class DatabaseConnection(aiosqlite.Connection):
    """An aiosqlite connection whose unit of work is a function of the plain connection."""

    def __init__(self, path: str) -> None:
        super().__init__(partial(connect, path), iter_chunk_size=64)
        self.doubt: OSError | None = None
        """Why no data read can be trusted; while it is set, reading is refused."""
        self.explain: Callable[[BaseException], StoreUnavailable] = named
        """Maps an error of SQLite or the system to the exception to raise."""
        # An open connection must not prevent the interpreter from exiting.
        self._thread.daemon = True

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread and return its result.

        It runs to its end even if the caller is cancelled meanwhile; the cancellation is raised afterwards.
        Errors of SQLite and the system become StoreUnavailable.
        """
        if self._connection is None:
            raise StoreUnavailable(ValueError("it is closed"))
        if self.doubt is not None:
            raise StoreUnavailable(self.doubt)
        with threads.at_work:
            try:
                return await self._queued(partial(work, self._connection))
            except (sqlite3.Error, OSError, MemoryError) as error:
                raise self.explain(error) from error
            except asyncio.CancelledError:
                await self._queue_done()
                raise

    def _queued(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Queue work for the thread after earlier work: `_execute` without a coroutine."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, work))
        return future

    async def _queue_done(self) -> None:
        """Return when everything queued so far is done, despite any number of cancellations."""
        is_done = self._queued(_nothing)
        with CancelScope(shield=True):
            while not is_done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([is_done])


def _nothing() -> None:
    """Work that is queued only to find out when earlier work is done."""


def named(error: BaseException) -> StoreUnavailable:
    """Return the store's exception for an error of SQLite or the system."""
    ours = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    return StoreContradiction(error) if isinstance(error, ours) else StoreUnavailable(error)


def create(path: str) -> None:
    """Create an empty file at `path`, for this user only, unless it exists.

    An existing file is not opened: closing it would drop the locks that SQLite holds on it in this process
    (fcntl(2)), and the next program that closes the database would then remove the log under our connections.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def connect(path: str) -> sqlite3.Connection:
    """Open the existing database at `path` for the calling thread."""
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        cached_statements=CACHED_STATEMENTS,
    )
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Configure a connection: durable commits, readers beside the writer, no trust in stored code."""
    for setting in (
        "trusted_schema = OFF",
        "secure_delete = ON",  # removed data must not remain in the file
        "synchronous = FULL",
        "foreign_keys = ON",
        "wal_autocheckpoint = 4000",  # pages: fewer, larger checkpoints between bursts of commits
        "journal_size_limit = 67108864",  # bytes to keep of a log that grew during a long read
        "cache_size = -2048",  # KiB: the system's own cache backs it
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {setting}")


async def opened(path: str) -> DatabaseConnection:
    """Open the existing database at `path`; StoreUnavailable if that fails."""
    try:
        connection = DatabaseConnection(path)
        await connection
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(error) from error
    return connection
