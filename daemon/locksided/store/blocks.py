"""Bounds of the ids of jobs in a time range: most times grow with the ids, but none is required to.

Ids are divided into blocks of 4096, and an index has the times in each block. A few look-ups give a range of
ids that contains all jobs of a time range, or a range of times that contains all jobs with some ids: reading
in one order can start where the other one says. The result is never too narrow; it is wide where clocks were
set or jobs ran long.
"""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from locksided.store.terms import END, START, Term

BITS = 12
BLOCK = f"id >> {BITS}"
INDEXES = {"created_us": "jobs_block_created", START: "jobs_block_started", END: "jobs_block_ended"}
FIRST_ID, LAST_ID = 0, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """The ids from `first` to `last`, inclusive; empty if `last` is smaller."""

    first: int = FIRST_ID
    last: int = LAST_ID

    def term(self, id_column: str = "id") -> Term:
        """Return the span as a condition."""
        return Term(f"{id_column} BETWEEN ? AND ?", (self.first, self.last))

    def both(self, other: "Span") -> "Span":
        """Return the intersection of two spans."""
        return Span(max(self.first, other.first), min(self.last, other.last))


def ids_of(connection: sqlite3.Connection, project: str, key: str, term: Term) -> Span:
    """Return a span of ids with all jobs whose `key` satisfies `term`, which names no other column."""
    source = f"jobs INDEXED BY {INDEXES[key]}"
    statement = f"SELECT 1 FROM {source} WHERE project = ? AND {BLOCK} = ? AND {term.sql} LIMIT 1"

    def has_some(block: int) -> bool:
        return connection.execute(statement, (project, block, *term.args)).fetchone() is not None

    blocks = _blocks(connection, project, key, Span())
    first = next(filter(has_some, blocks), None)
    if first is None:
        return Span(1, 0)
    last = next(filter(has_some, reversed(blocks)))
    return Span(first << BITS, (last + 1 << BITS) - 1)


def keys_of(connection: sqlite3.Connection, project: str, key: str, span: Span) -> Term | None:
    """Return a condition on `key` that all jobs with these ids satisfy; None if there are no such jobs."""
    blocks = _blocks(connection, project, key, span)
    least, most = (
        [
            found[0]
            for block in blocks
            if (found := _extreme(connection, key, f"{BLOCK} = ?", (project, block), key, direction))
        ]
        for direction in ("ASC", "DESC")
    )
    return Term(f"{key} BETWEEN ? AND ?", (min(least), max(most))) if least else None


def _blocks(connection: sqlite3.Connection, project: str, key: str, span: Span) -> range:
    """Return the blocks of a project that overlap a span, in order."""
    first = _extreme(connection, key, "TRUE", (project,), BLOCK, "ASC")
    last = _extreme(connection, key, "TRUE", (project,), BLOCK, "DESC")
    if first is None or last is None:
        return range(0)
    return range(max(first[0], span.first >> BITS), min(last[0], span.last >> BITS) + 1)


def _extreme(
    connection: sqlite3.Connection, key: str, condition: str, args: tuple[Any, ...], what: str, direction: str
) -> tuple[int] | None:
    """Return the least or greatest value in a block's index; one look-up."""
    source = f"jobs INDEXED BY {INDEXES[key]} WHERE project = ? AND {condition}"
    found: tuple[int] | None = connection.execute(
        f"SELECT {what} FROM {source} ORDER BY {what} {direction} LIMIT 1", args
    ).fetchone()
    return found


def common(spans: Iterable[Span]) -> Span:
    """Return the intersection of all spans."""
    whole = Span()
    for span in spans:
        whole = whole.both(span)
    return whole
