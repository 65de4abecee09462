"""Pages of jobs and statistics about them, by filter. How jobs are found is in search.py."""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_never

import msgspec

from locksided.core.errors import Invalid
from locksided.store import cursors
from locksided.store.blocks import Span
from locksided.store.job_filter import JobFilter, JobPage, OrderBy
from locksided.store.paging import MAX_LIMIT, Slice, first_of, row_bytes
from locksided.store.reads import ids_text, snapshot
from locksided.store.rows import BriefRow, JobRow, columns_of, decoded
from locksided.store.search import KEYS, Search, search
from locksided.store.terms import NO_END, Term

_AT_ONCE = 50

Key = tuple[cursors.Integer, cursors.Integer]
"""A job's value in the order, and its id."""


@dataclass(frozen=True, slots=True)
class JobList:
    """A page; `total` is None unless it was requested."""

    page: Slice[Any]
    total: int | None

    @property
    def rows(self) -> list[Any]:
        """The jobs, records of the page's kind."""
        return self.page.entries

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, None on the last one."""
        return self.page.cursor_at(self.rows[-1]) if self.page.has_more else None


class GroupBy(Enum):
    """The grouping of statistics; a day is the UTC day on which a job was created."""

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


def list_jobs(connection: sqlite3.Connection, wanted: JobFilter, page: JobPage) -> JobList:
    """Return one page of the jobs that match `wanted`. Invalid for an invalid limit or cursor."""
    if not 1 <= page.limit <= MAX_LIMIT:
        raise Invalid(f"limit is between 1 and {MAX_LIMIT}", path="$.limit")
    place = cursors.read(page.cursor, page.order, Key)
    with snapshot(connection):
        found = search(connection, wanted, page.order_by)
        rows, has_more = first_of(
            _rows(connection, found, page, place), row_bytes, max_bytes=page.max_bytes, limit=page.limit
        )
        total = _total(connection, found) if page.count else None

    def cursor_at(row: JobRow | BriefRow) -> str:
        return cursors.written(page.order, _key(row, page.order_by), row.id)

    return JobList(Slice(decoded(page.record, rows), has_more, cursor_at), total)


def _rows(
    connection: sqlite3.Connection, found: Search, page: JobPage, place: Key | None
) -> Iterable[tuple[Any, ...]]:
    """Read at most one job more than the page has, which shows whether there is another page."""
    direction, columns = "DESC" if page.descending else "ASC", _columns(page)
    if found.met:
        sql, args = found.meeting(columns, direction, _span_behind(page, place))
        return connection.execute(f"{sql} LIMIT ?", (*args, page.limit + 1))
    if page.order_by is not OrderBy.ID:
        return _in_order_of_times(connection, found, page, place)
    id_column = found.sources[0].id if len(found.sources) == 1 else "id"
    behind = [] if place is None else [_behind(page, place, id_column)]
    sql, args = found.arms(columns, *behind)
    sql = f"{sql} ORDER BY {id_column} {direction} LIMIT ?"
    return connection.execute(sql, (*args, page.limit + 1))


def _columns(page: JobPage) -> str:
    return ", ".join(columns_of(page.record))


def _in_order_of_times(
    connection: sqlite3.Connection, found: Search, page: JobPage, place: Key | None
) -> Iterator[tuple[Any, ...]]:
    """Sort only ids and times, and then read the rows of the page."""
    direction = "DESC" if page.descending else "ASC"
    id_column = found.sources[0].id if len(found.sources) == 1 else "id"
    behind = [] if place is None else [_behind(page, place, id_column)]
    key = KEYS[page.order_by]
    sql, args = found.arms(f"jobs.id, {key} AS place", *behind)
    if len(found.sources) > 1:
        sql, key, id_column = f"SELECT id, place FROM ({sql})", "place", "id"
    sql = f"{sql} ORDER BY {key} {direction}, {id_column} {direction} LIMIT ?"
    wanted = f"SELECT {_columns(page)} FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
    ids = [job_id for job_id, _ in connection.execute(sql, (*args, page.limit + 1))]
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        rows = {row[0]: row for row in connection.execute(wanted, (ids_text(some),))}
        yield from (rows[job_id] for job_id in some)


def _behind(page: JobPage, place: Key, id_column: str) -> Term:
    key_at, job_id = place
    less = "<" if page.descending else ">"
    if page.order_by is OrderBy.ID:
        return Term(f"{id_column} {less} ?", (job_id,))
    key = KEYS[page.order_by]
    return Term(f"{key} {less}= ? AND ({key} {less} ? OR {id_column} {less} ?)", (key_at, key_at, job_id))


def _span_behind(page: JobPage, place: Key | None) -> Span:
    """Return the ids after a position, in the order of ids."""
    if place is None:
        return Span()
    _, job_id = place
    return Span(last=job_id - 1) if page.descending else Span(first=job_id + 1)


def _key(row: JobRow | BriefRow, order: OrderBy) -> int:
    match order:
        case OrderBy.ID:
            return row.id
        case OrderBy.CREATED:
            return row.created_us
        case OrderBy.STARTED:
            return NO_END if row.start_us is None else row.start_us
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


def _newest(found: Search, most: int) -> tuple[str, list[Any]]:
    if found.met:
        sql, args = found.meeting(_STATS_COLUMNS, "DESC", Span())
    else:
        sql, args = found.arms(f"jobs.id, {_STATS_COLUMNS}")
        sql = f"{sql} ORDER BY {found.sources[0].id if len(found.sources) == 1 else 'id'} DESC"
    return f"{sql} LIMIT ?", [*args, most]


def job_stats(
    connection: sqlite3.Connection,
    group_by: tuple[GroupBy, ...],
    wanted: JobFilter,
    newest: int | None = None,
) -> list[JobStats]:
    """Return counts and durations of the jobs that match `wanted`, group by group, sorted."""
    with snapshot(connection):
        found = search(connection, wanted, OrderBy.ID)
        sql, args = found.arms(_STATS_COLUMNS) if newest is None else _newest(found, newest)
        groups = ", ".join(_GROUPS[each] for each in group_by)
        select = f"SELECT {groups + ', ' if groups else ''}{_FIGURES} FROM ({sql})"
        places = ", ".join(str(place + 1) for place in range(len(group_by)))
        rows = connection.execute(f"{select} GROUP BY {places} ORDER BY {places}" if places else select, args)
        names = [each.value for each in group_by]
        size = len(names)
        return [JobStats(dict(zip(names, row[:size], strict=True)), *row[size:]) for row in rows]
