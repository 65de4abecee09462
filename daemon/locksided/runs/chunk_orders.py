"""Orders about chunks for the steps of split jobs, and the jobs created from a splitter's chunks."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from lockside.documents.enums import JobType, Part
from locksided.core.model import Draft
from locksided.runs.canonical import freeze
from locksided.runs.loading import Run, RunLoader
from locksided.runs.partition import FOLDER
from locksided.runs.partition_tree import chunk_drafts, chunks_named
from locksided.store.chunks import chunk_jobs
from locksided.store.rows import JobRow
from locksided.store.store import Store

NO_CHUNKS: tuple[Draft, ...] = ()


async def chunk_order(run: Run, store: Store, loader: RunLoader) -> dict[str, Any]:
    """Return the location of a chunk's input, or of the outputs of all chunks."""
    if run.spec.part is Part.CHUNK:
        assert run.row.chunk is not None, f"job {run.row.id} runs a chunk"
        chunk = run.row.chunk
        return {"from": f"{loader.folder(int(chunk['splitter'])).data}/{FOLDER}/{chunk['name']}"}
    container = await _container_of(run.row.id, store)
    chunks = await store.read(partial(chunk_jobs, container.id))
    return {
        "chunks": [
            {
                "chunk": one.number,
                "job": str(one.job_id),
                "status": one.status,
                "from": None if one.work_id is None or not one.is_good else loader.folder(one.work_id).data,
            }
            for one in chunks
        ]
    }


async def _container_of(job_id: int, store: Store) -> JobRow:
    """Return the split job that a job is part of."""
    row = await store.job_row(job_id)
    while row is not None and row.type != JobType.CONTAINER:
        row = await store.job_row(row.parent_id or 0)
    assert row is not None, f"job {job_id} is a part of another"
    return row


async def read_before(store: Store, run: Run, read: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the `input` of a run's result; for an assembler that of its splitter, for which it saves."""
    if run.spec.part is not Part.ASSEMBLER:
        return read
    container = await _container_of(run.row.id, store)
    chunks = await store.read(partial(chunk_jobs, container.id))
    splitter = await store.job_row(int(chunks[0].splitter)) if chunks else None
    found: Mapping[str, Any] = read if splitter is None else (splitter.result or {})["input"]
    return found


async def drafts_of_chunks(store: Store, run: Run, names: Sequence[str]) -> tuple[Draft, ...]:
    """Return the jobs of a splitter's chunks; they reuse its frozen document as it is stored."""
    row = await store.job_row(run.row.id)
    assert row is not None, f"job {run.row.id} is running"
    bodies = await store.specs([run.row.spec_hash or ""])
    document = msgspec.json.decode(bodies[run.row.spec_hash or ""])
    frozen = freeze({**document, "part": Part.CHUNK.value})
    return chunk_drafts(row, run.spec, frozen, chunks_named(names, row.id))
