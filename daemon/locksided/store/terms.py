"""A filter of jobs as terms of SQL, each with the index that can lead the search if it is the narrowest.

Terms name columns of `jobs`. search.py chooses among them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from locksided.store.job_filter import JobFilter

NO_END = 9223372036854775807
START = f"ifnull(start_us, {NO_END})"
END = f"ifnull(end_us, {NO_END})"
BY_ID = "jobs NOT INDEXED"
LAST_CHARACTER = "\U0010ffff"
LONG_US = 1_000_000
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Term:
    """A condition. `sources` find exactly its jobs; without them it only restricts.

    With `by_id`, no two sources share a job and each yields its jobs by id. `key` is the time column of a
    range.
    """

    sql: str
    args: tuple[Any, ...]
    sources: tuple["TermSource", ...] = ()
    by_id: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class TermSource:
    """A source of jobs: FROM clause, condition and its arguments, and the column with the job's id.

    `column` is set if the condition is a range of its values, with the arguments project, begin and end.
    """

    table: str
    sql: str
    args: tuple[Any, ...] = ()
    id: str = "jobs.id"
    column: str | None = None

    @property
    def alone(self) -> str:
        """The table without its joins: sufficient for the ids of its jobs."""
        return self.table.partition(" CROSS JOIN ")[0]

    def of_value(self, value: str) -> "TermSource":
        """Return the source for one value of the range; its index yields the jobs of a value by id."""
        project, *_ = self.args
        return TermSource(self.table, f"project = ? AND {self.column} = ?", (project, value))


def terms(wanted: JobFilter) -> list[Term]:
    """Return the terms that must all hold; the first, for project and visibility, can always lead."""
    return [
        *_scope(wanted),
        *_ids(wanted),
        *_roots(wanted),
        *_equal(wanted),
        *_runs(wanted),
        *_labels(wanted),
        *_specified(wanted),
        *_ranges(wanted),
        *_durations(wanted),
        *_text(wanted),
        *((_UNRESOLVED,) if wanted.unresolved else ()),
    ]


_UNRESOLVED = Term(
    """NOT EXISTS (
        SELECT 1 FROM jobs AS later WHERE later.status IN ('success', 'warning') AND later.id > jobs.id
        AND later.retry_of_id IN (jobs.id, jobs.retry_of_id, jobs.parent_id, CAST(jobs.run_id AS INTEGER))
    ) AND NOT EXISTS (
        SELECT 1 FROM jobs AS above WHERE above.id = jobs.parent_id AND jobs.relation = 'strong'
        AND above.type = 'retryContainer' AND above.status IN ('success', 'warning')
    )""",
    (),
)
"""False for an attempt of a job that succeeded, and after a later successful retry by hand of the job, of one
that contains it, or of the first in its run.
"""


def _indexed(index: str) -> str:
    return f"jobs INDEXED BY {index}"


def _shown(wanted: JobFilter) -> tuple[int, ...]:
    return (0, 1) if wanted.visible is None else (int(wanted.visible),)


def _scope(wanted: JobFilter) -> Iterator[Term]:
    shown = _shown(wanted)
    sources = tuple(
        TermSource(_indexed("jobs_visible"), "project = ? AND visible = ?", (wanted.project, each))
        for each in shown
    )
    marks = ", ".join("?" * len(shown))
    yield Term(f"project = ? AND visible IN ({marks})", (wanted.project, *shown), sources, by_id=True)


def _roots(wanted: JobFilter) -> Iterator[Term]:
    if wanted.only_roots:
        is_root = "relation IS NOT 'strong'"
        sql = f"project = ? AND visible = ? AND {is_root}"
        table, shown = _indexed("jobs_roots"), _shown(wanted)
        sources = tuple(TermSource(table, sql, (wanted.project, each)) for each in shown)
        yield Term(is_root, (), sources, by_id=True)


def _ids(wanted: JobFilter) -> Iterator[Term]:
    if wanted.ids:
        sql, args = "jobs.id IN (SELECT value FROM json_each(?))", (json.dumps(sorted(set(wanted.ids))),)
        yield Term(sql, args, (TermSource("jobs", sql, args),), by_id=True)


def _durations(wanted: JobFilter) -> Iterator[Term]:
    """Yield conditions on durations. Only long jobs are indexed: there are too many short ones."""
    least_us, most_us = wanted.duration_from_us, wanted.duration_to_us
    if most_us is not None:
        yield Term(f"{_RAN} AND duration_us <= ?", (most_us,))
    if least_us is None:
        return
    sql = f"{_RAN} AND duration_us >= ?"
    sources: tuple[TermSource, ...] = ()
    if least_us >= LONG_US:
        long = f"project = ? AND duration_us >= {LONG_US} AND {sql}"
        sources = (TermSource(_indexed("jobs_long"), long, (wanted.project, least_us)),)
    yield Term(sql, (least_us,), sources)


_RAN = "start_us IS NOT NULL AND end_us IS NOT NULL"


def _equal(wanted: JobFilter) -> Iterator[Term]:
    """Yield conditions of equality; partial indexes need their own condition added literally."""
    project = wanted.project
    yield from _one("jobs_component", "component = ?", project, wanted.component)
    yield from _one("jobs_config", "config = ?", project, wanted.config)
    yield from _one("jobs_name", "name = ?", project, wanted.name)
    yield from _partial("jobs_branch", "branch_id", "default", project, wanted.branch)
    yield from _partial("jobs_type", "type", "standard", project, wanted.type)
    yield from _partial("jobs_creator_type", "creator_type", "user", project, wanted.creator_type)
    yield from _one("jobs_creator", "creator_id = ?", project, wanted.creator_id)
    yield from _one("jobs_owner", "owner_uid = ?", project, wanted.owner_uid)
    yield from _partial("jobs_pool", "pool", "default", project, wanted.pool)
    yield from _partial("jobs_mode", "mode", "run", project, wanted.mode)
    if wanted.acknowledged is not None:
        yield Term(f"acknowledged IS {'NOT ' * wanted.acknowledged}NULL", ())
    if wanted.retry_of is not None:
        yield _led(_indexed("jobs_retry_of"), "retry_of_id = ?", (wanted.retry_of,))
    if wanted.statuses:
        statuses = tuple(dict.fromkeys(wanted.statuses))
        marks = ", ".join("?" * len(statuses))
        each = (
            TermSource(_indexed("jobs_status"), "project = ? AND status = ?", (project, s)) for s in statuses
        )
        yield Term(f"status IN ({marks})", statuses, tuple(each), by_id=True)


def _one(index: str, sql: str, project: str, value: str | int | None) -> Iterator[Term]:
    if value is not None:
        source = TermSource(_indexed(index), f"project = ? AND {sql}", (project, value))
        yield Term(sql, (value,), (source,), by_id=True)


def _partial(index: str, column: str, usual: str, project: str, value: str | None) -> Iterator[Term]:
    """Yield a condition on a column whose usual value is not indexed, because nearly all jobs have it."""
    if value == usual:
        yield Term(f"{column} = ?", (value,))
    else:
        yield from _one(index, f"{column} <> '{usual}' AND {column} = ?", project, value)


def _led(table: str, sql: str, args: tuple[Any, ...]) -> Term:
    return Term(sql, args, (TermSource(table, sql, args),), by_id=True)


def _runs(wanted: JobFilter) -> Iterator[Term]:
    if wanted.parent_run_id is not None:
        parent = wanted.parent_run_id
        args = (parent.rpartition(".")[2], f"{parent}.", f"{parent}/")
        yield _led(
            _indexed("jobs_parent"), "parent_id = CAST(? AS INTEGER) AND run_id >= ? AND run_id < ?", args
        )
    if wanted.run_id_prefix is not None:
        run = wanted.run_id_prefix.rstrip(".")
        ends = (run, wanted.run_id_prefix, f"{run}.", f"{run}/")
        same_tree = "CAST(run_id AS INTEGER) = CAST(? AS INTEGER)"
        yield _led(_indexed("jobs_tree"), f"{same_tree} AND (run_id = ? OR run_id >= ? AND run_id < ?)", ends)


def _labels(wanted: JobFilter) -> Iterator[Term]:
    for name, value in wanted.labels.items():
        source = TermSource(
            "job_labels AS l CROSS JOIN jobs ON jobs.id = l.job_id",
            "l.label = ? AND l.value = ?",
            (name, value),
            id="l.job_id",
        )
        sql = (
            "EXISTS (SELECT 1 FROM job_labels AS x WHERE x.label = ? AND x.value = ? AND x.job_id = jobs.id)"
        )
        yield Term(sql, (name, value), (source,), by_id=True)


def _specified(wanted: JobFilter) -> Iterator[Term]:
    """Yield conditions on the specification, which many jobs may share: not ordered by id."""
    for name, value in {"tag": wanted.tag, "row": wanted.row}.items():
        if value is not None:
            table = "spec_terms AS s JOIN jobs INDEXED BY jobs_spec ON jobs.spec_hash = s.hash"
            source = TermSource(
                table, "s.term = ? AND s.value = ? AND project = ?", (name, value, wanted.project)
            )
            sql = (
                "EXISTS (SELECT 1 FROM spec_terms AS s"
                " WHERE s.term = ? AND s.value = ? AND s.hash = jobs.spec_hash)"
            )
            yield Term(sql, (name, value), (source,))


def _ranges(wanted: JobFilter) -> Iterator[Term]:
    project = wanted.project
    yield from _range("jobs_created", "created_us", project, wanted.created_from_us, wanted.created_to_us)
    yield from _range("jobs_started", START, project, wanted.started_from_us, wanted.started_to_us)
    yield from _range("jobs_ended", END, project, wanted.finished_from_us, wanted.finished_to_us)


def _range(index: str, column: str, project: str, first: int | None, last: int | None) -> Iterator[Term]:
    """Yield a condition for a range of times; jobs without the time are in no range."""
    if first is not None and last is None:
        last = NO_END - 1
    bounds = [(f"{column} >= ?", first), (f"{column} <= ?", last)]
    given = [(sql, value) for sql, value in bounds if value is not None]
    if given:
        sql = " AND ".join(sql for sql, _ in given)
        args = tuple(value for _, value in given)
        source = TermSource(_indexed(index), f"project = ? AND {sql}", (project, *args))
        yield Term(sql, args, (source,), key=column)


def _text(wanted: JobFilter) -> Iterator[Term]:
    """Yield a condition on a prefix; its sources may share jobs."""
    if not wanted.text:
        return
    text, end = wanted.text, wanted.text + LAST_CHARACTER
    columns = ("name", "component", "config")
    sql = " OR ".join(f"{column} >= ? AND {column} < ?" for column in ("CAST(id AS TEXT)", *columns))
    sources = [
        TermSource(
            _indexed(f"jobs_{each}"),
            f"project = ? AND {each} >= ? AND {each} < ?",
            (wanted.project, text, end),
            column=each,
        )
        for each in columns
    ]
    sources += [TermSource(BY_ID, "id BETWEEN ? AND ?", ends) for ends in id_ranges(text)]
    yield Term(f"({sql})", (text, end) * (len(columns) + 1), tuple(sources))


def id_ranges(text: str) -> list[tuple[int, int]]:
    """Return the ranges of ids whose decimal form begins with `text`."""
    if not text.isascii() or not text.isdigit() or text[0] == "0" or len(text) > _MAX_DIGITS:
        return []
    first = int(text)
    scales = (10**zeros for zeros in range(_MAX_DIGITS + 1 - len(text)))
    return [(first * scale, (first + 1) * scale - 1) for scale in scales]
