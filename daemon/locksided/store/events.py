"""Reads events after a number, by kind, job or run. The transaction appends them."""

# ruff: noqa: S608 - statements are composed of texts of this package; values are parameters

import sqlite3
from dataclasses import dataclass
from typing import Any

from locksided.store import cursors
from locksided.store.paging import LINE_BYTES, Slice, first_of, row_bytes
from locksided.store.rows import EventRow, decoded
from locksided.store.sql import QUERIES

# Nearly all events are of these kinds: an index of kinds excludes them.
COMMON_KINDS = ("job.created", "job.status", "job.stage")
_NOT_COMMON = f"kind NOT IN ({', '.join(map(repr, COMMON_KINDS))})"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; empty values do not restrict. `run_id_prefix` is a run and its descendants."""

    project: str | None = None
    kinds: tuple[str, ...] = ()
    job_id: int | None = None
    run_id_prefix: str | None = None

    def matches(self, event: EventRow) -> bool:
        """Return whether an event matches, by the same rules as in the database, for subscribers."""
        return (
            (self.project is None or event.project == self.project)
            and (not self.kinds or event.kind in self.kinds)
            and (self.job_id is None or event.job_id == self.job_id)
            and (self.run_id_prefix is None or is_below(event.run_id, self.run_id_prefix))
        )


def is_below(run_id: str | None, prefix: str) -> bool:
    """Return whether a run is the one named by `prefix` or below it."""
    return run_id is not None and (run_id == prefix or run_id.startswith(prefix.rstrip(".") + "."))


def events_after(
    connection: sqlite3.Connection, wanted: EventFilter, after: int, limit: int, max_bytes: int = LINE_BYTES
) -> Slice[EventRow]:
    """Return up to `limit` events with a number above `after`, in order."""
    sql, params = _select(wanted, after, limit + 1)
    found = connection.execute(sql, params)
    rows, has_more = first_of(found, row_bytes, max_bytes=max_bytes, limit=limit)
    return Slice(decoded(EventRow, rows), has_more, cursor_at)


ORDER = "events"


def cursor_at(event: EventRow) -> str:
    """Return the cursor after an event."""
    return cursors.written(ORDER, event.seq)


def seq_at(cursor: str | None) -> int | None:
    """Return the number after which a page of events begins; Invalid for an invalid cursor."""
    place = cursors.read(cursor, ORDER, tuple[cursors.Integer])
    return None if place is None else place[0]


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the newest event's number, 0 if there never was one."""
    (seq,) = connection.execute(QUERIES["last_seq"]).fetchone()
    return int(seq)


def latest_us(connection: sqlite3.Connection) -> int | None:
    """Return the latest time among the newest events, None without events."""
    (time_us,) = connection.execute(QUERIES["latest_time"]).fetchone()
    return None if time_us is None else int(time_us)


def cursor_key(follower: str) -> str:
    """Return the key of a follower's cursor in the metadata: the last event that it has decided on."""
    return f"follower:{follower}"


def least_cursor(connection: sqlite3.Connection) -> int | None:
    """Return the number of the last event that every follower has decided on, None without followers."""
    (seq,) = connection.execute(QUERIES["least_cursor"]).fetchone()
    return None if seq is None else int(seq)


def oldest_seq(connection: sqlite3.Connection) -> int | None:
    """Return the oldest number that is still stored, None without events."""
    (seq,) = connection.execute(QUERIES["oldest_seq"]).fetchone()
    return None if seq is None else int(seq)


def _select(wanted: EventFilter, after: int, limit: int) -> tuple[str, list[Any]]:
    """Compose the statement with the index that suits this filter best."""
    index = "NOT INDEXED"
    terms = ["seq > ?"]
    bound: list[Any] = [after]
    if wanted.project is not None:
        terms.append("project = ?")
        bound.append(wanted.project)
    if wanted.kinds:
        terms.append(f"kind IN ({', '.join('?' * len(wanted.kinds))})")
        bound.extend(wanted.kinds)
        if not set(wanted.kinds) & set(COMMON_KINDS):
            terms.append(_NOT_COMMON)
            index = "INDEXED BY events_rare"
    if wanted.run_id_prefix is not None:
        prefix = wanted.run_id_prefix.rstrip(".")
        terms.append("run_id IS NOT NULL AND CAST(run_id AS INTEGER) = CAST(? AS INTEGER)")
        terms.append("(run_id = ? OR run_id >= ? AND run_id < ?)")
        bound.extend((prefix, wanted.run_id_prefix, f"{prefix}.", f"{prefix}/"))
        index = "INDEXED BY events_tree"
    if wanted.job_id is not None:
        terms.append("job_id = ?")
        bound.append(wanted.job_id)
        index = "INDEXED BY events_job"
    columns = ", ".join(EventRow.__struct_fields__)
    sql = f"SELECT {columns} FROM events {index} WHERE {' AND '.join(terms)} ORDER BY seq LIMIT ?"
    return sql, [*bound, limit]
