"""Chooses how to find the jobs of a filter, so that a page is quick whatever else is stored.

SQLite does not know whether a value has one job or a million. So the candidates are counted up to a limit:
the narrowest one leads the search, all others restrict it. A lead with few jobs may be sorted; one with many
must yield them in the requested order. If several values each have many jobs, their indexes are read side by
side, and only the jobs that are in all of them are examined.
"""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

from locksided.store.blocks import Span, common, ids_of, keys_of
from locksided.store.job_filter import JobFilter, OrderBy
from locksided.store.reads import ids_text
from locksided.store.terms import BY_ID, END, START, Term, TermSource, terms

FEW = 5000
FEW_MET = 1000
FEW_VALUES = 32
KEYS = {OrderBy.ID: "id", OrderBy.CREATED: "created_us", OrderBy.STARTED: START, OrderBy.ENDED: END}
_ORDERED = {OrderBy.CREATED: "jobs_created", OrderBy.STARTED: "jobs_started", OrderBy.ENDED: "jobs_ended"}


@dataclass(frozen=True, slots=True)
class Search:
    """Sources that share no job, and the conditions that apply to each in addition to its own.

    `span` contains the ids of all matching jobs. `met` are terms with many jobs each that all must hold:
    their indexes can be read side by side, instead of the sources, when the order is by id.
    """

    sources: tuple[TermSource, ...]
    restrictions: tuple[Term, ...]
    span: Span = Span()  # noqa: RUF009 - frozen
    met: tuple[Term, ...] = ()

    def arms(self, columns: str, *more: Term) -> tuple[str, list[Any]]:
        """Compose a SELECT of `columns` over all sources."""
        parts, args = [], []
        for source in self.sources:
            restrictions = (*self.restrictions, *self._within(source), *more)
            conditions = " AND ".join([f"({source.sql})", *(term.sql for term in restrictions)])
            parts.append(f"SELECT {columns} FROM {source.table} WHERE {conditions}")
            args += [*source.args, *(arg for term in restrictions for arg in term.args)]
        return " UNION ALL ".join(parts), args

    def meeting(self, columns: str, direction: str, behind: Span) -> tuple[str, list[Any]]:
        """Compose a SELECT of `columns` of the jobs that are in all terms of `met`, ordered by id.

        The innermost SELECT is ordered and unlimited, so that its jobs are examined one by one as they come.
        """
        inner, args = self.side_by_side(behind)
        others = [term for term in self.restrictions if term not in self.met]
        conditions = " AND ".join(["TRUE", *(term.sql for term in others)])
        sql = (
            f"SELECT {columns} FROM ({inner} ORDER BY met_id {direction} LIMIT -1)"
            f" CROSS JOIN jobs ON jobs.id = met_id WHERE {conditions}"
        )
        return sql, [*args, *(arg for term in others for arg in term.args)]

    def side_by_side(self, behind: Span = Span()) -> tuple[str, tuple[Any, ...]]:  # noqa: B008 - frozen
        """Compose a SELECT of the ids that are in all terms of `met`."""
        span, parts, args = self.span.both(behind), [], []
        for term in sorted(self.met, key=lambda term: -len(term.sources)):
            arms = []
            for source in term.sources:
                within = span.term(source.id)
                table, sql = source.alone, f"{source.sql} AND {within.sql}"
                arms.append(f"SELECT {source.id} AS met_id FROM {table} WHERE {sql}")
                args += [*source.args, *within.args]
            parts.append(" UNION ".join(arms))
        return " INTERSECT ".join(parts), tuple(args)

    def _within(self, source: TermSource) -> tuple[Term, ...]:
        return () if self.span == Span() else (self.span.term(source.id),)


def search(connection: sqlite3.Connection, wanted: JobFilter, order: OrderBy) -> Search:
    """Choose a lead for this filter and order."""
    scope, *others = terms(wanted)
    others = [
        term if term.by_id else _by_values(connection, _without_empty(connection, term)) for term in others
    ]
    candidates = [term for term in others if term.sources]
    if wanted.visible is False:
        candidates.append(scope)
    if order is OrderBy.ID and len(candidates) == 1 and candidates[0].by_id:
        return _led_by(candidates[0], scope, others)
    counted = [(_count(connection, term), not term.by_id, term) for term in candidates]
    few, _, narrowest = min(counted, key=lambda entry: entry[:2], default=(FEW + 1, True, scope))
    if few <= FEW:
        return _led_by(narrowest, scope, others)
    met = _met(candidates)
    if order is OrderBy.ID:
        found = _led_by(narrowest if narrowest.by_id else scope, scope, others)
        return replace(found, span=_span(connection, wanted, others), met=met)
    if met and (all_of := _all_of(connection, met)) is not None:
        return _led_by(all_of, scope, others)
    elsewhere = [term for term in others if term.key != KEYS[order]]
    span = _span(connection, wanted, elsewhere)
    bounds = keys_of(connection, wanted.project, KEYS[order], span) if span != Span() else None
    return _in_order(wanted, order, scope, [*others, *([bounds] if bounds is not None else ())])


def _met(candidates: list[Term]) -> tuple[Term, ...]:
    """Return the terms whose indexes can be read side by side; none unless there are two."""
    met = [term for term in candidates if term.by_id]
    several = [term for term in met if len(term.sources) > 1]
    return tuple(met) if len(met) > 1 and len(several) < 2 else ()


def _all_of(connection: sqlite3.Connection, met: tuple[Term, ...]) -> Term | None:
    """Return one term for the jobs that are in all of these, if they are few."""
    most = min(FEW, FEW_MET)
    sql, args = Search((), (), met=met).side_by_side()
    found = connection.execute(f"{sql} ORDER BY met_id LIMIT ?", (*args, most + 1)).fetchall()
    if len(found) > most:
        return None
    condition, ids = "jobs.id IN (SELECT value FROM json_each(?))", (ids_text(job_id for (job_id,) in found),)
    return Term(condition, ids, (TermSource(BY_ID, condition, ids),))


def _span(connection: sqlite3.Connection, wanted: JobFilter, others: list[Term]) -> Span:
    """Return a span of ids that contains all jobs of the given ranges of times and ids."""
    spans = [
        ids_of(connection, wanted.project, term.key, replace(term, sources=()))
        for term in others
        if term.key is not None
    ]
    for term in others:
        if term.sources and all(source.table == BY_ID for source in term.sources):
            ends = [end for source in term.sources for end in source.args]
            spans.append(Span(min(ends), max(ends)))
    return common(spans)


def _led_by(lead: Term, scope: Term, others: list[Term]) -> Search:
    restrictions = tuple(term for term in (scope, *others) if term is not lead)
    if lead.by_id or len(lead.sources) == 1:
        return Search(lead.sources, restrictions)
    return Search((_united(lead.sources),), restrictions)


def _united(sources: tuple[TermSource, ...]) -> TermSource:
    """Combine several sources that may share jobs into one."""
    united = " UNION ".join(f"SELECT {each.id} FROM {each.table} WHERE {each.sql}" for each in sources)
    args = tuple(arg for each in sources for arg in each.args)
    return TermSource(BY_ID, f"id IN ({united})", args)


def _in_order(wanted: JobFilter, order: OrderBy, scope: Term, others: list[Term]) -> Search:
    """Read all jobs in the requested order; if many match, a page is soon full."""
    source = TermSource(f"jobs INDEXED BY {_ORDERED[order]}", "project = ?", (wanted.project,))
    return Search((source,), (scope, *others))


def _without_empty(connection: sqlite3.Connection, term: Term) -> Term:
    """Drop sources without jobs; a text may be left with ranges of ids alone, which share no job."""
    if len(term.sources) < 2:
        return term
    left = tuple(source for source in term.sources if _has_some(connection, source))
    return replace(
        term, sources=left or term.sources[:1], by_id=bool(left) and all(each.table == BY_ID for each in left)
    )


def _by_values(connection: sqlite3.Connection, term: Term) -> Term:
    """Split a range with few values into a source per value, each of which yields its jobs by id."""
    if len(term.sources) != 1 or term.sources[0].column is None:
        return term
    (source,) = term.sources
    values = _values(connection, source)
    if values is None:
        return term
    return replace(term, sources=tuple(map(source.of_value, values)) or term.sources, by_id=bool(values))


def _values(connection: sqlite3.Connection, source: TermSource) -> list[str] | None:
    """Return the values in a source's range, with one index look-up each; None if there are many."""
    project, begin, end = source.args
    found: list[str] = []
    relation = ">="
    while len(found) <= FEW_VALUES:
        within = f"project = ? AND {source.column} {relation} ? AND {source.column} < ?"
        sql = f"SELECT {source.column} FROM {source.table} WHERE {within} ORDER BY {source.column} LIMIT 1"
        row = connection.execute(sql, (project, begin, end)).fetchone()
        if row is None:
            return found
        found.append(row[0])
        begin, relation = row[0], ">"
    return None


def _has_some(connection: sqlite3.Connection, source: TermSource) -> bool:
    sql = f"SELECT 1 FROM {source.table} WHERE {source.sql} LIMIT 1"
    return connection.execute(sql, source.args).fetchone() is not None


def _count(connection: sqlite3.Connection, term: Term) -> int:
    """Count a term's jobs, but no further than necessary to know that they are many."""
    total = 0
    for source in term.sources:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {source.alone} WHERE {source.sql} LIMIT {FEW + 1})"
        (count,) = connection.execute(sql, source.args).fetchone()
        total += count
        if total > FEW:
            return FEW + 1
    return total
