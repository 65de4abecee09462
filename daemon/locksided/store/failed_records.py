"""The failed records of jobs: which ones a retry was given, and which are still open.

Records of a retry are `given` while it lives, `resolved` if it succeeded, and open again if it did not: in
that case the records that it listed itself are `void`, because its run is ignored.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from locksided.store.record_rows import STORED, RecordRow
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


class Family(NamedTuple):
    """The position of a job: its outermost job, and the nearest retry that it is, or is part of."""

    id: int
    retry_id: int | None


def family_of(connection: sqlite3.Connection, job_id: int) -> Family:
    """Return the family of a job."""
    above = connection.execute(QUERIES["family_of"], (job_id,)).fetchall()
    return Family(above[-1][0], next((one for one, is_retry in above if is_retry), None))


def note_records(tx: Transaction, job_id: int, lists: Iterable[Mapping[str, Any]]) -> None:
    """Number the records in the lists that a job left, in the transaction that ends it."""
    connection = tx.reading()
    family = family_of(connection, job_id)
    ((number,),) = connection.execute(QUERIES["next_record_number"], {"family": family.id})
    for one in lists:
        own = int(one["count"] - one["rejected"])
        for line, count in ((0, own), (own, int(one["rejected"]))):
            where = one["row"] or "", one["path"], line, line > 0 or not own
            if count:
                _insert(
                    connection, RecordRow(family.id, number, count, job_id, family.retry_id, *where, None)
                )
            number += count


def records_of(job_id: int, connection: sqlite3.Connection) -> Sequence[RecordRow]:
    """Return the records of a job, its descendants, and their retries, by their numbers."""
    asked = {"job_id": job_id, "family_id": family_of(connection, job_id).id}
    return [RecordRow(*row) for row in connection.execute(QUERIES["records_of"], asked)]


def open_records(ids: Sequence[int], connection: sqlite3.Connection) -> dict[int, int]:
    """Return how many of these jobs' own records are open, by job; jobs without any are omitted."""
    return dict(connection.execute(QUERIES["open_records"], (json_text(ids),)).fetchall())


def give_records(tx: Transaction, retry_id: int, chosen: Iterable[RecordRow]) -> None:
    """Assign records to a retry, in the transaction that creates it. Each of `chosen` is part of one row."""
    connection = tx.reading()
    for part in chosen:
        found = connection.execute(QUERIES["records_around"], (part.family_id, part.number)).fetchone()
        known = RecordRow(*found)
        connection.execute(QUERIES["delete_records_at"], (known.family_id, known.number))
        first = part.number - known.number
        for run in (
            known.cut(0, first),
            replace(known.cut(first, first + part.count), given_to=retry_id),
            known.cut(first + part.count, known.count),
        ):
            if run.count > 0:
                _insert(connection, run)


def _insert(connection: sqlite3.Connection, row: RecordRow) -> None:
    connection.execute(QUERIES["insert_records"], {name: getattr(row, name) for name in STORED})
