"""Counts of ended jobs: computed once from all stored jobs, and then updated from events."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from locksided.histograms import JOB_BOUNDS
from locksided.store import events, reads
from locksided.store.sql import QUERIES

_PLACES = len(JOB_BOUNDS) + 1


class Configuration(NamedTuple):
    """The key by which jobs are counted."""

    project: str
    branch: str
    component: str
    config: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How many jobs of a configuration ended in a pool with a status.

    `end_us` and `duration_us` are the last one's. `config` is empty for jobs without one. `durations` and
    `queues` are histograms of run times and waiting times, with one element for each of `JOB_BOUNDS` and one
    for longer times; only jobs that started have waited.
    """

    configuration: Configuration
    pool: str
    status: str
    count: int
    end_us: int
    duration_us: int
    duration_sum_us: int
    queue_sum_us: int
    durations: tuple[int, ...]
    queues: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Endings:
    """The endings up to the event `seq`. `is_whole` says that they include all stored jobs."""

    seq: int
    is_whole: bool
    endings: tuple[Ending, ...]


def ended_since(connection: sqlite3.Connection, seq: int | None) -> Endings:
    """Return how jobs ended after an event; all stored ones for None, or if events after it were pruned."""
    with reads.snapshot(connection):
        last, oldest = events.last_seq(connection), events.oldest_seq(connection)
        is_whole = seq is None or (oldest is not None and oldest > seq + 1)
        if is_whole:
            rows = connection.execute(QUERIES["ended_jobs"])
        else:
            rows = connection.execute(QUERIES["jobs_ended_since"], (seq, last))
        found = tuple(map(_ending, rows))
    return Endings(last, is_whole, found)


def _ending(row: Sequence[Any]) -> Ending:
    buckets = row[-2 * _PLACES :]
    project, branch, component, config, pool, status, count, end_us, duration_us, *sums = row[: -2 * _PLACES]
    return Ending(
        Configuration(project, branch, component, config),
        *(pool, status, count, end_us, duration_us, sums[0], sums[1]),
        _differences(buckets[:_PLACES]),
        _differences(buckets[_PLACES:]),
    )


def _differences(counts: Sequence[int]) -> tuple[int, ...]:
    """Return the count of each element, from cumulative counts."""
    return tuple(here - before for before, here in zip((0, *counts), counts, strict=False))
