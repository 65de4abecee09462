"""The decisions of schedules and triggers, counted from their events."""

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from locksided.store import events, reads
from locksided.store.sql import QUERIES


class Maker(NamedTuple):
    """A schedule or a trigger; `word` is its kind's."""

    word: str
    project: str
    id: str


class Decided(NamedTuple):
    """The decisions with one outcome: how many, for how many moments, and how late the last one was.

    If moments were not counted there were at least 100,000.
    """

    times: int
    moments: int
    lateness_seconds: float


def decided_since(
    connection: sqlite3.Connection, seq: int | None
) -> tuple[int, Mapping[tuple[Maker, str], Decided]]:
    """Return the last event, and the decisions after `seq`; None for all since the daemon started."""
    with reads.snapshot(connection):
        last = events.last_seq(connection)
        if seq is None:
            (begun,) = connection.execute(QUERIES["daemon_started"]).fetchone()
            seq = begun or 0
        rows = connection.execute(QUERIES["decisions"], (seq, last)).fetchall()
    found = {}
    for project, name, kind, times, moments, lateness, _ in rows:
        word, _, outcome = kind.partition(".")
        found[Maker(word, project, name), outcome] = Decided(times, moments, lateness or 0.0)
    return last, found
