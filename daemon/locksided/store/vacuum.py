"""Which versions of tables are kept, and for how long dropped tables are."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


class Keeping(NamedTuple):
    """What is kept besides heads and what jobs read: a number of versions, recent ones, and the trash."""

    versions: int
    since_us: int
    trash_since_us: int


class OldestKept(NamedTuple):
    """A table, and its oldest version to keep."""

    number: int
    key: str
    oldest: int


def oldest_kept(connection: sqlite3.Connection, keys: Sequence[str], keeping: Keeping) -> list[OldestKept]:
    """Return the oldest versions to keep of these tables."""
    asked = {
        "keys": json_text(list(keys)),
        "versions": max(keeping.versions, 1),
        "since_us": keeping.since_us,
    }
    return [OldestKept(*row) for row in connection.execute(QUERIES["oldest_kept"], asked)]


def keys_of_project(connection: sqlite3.Connection, project: str) -> list[str]:
    """Return all tables of a project that are not in the trash."""
    return [key for (key,) in connection.execute(QUERIES["table_keys"], (project,))]


def claimed_keys(connection: sqlite3.Connection) -> set[str]:
    """Return the tables that live jobs write, or wait to write."""
    return {path.lower() for (path,) in connection.execute(QUERIES["claimed_tables"])}


def known_trash(connection: sqlite3.Connection, project: str) -> list[str]:
    """Return the paths of the folders in the trash that are still kept."""
    found = connection.execute(QUERIES["known_trash"], (project,))
    return [f"{project}/{branch}/{name.rpartition('.')[0]}/.trash/{trash}" for branch, name, trash in found]


def let_go(tx: Transaction, keys: Sequence[str], keeping: Keeping, project: str) -> None:
    """Record which versions are not kept any more, before any of their files is removed."""
    for one in oldest_kept(tx.reading(), keys, keeping):
        tx.connection.execute(QUERIES["move_oldest"], {"number": one.number, "oldest": one.oldest})
    tx.connection.execute(QUERIES["forget_trash"], (project, keeping.trash_since_us))
