"""A project's whole current catalog, for comparison with the wanted one."""

import sqlite3
from dataclasses import dataclass

from lockside.kinds import BRANCH, CONFIG, KINDS
from locksided.store import reads
from locksided.store.catalog import objects
from locksided.store.catalog.keys import DEFAULT, Key
from locksided.store.sql import QUERIES

Numbers = frozenset[tuple[str, str, str, int]]
"""Kind, scope, id and version of all existing objects: equal if and only if nothing has changed."""


@dataclass(frozen=True, slots=True)
class StoredText:
    """The current version of an object, with its body as stored JSON text."""

    version: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """The current versions of all existing objects, in every branch, and the pools' versions."""

    objects: dict[Key, StoredText]
    pools: dict[str, int]
    numbers: Numbers


def whole(connection: sqlite3.Connection, project: str, branch: str) -> Whole:
    """Return a project's catalog in one snapshot; NotFound if the branch does not exist."""
    with reads.snapshot(connection):
        objects.require_branch(connection, Key(project, CONFIG, ("", ""), branch))
        found = {
            Key.at(project, KINDS[kind], scope, object_id): StoredText(version, text)
            for kind, scope, object_id, version, text in connection.execute(
                QUERIES["object_texts"], (project,)
            )
            if kind in KINDS
        }
        pools = {one.id: one.version for one in reads.pools(connection)}
        known = numbers(connection, project)
    branches = {key.id for key in found if key.kind is BRANCH} | {DEFAULT}
    return Whole({key: one for key, one in found.items() if key.branch in branches}, pools, known)


def numbers(connection: sqlite3.Connection, project: str) -> Numbers:
    """Return the current versions in a project's catalog."""
    return frozenset(connection.execute(QUERIES["object_numbers"], (project,)))
