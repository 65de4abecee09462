"""How the jobs of configurations ended: counted once over all that are stored, and from then on by events."""

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from locksided.store import events, reads
from locksided.store.sql import QUERIES


class Configuration(NamedTuple):
    """What jobs are counted by."""

    project: str
    branch: str
    component: str
    config: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How many jobs of a configuration ended with a status; `end_us` and `duration_us` are the last one's."""

    configuration: Configuration
    status: str
    count: int
    end_us: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class Endings:
    """The endings up to the event `seq`. `is_whole` tells that they are of all jobs that are stored."""

    seq: int
    is_whole: bool
    endings: tuple[Ending, ...]


def ended_since(connection: sqlite3.Connection, seq: int | None) -> Endings:
    """Answer how jobs ended behind an event; all of them for None, or when events behind it are pruned."""
    with reads.snapshot(connection):
        last, oldest = events.last_seq(connection), events.oldest_seq(connection)
        is_whole = seq is None or (oldest is not None and oldest > seq + 1)
        if is_whole:
            rows = connection.execute(QUERIES["ended_jobs"])
        else:
            rows = connection.execute(QUERIES["jobs_ended_since"], (seq, last))
        found = tuple(Ending(Configuration(*row[:4]), *row[4:]) for row in rows)
    return Endings(last, is_whole, found)
