"""Chooses how the jobs of a filter are found, so that a page is quick whatever else there is.

SQLite does not know how many jobs a value has, and it may be one or a million. So the candidates are counted,
up to a limit: the narrowest leads the search, all others restrict. A lead of few jobs may be sorted; one of
many must yield them in the order that is asked for.
"""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from dataclasses import dataclass
from typing import Any

from locksided.store.jobfilter import JobFilter, OrderBy
from locksided.store.terms import END, Source, Term, terms

FEW = 5000
KEYS = {OrderBy.ID: "id", OrderBy.CREATED: "created_us", OrderBy.ENDED: END}
_ORDERED = {OrderBy.CREATED: "jobs_created", OrderBy.ENDED: "jobs_ended"}


@dataclass(frozen=True, slots=True)
class Search:
    """Sources that share no job, and the conditions that hold in each beside its own."""

    sources: tuple[Source, ...]
    restrictions: tuple[Term, ...]

    def arms(self, columns: str, *more: Term) -> tuple[str, list[Any]]:
        """Compose a SELECT of `columns` over all sources."""
        restrictions = (*self.restrictions, *more)
        parts, args = [], []
        for source in self.sources:
            conditions = " AND ".join([f"({source.sql})", *(term.sql for term in restrictions)])
            parts.append(f"SELECT {columns} FROM {source.table} WHERE {conditions}")
            args += [*source.args, *(arg for term in restrictions for arg in term.args)]
        return " UNION ALL ".join(parts), args


def search(connection: sqlite3.Connection, wanted: JobFilter, order: OrderBy) -> Search:
    """Choose a lead for this filter and order."""
    scope, *others = terms(wanted)
    candidates = [term for term in others if term.sources]
    if wanted.visible is False:
        candidates.append(scope)
    if order is OrderBy.ID and len(candidates) == 1 and candidates[0].by_id:
        return _led_by(candidates[0], scope, others)
    counted = [(_count(connection, term), not term.by_id, term) for term in candidates]
    few, _, narrowest = min(counted, key=lambda entry: entry[:2], default=(FEW + 1, True, scope))
    if few <= FEW:
        return _led_by(narrowest, scope, others)
    if order is not OrderBy.ID:
        return _in_order(wanted, order, scope, others)
    spans = [
        _span(connection, term) for _, by_number, term in counted if by_number and len(term.sources) == 1
    ]
    lead = narrowest if narrowest.by_id else scope
    return _led_by(lead, scope, [*others, *spans])


def _led_by(lead: Term, scope: Term, others: list[Term]) -> Search:
    restrictions = tuple(term for term in (scope, *others) if term is not lead)
    if lead.by_id or len(lead.sources) == 1:
        return Search(lead.sources, restrictions)
    return Search((_united(lead.sources),), restrictions)


def _united(sources: tuple[Source, ...]) -> Source:
    """Make one source of several that may share jobs."""
    united = " UNION ".join(f"SELECT {each.id} FROM {each.table} WHERE {each.sql}" for each in sources)
    args = tuple(arg for each in sources for arg in each.args)
    return Source("jobs NOT INDEXED", f"id IN ({united})", args)


def _in_order(wanted: JobFilter, order: OrderBy, scope: Term, others: list[Term]) -> Search:
    """Read all jobs in the order that is asked for; with many that match, a page is soon full."""
    source = Source(f"jobs INDEXED BY {_ORDERED[order]}", "project = ?", (wanted.project,))
    return Search((source,), (scope, *others))


def _count(connection: sqlite3.Connection, term: Term) -> int:
    """Count a term's jobs, but no further than it takes to know that they are many."""
    total = 0
    for source in term.sources:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {source.table} WHERE {source.sql} LIMIT {FEW + 1})"
        (count,) = connection.execute(sql, source.args).fetchone()
        total += count
        if total > FEW:
            return FEW + 1
    return total


def _span(connection: sqlite3.Connection, term: Term) -> Term:
    """Answer between which ids the jobs of a range of times lie: what is outside need not be read."""
    (source,) = term.sources
    ends = connection.execute(
        f"SELECT min(id), max(id) FROM {source.table} WHERE {source.sql}",
        source.args,
    ).fetchone()
    return Term("id BETWEEN ? AND ?", ends)
