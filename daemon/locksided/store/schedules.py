"""Schedules: their state, the outcomes of their moments, and their jobs."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from locksided.store import cursors
from locksided.store.paging import PageRequest, Slice, first_of, row_bytes
from locksided.store.rows import decoded
from locksided.store.sql import QUERIES
from locksided.store.time_rows import MadeJob, MakerName, MomentRow, ScheduleRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

MOST_COUNTED = 100_000


class Times(NamedTuple):
    """When something is due: the next schedule, and the next moment with an expected job."""

    due_us: int | None
    expected_us: int | None


# -- state ------------------------------------------------------------------------------------------------


def find(connection: sqlite3.Connection, name: MakerName) -> ScheduleRow | None:
    """Return one schedule, or None."""
    found = decoded(ScheduleRow, connection.execute(QUERIES["schedule"], name).fetchall())
    return found[0] if found else None


def of_ids(connection: sqlite3.Connection, project: str, ids: Iterable[str]) -> dict[str, ScheduleRow]:
    """Return those of these schedules that exist, by id."""
    rows = connection.execute(QUERIES["schedules_of"], (project, json_text(list(ids)))).fetchall()
    return {row.id: row for row in decoded(ScheduleRow, rows)}


def due(connection: sqlite3.Connection, now_us: int, limit: int) -> list[MakerName]:
    """Return the schedules with something to decide, the longest overdue first."""
    return [MakerName(*row) for row in connection.execute(QUERIES["schedules_due"], (now_us, limit))]


def next_times(connection: sqlite3.Connection) -> Times:
    """Return when something is due next."""
    return Times(*connection.execute(QUERIES["next_due"]).fetchone())


def ahead_of(connection: sqlite3.Connection, moment_us: int) -> list[MakerName]:
    """Return the schedules that are settled beyond a moment."""
    return [MakerName(*row) for row in connection.execute(QUERIES["schedules_ahead"], (moment_us,))]


def zones(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the zones of all schedules, each with the digest of the rules used for planning."""
    return list(connection.execute(QUERIES["zones_of_schedules"]))


def in_zone(connection: sqlite3.Connection, zone: str, digest: str) -> list[MakerName]:
    """Return the schedules that were planned with these rules."""
    return [MakerName(*row) for row in connection.execute(QUERIES["schedules_in_zone"], (zone, digest))]


def broken(connection: sqlite3.Connection) -> list[MakerName]:
    """Return the schedules that could not be planned."""
    return [MakerName(*row) for row in connection.execute(QUERIES["broken_schedules"])]


def add(tx: Transaction, row: ScheduleRow) -> None:
    """Store the state of a new schedule."""
    tx.connection.execute(QUERIES["put_schedule"], _values(row))
    save(tx, row)


def save(tx: Transaction, row: ScheduleRow) -> None:
    """Store the current state of a schedule."""
    tx.connection.execute(QUERIES["update_schedule"], _values(row))


def remove(tx: Transaction, name: MakerName) -> None:
    """Delete the state of a schedule; the outcomes of its moments are kept."""
    tx.connection.execute(QUERIES["delete_schedule"], name)
    tx.connection.execute(QUERIES["delete_expectations"], name)


def _values(row: ScheduleRow) -> dict[str, Any]:
    values = msgspec.structs.asdict(row)
    return values | {"pause": None if row.pause is None else json_text(row.pause)}


# -- the ledger -------------------------------------------------------------------------------------------


def decided_behind(connection: sqlite3.Connection, name: MakerName, moment_us: int) -> list[tuple[int, int]]:
    """Return the first and last moments of rows that end after a moment."""
    return list(connection.execute(QUERIES["moments_behind"], (*name, moment_us)))


def row_of(connection: sqlite3.Connection, name: MakerName, moment_us: int) -> MomentRow | None:
    """Return the row that includes a moment, or None."""
    found = connection.execute(QUERIES["row_of_moment"], (*name, moment_us)).fetchall()
    rows = decoded(MomentRow, found)
    return rows[0] if rows and rows[0].last_us >= moment_us else None


def record(tx: Transaction, name: MakerName, rows: Sequence[MomentRow]) -> None:
    """Append rows in order; a row like the newest extends that, unless it has a job of its own.

    Rows written before the clock was set back may lie between: no row is extended over them.
    """
    connection = tx.connection
    others = [first_us for first_us, _ in decided_behind(connection, name, rows[0].moment_us)] if rows else []
    newest = decoded(MomentRow, connection.execute(QUERIES["newest_moment"], name).fetchall())
    last = newest[0] if newest else None
    for row in rows:
        is_apart = last is not None and any(last.moment_us < one < row.moment_us for one in others)
        if last is not None and not is_apart and _is_continued(last, row):
            count = _sum(last.count, row.count)
            last = msgspec.structs.replace(last, last_us=row.last_us, count=count)
            extended = (last.last_us, count, row.decided_us, *name, last.moment_us)
            connection.execute(QUERIES["extend_moment"], extended)
        else:
            connection.execute(QUERIES["insert_moment"], (*name, *_moment_values(row)))
            last = row


def _is_continued(last: MomentRow, row: MomentRow) -> bool:
    return (
        row.outcome != "fired"
        and row.cause != "dst_gap"
        and last.last_us < row.moment_us
        and (last.outcome, last.cause, last.job_id, last.version, last.error)
        == (row.outcome, row.cause, row.job_id, row.version, row.error)
    )


def _sum(one: int | None, other: int | None) -> int | None:
    total = None if one is None or other is None else one + other
    return total if total is not None and total <= MOST_COUNTED else None


def _moment_values(row: MomentRow) -> list[Any]:
    values = msgspec.structs.asdict(row)
    values["error"] = None if row.error is None else json_text(row.error)
    return list(values.values())


def take_back(tx: Transaction, name: MakerName, moment_us: int) -> None:
    """Delete the outcomes of moments after a moment, unless they have a job."""
    tx.connection.execute(QUERIES["take_back_moments"], (*name, moment_us))


def prune(tx: Transaction, before_us: int) -> int:
    """Delete older rows whose job no longer exists; returns the number."""
    return tx.connection.execute(QUERIES["prune_moments"], (before_us,)).rowcount


class LedgerEntry(NamedTuple):
    """A row of a ledger, the status of its job, and the further jobs of its moments."""

    row: MomentRow
    job_status: str | None
    further: list[int]


class LedgerFilter(NamedTuple):
    """Which rows of a ledger; empty values do not restrict."""

    from_us: int | None = None
    to_us: int | None = None
    outcomes: tuple[str, ...] = ()

    def has(self, first_us: int, last_us: int, outcome: str) -> bool:
        """Return whether a row is wanted."""
        return (
            (self.from_us is None or last_us >= self.from_us)
            and (self.to_us is None or first_us <= self.to_us)
            and (not self.outcomes or outcome in self.outcomes)
        )


def ledger(
    connection: sqlite3.Connection, name: MakerName, wanted: LedgerFilter, request: PageRequest
) -> Slice[LedgerEntry]:
    """Return a page of the outcomes of moments, newest first."""
    (before,) = cursors.read(request.cursor, _LEDGER, tuple[cursors.Integer]) or (_LATEST,)
    rows = connection.execute(
        QUERIES["ledger"],
        {
            "project": name.project,
            "schedule": name.id,
            "before": before,
            "from_us": 0 if wanted.from_us is None else wanted.from_us,
            "to_us": _LATEST if wanted.to_us is None else wanted.to_us,
            "outcomes": json_text(list(wanted.outcomes)),
        },
    )
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    statuses = [status for *_, status in taken]
    entries = [
        LedgerEntry(row, status, jobs_of_moments(connection, name, row.moment_us, row.last_us))
        for row, status in zip(decoded(MomentRow, [row[:-1] for row in taken]), statuses, strict=True)
    ]
    return Slice(entries, has_more, lambda entry: cursors.written(_LEDGER, entry.row.moment_us))


_LEDGER = "ledger"
_LATEST = 2**63 - 1


def jobs_between(
    connection: sqlite3.Connection, name: MakerName, first_us: int, last_us: int
) -> list[tuple[int, int, int, str]]:
    """Return the jobs of the moments in a range: first and last moment, id and status."""
    values = {"project": name.project, "schedule": name.id, "from_us": first_us, "to_us": last_us}
    return list(connection.execute(QUERIES["jobs_between"], values))


# -- jobs -------------------------------------------------------------------------------------------------


def add_job(tx: Transaction, name: MakerName, moment_us: int, job_id: int, backfill: str | None) -> None:
    """Record a further job of a moment."""
    tx.reading().execute(QUERIES["insert_moment_job"], (*name, moment_us, job_id, backfill))


def jobs_of_moments(
    connection: sqlite3.Connection, name: MakerName, first_us: int, last_us: int
) -> list[int]:
    """Return the further jobs of the moments in a range."""
    found = connection.execute(QUERIES["moment_jobs"], (*name, first_us, last_us))
    return sorted(job_id for _, job_id in found)


def jobs_of_backfill(connection: sqlite3.Connection, backfill: str) -> list[tuple[int, str]]:
    """Return the jobs of a backfill, each with its project."""
    return list(connection.execute(QUERIES["backfill_jobs"], (backfill,)))


def made(connection: sqlite3.Connection, name: MakerName, limit: int) -> list[MadeJob]:
    """Return the newest jobs of a schedule, newest first."""
    return decoded(MadeJob, connection.execute(QUERIES["made_jobs"], (*name, limit)).fetchall())


def live(connection: sqlite3.Connection, name: MakerName) -> list[MadeJob]:
    """Return the jobs of a schedule that are not final, without backfills."""
    return decoded(MadeJob, connection.execute(QUERIES["live_made_jobs"], name).fetchall())


def live_of_all(connection: sqlite3.Connection) -> list[int]:
    """Return the live jobs of all schedules."""
    return [job_id for (job_id,) in connection.execute(QUERIES["live_jobs_of_schedules"])]


def newest_good(connection: sqlite3.Connection, name: MakerName) -> MadeJob | None:
    """Return the newest job of a moment that succeeded."""
    found = decoded(MadeJob, connection.execute(QUERIES["newest_good_job"], name).fetchall())
    return found[0] if found else None


# -- expectations -----------------------------------------------------------------------------------------


def expect(tx: Transaction, name: MakerName, moment_us: int, deadline_us: int) -> None:
    """Record that a job of a moment should succeed before a deadline."""
    tx.connection.execute(QUERIES["put_expectation"], (*name, moment_us, deadline_us))


def expected(connection: sqlite3.Connection, now_us: int, limit: int) -> list[tuple[MakerName, int]]:
    """Return the moments whose deadline has passed."""
    found = connection.execute(QUERIES["expectations_due"], (now_us, limit))
    return [(MakerName(project, schedule), moment_us) for project, schedule, moment_us in found]


def has_ended_well(connection: sqlite3.Connection, name: MakerName, moment: str, job_id: int | None) -> bool:
    """Return whether a job of a moment succeeded: its own, one it was merged into, or a further one."""
    values = {"project": name.project, "schedule": name.id, "moment": moment, "job_id": job_id}
    return connection.execute(QUERIES["good_jobs_of_moment"], values).fetchone() is not None


def forget_expectation(tx: Transaction, name: MakerName, moment_us: int) -> None:
    """Delete an expectation that was met or reported."""
    tx.connection.execute(QUERIES["delete_expectation"], (*name, moment_us))


def move_expectations(tx: Transaction, by_us: int) -> None:
    """Move all deadlines by the amount that the clock was set: the remaining times stay the same."""
    tx.connection.execute(QUERIES["move_expectations"], (by_us,))
