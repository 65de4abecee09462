"""Pages of jobs and figures about them, by filter. How jobs are found stands in search.py."""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

import msgspec

from locksided.core.errors import Invalid
from locksided.store import cursors
from locksided.store.blocks import Span
from locksided.store.jobfilter import MAX_LIMIT, JobFilter, OrderBy, Page
from locksided.store.reads import job_rows, snapshot
from locksided.store.rows import JobRow, decoded
from locksided.store.search import KEYS, Search, search
from locksided.store.terms import NO_END, Term

_COLUMNS = ", ".join(JobRow.__struct_fields__)


@dataclass(frozen=True, slots=True)
class JobList:
    """A page; `next_cursor` is None on the last one, `total` unless it was asked for."""

    rows: list[JobRow]
    next_cursor: str | None
    total: int | None


class GroupBy(Enum):
    """What figures are kept apart by; a day is the UTC day on which a job was created."""

    STATUS = "status"
    COMPONENT = "component"
    CONFIG = "config"
    POOL = "pool"
    DAY = "day"


class JobStats(msgspec.Struct, frozen=True):
    """Figures of one group. Durations are of jobs that started and ended, in microseconds, without pauses."""

    group: dict[str, str | None]
    count: int
    finished: int
    duration_sum_us: int
    duration_max_us: int | None
    queue_sum_us: int


def list_jobs(connection: sqlite3.Connection, wanted: JobFilter, page: Page) -> JobList:
    """Answer one page of the jobs that `wanted` describes. Invalid for a limit or cursor that cannot be."""
    if not 1 <= page.limit <= MAX_LIMIT:
        raise Invalid(f"limit is between 1 and {MAX_LIMIT}", path="$.limit")
    place = cursors.read(page)
    with snapshot(connection):
        found = search(connection, wanted, page.order_by)
        rows = _page(connection, found, page, place)
        total = _total(connection, found) if page.count else None
    if len(rows) <= page.limit:
        return JobList(rows, None, total)
    last = rows[page.limit - 1]
    return JobList(rows[: page.limit], cursors.written(page, _key(last, page.order_by), last.id), total)


def _page(
    connection: sqlite3.Connection, found: Search, page: Page, place: cursors.Place | None
) -> list[JobRow]:
    """Read one job more than the page has: it tells whether there is another page."""
    direction = "DESC" if page.descending else "ASC"
    if found.met:
        sql, args = found.meeting(_COLUMNS, direction, _span_behind(page, place))
        rows = connection.execute(f"{sql} LIMIT ?", (*args, page.limit + 1)).fetchall()
        return decoded(JobRow, rows)
    if page.order_by is not OrderBy.ID:
        return _in_order_of_times(connection, found, page, place)
    id_column = found.sources[0].id if len(found.sources) == 1 else "id"
    behind = [] if place is None else [_behind(page, place, id_column)]
    sql, args = found.arms(_COLUMNS, *behind)
    sql = f"{sql} ORDER BY {id_column} {direction} LIMIT ?"
    return decoded(JobRow, connection.execute(sql, (*args, page.limit + 1)).fetchall())


def _in_order_of_times(
    connection: sqlite3.Connection, found: Search, page: Page, place: cursors.Place | None
) -> list[JobRow]:
    """Sort ids and times alone, and then read the rows of the page."""
    direction = "DESC" if page.descending else "ASC"
    id_column = found.sources[0].id if len(found.sources) == 1 else "id"
    behind = [] if place is None else [_behind(page, place, id_column)]
    key = KEYS[page.order_by]
    sql, args = found.arms(f"jobs.id, {key} AS place", *behind)
    if len(found.sources) > 1:
        sql, key, id_column = f"SELECT id, place FROM ({sql})", "place", "id"
    sql = f"{sql} ORDER BY {key} {direction}, {id_column} {direction} LIMIT ?"
    ids = [job_id for job_id, _ in connection.execute(sql, (*args, page.limit + 1))]
    rows = {row.id: row for row in job_rows(connection, ids)}
    return [rows[job_id] for job_id in ids]


def _behind(page: Page, place: cursors.Place, id_column: str) -> Term:
    less = "<" if page.descending else ">"
    if page.order_by is OrderBy.ID:
        return Term(f"{id_column} {less} ?", (place.id,))
    key = KEYS[page.order_by]
    return Term(
        f"{key} {less}= ? AND ({key} {less} ? OR {id_column} {less} ?)", (place.key, place.key, place.id)
    )


def _span_behind(page: Page, place: cursors.Place | None) -> Span:
    """The ids that are still to come, in the order of ids."""
    if place is None:
        return Span()
    return Span(last=place.id - 1) if page.descending else Span(first=place.id + 1)


def _key(row: JobRow, order: OrderBy) -> int:
    match order:
        case OrderBy.ID:
            return row.id
        case OrderBy.CREATED:
            return row.created_us
        case OrderBy.ENDED:
            return NO_END if row.end_us is None else row.end_us
        case _:
            assert_never(order)


def _total(connection: sqlite3.Connection, found: Search) -> int:
    sql, args = found.arms("1")
    (total,) = connection.execute(f"SELECT count(*) FROM ({sql})", args).fetchone()
    return int(total)


_GROUPS = {
    GroupBy.STATUS: "status",
    GroupBy.COMPONENT: "component",
    GroupBy.CONFIG: "config",
    GroupBy.POOL: "pool",
    GroupBy.DAY: "date(created_us / 1000000, 'unixepoch')",
}
_FIGURES = (
    "count(*), count(end_us), "
    "ifnull(sum(end_us - start_us - paused_us), 0), max(end_us - start_us - paused_us), "
    "ifnull(sum(start_us - created_us), 0)"
)
_STATS_COLUMNS = "status, component, config, pool, created_us, start_us, end_us, paused_us"


def job_stats(
    connection: sqlite3.Connection, group_by: tuple[GroupBy, ...], wanted: JobFilter
) -> list[JobStats]:
    """Answer counts and durations of the jobs that `wanted` describes, group by group in their order."""
    with snapshot(connection):
        sql, args = search(connection, wanted, OrderBy.ID).arms(_STATS_COLUMNS)
        groups = ", ".join(_GROUPS[each] for each in group_by)
        select = f"SELECT {groups + ', ' if groups else ''}{_FIGURES} FROM ({sql})"
        places = ", ".join(str(place + 1) for place in range(len(group_by)))
        rows = connection.execute(f"{select} GROUP BY {places} ORDER BY {places}" if places else select, args)
        names = [each.value for each in group_by]
        size = len(names)
        return [JobStats(dict(zip(names, row[:size], strict=True)), *row[size:]) for row in rows]
