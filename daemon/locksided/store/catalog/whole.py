"""Everything of a project's catalog as it is now, to be compared with what it should be."""

import sqlite3
from dataclasses import dataclass

from locksided.store import reads
from locksided.store.catalog.branches import DEFAULT, require_branch
from locksided.store.catalog.configs import ConfigId
from locksided.store.catalog.objects import Kind
from locksided.store.sql import QUERIES

Numbers = frozenset[tuple[str, str, str, int]]
"""Kind, scope, id and version of all that is stored and not deleted: equal as long as nothing has changed."""


@dataclass(frozen=True, slots=True)
class StoredText:
    """The current version of an object, its body as the JSON text that is stored."""

    version: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """The current versions of all that is not deleted, by id; configurations of every branch."""

    components: dict[str, StoredText]
    variables: dict[str, StoredText]
    configs: dict[ConfigId, StoredText]
    pools: dict[str, int]
    numbers: Numbers


def whole(connection: sqlite3.Connection, project: str, branch: str) -> Whole:
    """Answer a project's catalog in one snapshot; NotFound unless there is such a branch."""
    found: dict[str, dict[tuple[str, str], StoredText]] = {kind.value: {} for kind in Kind}
    with reads.snapshot(connection):
        require_branch(connection, project, branch)
        for kind, scope, object_id, version, text in connection.execute(QUERIES["object_texts"], (project,)):
            found[kind][scope, object_id] = StoredText(version, text)
        pools = {one.id: one.version for one in reads.pools(connection)}
        known = numbers(connection, project)
    named = {object_id for _, object_id in found["branch"]} | {DEFAULT}
    return Whole(
        components={object_id: one for (_, object_id), one in found["component"].items()},
        variables={object_id: one for (_, object_id), one in found["variables"].items()},
        configs={
            ConfigId(scope.partition("/")[2], object_id, scope.partition("/")[0], project): one
            for (scope, object_id), one in found["config"].items()
            if scope.partition("/")[0] in named
        },
        pools=pools,
        numbers=known,
    )


def numbers(connection: sqlite3.Connection, project: str) -> Numbers:
    """Answer which versions a project's catalog has now."""
    return frozenset(connection.execute(QUERIES["object_numbers"], (project,)))
