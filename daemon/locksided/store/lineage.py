"""Which jobs made which versions of tables, and from what: a walk over the records of both."""

import sqlite3
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from locksided.store.rows import decoded
from locksided.store.sql import QUERIES
from locksided.store.table_rows import TableRow
from locksided.store.writes import json_text

MOST_NODES = 10_000


class TableVersion(NamedTuple):
    """A version of a table, by the table's number."""

    number: int
    version: int


Node = TableVersion | int
"""A version of a table, or a job by its id."""


class Found(msgspec.Struct):
    """Nodes in the order of the walk, and the edges between them, from earlier to later."""

    nodes: dict[Node, None]
    edges: dict[tuple[Node, Node], None]
    is_truncated: bool = False


def walk(connection: sqlite3.Connection, start: Node, direction: Literal["up", "down"], depth: int) -> Found:
    """Return all nodes that a node was made from, or that were made of it, up to `depth` jobs away."""
    found = Found({start: None}, {})
    left: list[Node] = [start]
    for _ in range(2 * depth - isinstance(start, int)):
        following: dict[Node, None] = {}
        for node in left:
            for other in _neighbours(connection, node, direction):
                if len(found.nodes) >= MOST_NODES:
                    found.is_truncated = True
                    return found
                if other not in found.nodes:
                    following[other] = None
                found.nodes[other] = None
                found.edges[(other, node) if direction == "up" else (node, other)] = None
        left = list(following)
    return found


def _neighbours(connection: sqlite3.Connection, node: Node, direction: str) -> Iterator[Node]:
    is_up = direction == "up"
    if isinstance(node, TableVersion):
        query = QUERIES["maker_of_version"] if is_up else QUERIES["readers_of_version"]
        yield from (job for (job,) in connection.execute(query, node) if job is not None)
    else:
        query = QUERIES["versions_read_by"] if is_up else QUERIES["versions_made_by"]
        yield from (TableVersion(*row) for row in connection.execute(query, (node,)))


def tables_by_number(connection: sqlite3.Connection, numbers: set[int]) -> dict[int, TableRow]:
    """Return tables by their numbers."""
    found = connection.execute(QUERIES["tables_by_number"], (json_text(sorted(numbers)),)).fetchall()
    return {row.number: row for row in decoded(TableRow, found)}
