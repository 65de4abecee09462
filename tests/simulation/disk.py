"""What survives daemons, keepers and machines: the real database, claims, outcomes; and how a disk fails.

The SQL is the store's own, on SQLite in memory. A hop to the store's thread is a pending event of the world:
it returns when the world lets it, it may fail at any statement, and the daemon may die before or after it.
"""

import json
import sqlite3
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from core.random_trees import RESOURCES
from locksided.backends.claims import Claim
from locksided.store.connection import named, prepare
from locksided.store.store import Store, _begin, _probe, _Start
from simulation.follower import BEGIN

if TYPE_CHECKING:
    from simulation.daemon import Daemon

T = TypeVar("T")


@cache
def _blank() -> bytes:
    """Return a new database, created once as the store creates it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    prepare(connection)
    _begin(connection, path=":memory:", backups="")
    connection.execute(BEGIN)
    return connection.serialize()


class Disk:
    """One machine's disk."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        self.connection.deserialize(_blank())
        prepare(self.connection)
        self.connection.execute("PRAGMA journal_mode = MEMORY")
        self._have_resources()
        self.claims: dict[str, str] = {}
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.were_started: set[str] = set()
        """Every token that a keeper ever claimed, also those whose claim a power loss took."""
        self.records: dict[str, int] = {}
        """By token the process that the keeper noted in run.json."""
        self.is_full = False
        self.fails_at: int | None = None
        """At which statement from now on the next write to the database fails."""

    def _have_resources(self) -> None:
        """Create the resources that drafts need, for all projects."""
        bodies = {"api": {"id": "api", "capacity": RESOURCES["api"], "shared": True}}
        bodies["gpu"] = {"id": "gpu", "units": ["0", "1"], "shared": True}
        for name, body in bodies.items():
            key = ("default", "resource", "", name, 1)
            self.connection.execute("INSERT INTO objects VALUES (?, ?, ?, ?, ?, 0, 0)", key)
            self.connection.execute(
                "INSERT INTO object_versions VALUES (?, ?, ?, ?, ?, ?, NULL, 0, '{}')",
                (*key, json.dumps(body)),
            )
        self.connection.commit()

    # -- files --------------------------------------------------------------------------------------------

    def claim(self, token: str, word: str) -> str | None:
        """Decide a token as the keeper does: returns None for the first claim, else the word of the first."""
        if token in self.claims:
            return self.claims[token]
        self.claims[token] = word
        if word == "started":
            self.were_started.add(token)
        return None

    def burn(self, token: str) -> Claim:
        """Decide a token as the daemon does."""
        if token in self.claims:
            return Claim.BURNT if self.claims[token] == "burnt" else Claim.STARTED
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.claims[token] = "burnt"
        return Claim.BURNT

    def recorded(self, token: str) -> bytes | None:
        outcome = self.outcomes.get(token)
        return None if outcome is None else json.dumps(outcome).encode()

    # -- the database -------------------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()

    def row(self, job_id: int) -> dict[str, Any] | None:
        cursor = self.connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,))
        found = cursor.fetchone()
        return (
            None if found is None else dict(zip([one[0] for one in cursor.description], found, strict=True))
        )


class Broken:
    """A connection on a disk that fails at the n-th statement, and behaves as SQLite does then."""

    def __init__(self, connection: sqlite3.Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._count(sql)
        return self._connection.execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._count(sql)
        return self._connection.executemany(sql, *values)

    def _count(self, sql: str) -> None:
        if sql == "ROLLBACK":
            return
        if self._left <= 0 or sql == "COMMIT":
            if self._left % 2 and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")  # SQLite does so by itself when the disk is full
            raise sqlite3.OperationalError("database or disk is full")
        self._left -= 1


class Thread:
    """Replaces one of the store's connections on its thread, as a daemon has it open."""

    def __init__(self, disk: Disk, daemon: "Daemon", *, writes: bool) -> None:
        self._disk = disk
        self._daemon = daemon
        self._writes = writes

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Like the real one: all the work is done on the plain connection, and its errors are translated."""
        await self._daemon.hop("a save" if self._writes else "a read of the store")
        try:
            result = self._do(work)
        except (sqlite3.Error, OSError, MemoryError) as error:
            raise named(error) from error
        if self._writes and work is not _probe:
            self._daemon.committed()
            await self._daemon.hop("the word of a save")
        return result

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        disk = self._disk
        if not self._writes:
            if disk.fails_at == -1:
                disk.fails_at = None
                raise sqlite3.OperationalError("disk I/O error")
            return work(disk.connection)
        fails_at, disk.fails_at = disk.fails_at, None
        if disk.is_full:
            fails_at = fails_at or 0
        if fails_at is None or fails_at < 0:
            return work(disk.connection)
        self._daemon.save_failed()
        return work(Broken(disk.connection, fails_at))  # type: ignore[arg-type]


def open_store(disk: Disk, daemon: "Daemon") -> Store:
    """Open the real store on a disk."""
    (seq,) = disk.connection.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()
    writer = Thread(disk, daemon, writes=True)
    readers = (Thread(disk, daemon, writes=False), Thread(disk, daemon, writes=False))
    return Store("", _Start(1, seq), writer, *readers)  # type: ignore[arg-type]
