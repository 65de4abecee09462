"""Watchers of folders, and the files known to triggers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from locksided.store.rows import decoded
from locksided.store.sql import QUERIES, Database
from locksided.store.time_rows import MakerName, WatcherRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


class FileName(NamedTuple):
    """The identification of a file for a trigger."""

    project: str
    id: str
    folder: str
    name: str


class FileIdentity(NamedTuple):
    """Properties that stay the same while a file is unchanged."""

    inode: int
    size_bytes: int
    modified_ns: int


def watchers(connection: Database) -> list[WatcherRow]:
    """Return all watchers, one per user."""
    return decoded(WatcherRow, connection.execute(QUERIES["watchers"]).fetchall())


def watcher(connection: Database, token: str) -> WatcherRow | None:
    """Return the watcher started with this token, unless it has ended."""
    found = decoded(WatcherRow, connection.execute(QUERIES["watcher"], (token,)).fetchall())
    return found[0] if found else None


def add(tx: Transaction, uid: int, token: str, watches: Sequence[dict[str, Any]]) -> None:
    """Record a watcher that is about to start."""
    tx.connection.execute(QUERIES["add_watcher"], (uid, token, json_text(list(watches))))


def advance(tx: Transaction, before: WatcherRow, next_seq: int, watches: Sequence[dict[str, Any]]) -> bool:
    """Record how far its log was read, and what it watches; False if another reader was faster."""
    values = (next_seq, json_text(list(watches)), before.token, before.next_seq)
    return tx.connection.execute(QUERIES["advance_watcher"], values).rowcount == 1


def forget(tx: Transaction, token: str) -> None:
    """Delete a watcher that has ended."""
    tx.connection.execute(QUERIES["delete_watcher"], (token,))


def known(connection: Database, file: FileName) -> FileIdentity | None:
    """Return a file as it was last reported; None if it never was."""
    found = connection.execute(QUERIES["known_file"], file).fetchone()
    return None if found is None else FileIdentity(*found)


def know(tx: Transaction, file: FileName, identity: FileIdentity, token: str) -> None:
    """Record a file that a watcher reported."""
    tx.connection.execute(QUERIES["put_known_file"], (*file, *identity, token))


def note_gone(tx: Transaction, file: FileName, now_us: int) -> None:
    """Record that a file was deleted. It stays known for a while: it may return unchanged."""
    tx.connection.execute(QUERIES["file_is_gone"], (now_us, *file))


def note_others_gone(tx: Transaction, name: MakerName, folder: str, token: str, now_us: int) -> None:
    """Record all files in a folder as deleted that a watcher did not report."""
    tx.connection.execute(QUERIES["other_files_are_gone"], (now_us, *name, folder, token))


def forget_folders(tx: Transaction, name: MakerName, but: Sequence[str]) -> None:
    """Delete the known files of a trigger in all folders but these."""
    tx.connection.execute(QUERIES["delete_known_files"], (*name, json_text(list(but))))


def prune(tx: Transaction, before_us: int) -> None:
    """Delete files that were deleted before a time."""
    tx.connection.execute(QUERIES["prune_known_files"], (before_us,))
