"""Pages of jobs and figures about them, by filter. How jobs are found stands in search.py."""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

import msgspec

from locksided.core.errors import Invalid
from locksided.store import cursors
from locksided.store.jobfilter import MAX_LIMIT, JobFilter, OrderBy, Page
from locksided.store.reads import snapshot
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
    single = len(found.sources) == 1
    id_column = found.sources[0].id if single else "id"
    behind = [] if place is None else [_behind(page, place, id_column)]
    sql, args = found.arms(_COLUMNS, *behind)
    direction = "DESC" if page.descending else "ASC"
    order = f"{id_column} {direction}"
    if page.order_by is not OrderBy.ID:
        order = f"{KEYS[page.order_by]} {direction}, {order}"
    if not single and page.order_by is not OrderBy.ID:
        sql = f"SELECT {_COLUMNS} FROM ({sql})"
    rows = connection.execute(f"{sql} ORDER BY {order} LIMIT ?", (*args, page.limit + 1)).fetchall()
    return decoded(JobRow, rows)


def _behind(page: Page, place: cursors.Place, id_column: str) -> Term:
    less = "<" if page.descending else ">"
    if page.order_by is OrderBy.ID:
        return Term(f"{id_column} {less} ?", (place.id,))
    key = KEYS[page.order_by]
    return Term(
        f"{key} {less}= ? AND ({key} {less} ? OR {id_column} {less} ?)", (place.key, place.key, place.id)
    )


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
