"""A connection that runs a whole function on its thread in a single hop, transaction and all.

It knows how this program opens a database and how its failures are named; it knows no table.
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
        """Why nothing that is read can be believed; then nothing is."""
        self.explain: Callable[[BaseException], StoreUnavailable] = named
        """What an error of SQLite or the system is raised as."""
        # A connection that was left open must not keep the interpreter from ending.
        self._thread.daemon = True

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread and answer its result.

        It runs to its end even if the caller is cancelled meanwhile; the cancellation is raised afterwards.
        SQLite's and the system's errors become StoreUnavailable.
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
                await self._passed()
                raise

    def _queued(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Have the thread do it after what it was given before: `_execute` without a coroutine."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((future, work))
        return future

    async def _passed(self) -> None:
        """Return when all that was queued so far is done, through any number of cancellations."""
        is_done = self._queued(_nothing)
        with CancelScope(shield=True):
            while not is_done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([is_done])


def _nothing() -> None:
    """What is queued only to learn that what stood before it is done."""


def named(error: BaseException) -> StoreUnavailable:
    """Answer the store's name for what SQLite or the system reported."""
    ours = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    return StoreContradiction(error) if isinstance(error, ours) else StoreUnavailable(error)


def create(path: str) -> None:
    """Make an empty file at `path`, for this user only, unless there is a file.

    A file that exists is not opened: closing it would drop the locks that SQLite holds on it in this process
    (fcntl(2)), and the next program that closes the database would then remove the log under our connections.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def connect(path: str) -> sqlite3.Connection:
    """Open the database at `path`, which must exist, for the thread that calls."""
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
    """Set what every connection has: durable commits, readers beside the writer, no trust in stored code."""
    for setting in (
        "trusted_schema = OFF",
        "secure_delete = ON",  # what is removed is not to be found in the file any more
        "synchronous = FULL",
        "foreign_keys = ON",
        "wal_autocheckpoint = 4000",  # pages: fewer, larger checkpoints between bursts of commits
        "journal_size_limit = 67108864",  # bytes kept of a log that a long read made grow
        "cache_size = -2048",  # KiB: the system's own cache is behind it
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {setting}")


async def opened(path: str) -> DatabaseConnection:
    """Open the database at `path`, which must exist; StoreUnavailable if it cannot be."""
    try:
        connection = DatabaseConnection(path)
        await connection
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(error) from error
    return connection
