"""The chunks of a split job: their jobs, and those that a retry carries over from the previous run."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction


class ChunkJob(NamedTuple):
    """A chunk and its job. `work_id` is the job with its folder, None once that is removed."""

    number: int
    chunks: int
    name: str
    splitter: str
    job_id: int
    work_id: int | None
    status: str
    counts: Mapping[str, Any]
    is_carried: bool = False

    @property
    def is_good(self) -> bool:
        """Whether it succeeded."""
        return self.status in ("success", "warning")


def chunk_jobs(container_id: int, connection: sqlite3.Connection) -> list[ChunkJob]:
    """Return all chunks by their numbers; a retry without a splitter carries over those it does not run."""
    found = {one.number: one for one in _own(connection, container_id)}
    before = connection.execute(QUERIES["chunks_before"], (container_id,)).fetchone()
    for one in chunk_jobs(int(before[0]), connection) if before is not None else ():
        found.setdefault(one.number, one._replace(is_carried=True))
    return [found[number] for number in sorted(found)]


def hand_pins_on(tx: Transaction, splitter_id: int) -> None:
    """Let the assembler of a split job read the same table versions as its splitter."""
    tx.reading().execute(QUERIES["hand_pins_on"], {"job_id": splitter_id})


def chunks_of_all(ids: Sequence[int], connection: sqlite3.Connection) -> dict[int, list[ChunkJob]]:
    """Return the chunks of several split jobs."""
    return {job_id: chunk_jobs(job_id, connection) for job_id in ids}


def _own(connection: sqlite3.Connection, container_id: int) -> list[ChunkJob]:
    found = []
    for chunk, job_id, work_id, status, counts in connection.execute(QUERIES["chunk_jobs"], (container_id,)):
        columns = msgspec.json.decode(chunk)
        shown = msgspec.json.decode(counts) if counts else {}
        found.append(ChunkJob(**columns, job_id=job_id, work_id=work_id, status=status, counts=shown))
    return found
