"""The number of jobs by status: all stored jobs are counted once, then the counts follow the events."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from locksided.store import events, reads
from locksided.store.sql import QUERIES

MOST_EVENTS = 20_000
"""With more events, counting all jobs again is faster: that reads only their index."""


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """The counts of all projects as of the event `seq`; statuses without jobs are missing."""

    seq: int
    counts: dict[str, int]


def status_counts(
    connection: sqlite3.Connection, known: StatusCounts | None, most: int = MOST_EVENTS
) -> StatusCounts:
    """Return the current counts, computed from the known ones if few events followed them."""
    with reads.snapshot(connection):
        last = events.last_seq(connection)
        if known is not None and last - known.seq <= most and not _is_pruned(connection, known.seq, last):
            changed = connection.execute(QUERIES["status_changes"], (known.seq, last)).fetchall()
            if all(kind != "job.purged" for kind, *_ in changed):  # its event does not name the statuses
                return StatusCounts(last, _changed(known.counts, changed))
        return StatusCounts(last, reads.counts_by_status(connection))


def _is_pruned(connection: sqlite3.Connection, seq: int, last: int) -> bool:
    """Return whether some events after this one were removed."""
    oldest = events.oldest_seq(connection)
    return last > seq and (oldest is None or oldest > seq + 1)


def _changed(
    known: Mapping[str, int], changes: list[tuple[str, str | None, str | None, int]]
) -> dict[str, int]:
    counts = Counter(known)
    for kind, before, after, number in changes:
        counts["created" if kind == "job.created" else str(after)] += number
        if before is not None:
            counts[before] -= number
    return {status: number for status, number in sorted(counts.items()) if number}
