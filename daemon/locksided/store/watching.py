"""Watchers of folders, and the files that triggers know."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from locksided.store.rows import decoded
from locksided.store.sql import QUERIES, Database
from locksided.store.time_rows import MakerName, WatcherRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


class FileName(NamedTuple):
    """What identifies a file for a trigger."""

    project: str
    id: str
    folder: str
    name: str


class FileIdentity(NamedTuple):
    """What a file has kept when it is still the same."""

    inode: int
    size_bytes: int
    modified_ns: int


def watchers(connection: Database) -> list[WatcherRow]:
    """All watchers, one for a user."""
    return decoded(WatcherRow, connection.execute(QUERIES["watchers"]).fetchall())


def watcher(connection: Database, token: str) -> WatcherRow | None:
    """The watcher that was started with this token, unless it is over."""
    found = decoded(WatcherRow, connection.execute(QUERIES["watcher"], (token,)).fetchall())
    return found[0] if found else None


def add(tx: Transaction, uid: int, token: str, watches: Sequence[dict[str, Any]]) -> None:
    """A watcher is about to be started."""
    tx.connection.execute(QUERIES["add_watcher"], (uid, token, json_text(list(watches))))


def advance(tx: Transaction, before: WatcherRow, next_seq: int, watches: Sequence[dict[str, Any]]) -> bool:
    """Note how far its log was read, and what it watches; False when somebody else has read it meanwhile."""
    values = (next_seq, json_text(list(watches)), before.token, before.next_seq)
    return tx.connection.execute(QUERIES["advance_watcher"], values).rowcount == 1


def forget(tx: Transaction, token: str) -> None:
    """A watcher is over."""
    tx.connection.execute(QUERIES["delete_watcher"], (token,))


def known(connection: Database, file: FileName) -> FileIdentity | None:
    """A file as it was told last; None for one that never was."""
    found = connection.execute(QUERIES["known_file"], file).fetchone()
    return None if found is None else FileIdentity(*found)


def know(tx: Transaction, file: FileName, identity: FileIdentity, token: str) -> None:
    """A file was told by a watcher."""
    tx.connection.execute(QUERIES["put_known_file"], (*file, *identity, token))


def note_gone(tx: Transaction, file: FileName, now_us: int) -> None:
    """A file is not there any more. It stays known for a while: it may come back as it was."""
    tx.connection.execute(QUERIES["file_is_gone"], (now_us, *file))


def note_others_gone(tx: Transaction, name: MakerName, folder: str, token: str, now_us: int) -> None:
    """A watcher has told all that lies in a folder."""
    tx.connection.execute(QUERIES["other_files_are_gone"], (now_us, *name, folder, token))


def forget_folders(tx: Transaction, name: MakerName, but: Sequence[str]) -> None:
    """Forget the files of a trigger in all folders but these."""
    tx.connection.execute(QUERIES["delete_known_files"], (*name, json_text(list(but))))


def prune(tx: Transaction, before_us: int) -> None:
    """Forget the files that have been gone for longer."""
    tx.connection.execute(QUERIES["prune_known_files"], (before_us,))
