"""The drafts of a job that is split into chunks: a container of splitter, chunks and assembler. Pure.

The chunks are known when the splitter ends: their drafts are made from its job then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lockside.documents.enums import JobType, OnChunkError, OnError, OnLost, Part
from locksided.core.model import Draft, Needs
from locksided.runs.canonical import Frozen
from locksided.runs.draft_tree import Maker, TreePosition, job_draft, tried_again
from locksided.runs.resolved import Resolved
from locksided.runs.specification import Specification, as_part, of_container
from locksided.store.rows import JobRow

CHUNKS = "chunks"
"""The phase of the chunks; the others are named after their parts."""


class Chunk(NamedTuple):
    """A chunk: its number from 1, the number of chunks, its name, and the id of the splitter's job."""

    number: int
    chunks: int
    name: str
    splitter: str


def chunks_named(names: Sequence[str], splitter: int) -> list[Chunk]:
    """Return the chunks that a splitter made, in their order."""
    return [Chunk(number, len(names), name, str(splitter)) for number, name in enumerate(names, 1)]


def partition_tree(resolved: Resolved, place: TreePosition, left: Sequence[Chunk] | None = None) -> Draft:
    """Return the container; with chunks `left` from an earlier run it runs only those, without a splitter."""
    spec = resolved.spec
    jobs = [_chunk(_part(resolved, place, Part.CHUNK), spec, one) for one in left or ()]
    parallelism = spec.parallelism or 1
    chunks = replace(
        _phase(resolved, place, Part.CHUNK, CHUNKS, jobs),
        parallelism=None if parallelism == "infinity" else parallelism,
    )
    assembler = _phase(
        resolved, place, Part.ASSEMBLER, "assembler", [_with_retries(resolved, place, Part.ASSEMBLER)]
    )
    phases = [chunks, replace(assembler, after=(0,))]
    if left is None:
        splitter = _phase(
            resolved, place, Part.SPLITTER, "splitter", [_with_retries(resolved, place, Part.SPLITTER)]
        )
        phases = [splitter, replace(chunks, after=(0,)), replace(assembler, after=(1,))]
    return replace(
        job_draft(resolved, place, of_container(spec)),
        type=JobType.CONTAINER,
        on_error=spec.behavior.on_error,
        reads=(),
        children=tuple(phases),
    )


def _phase(resolved: Resolved, place: TreePosition, part: Part, name: str, jobs: Sequence[Draft]) -> Draft:
    draft = job_draft(resolved, _place_for(place, name), of_container(as_part(resolved.spec, part)))
    named = {**draft.values, "name": name}
    return replace(
        draft,
        type=JobType.PHASE,
        lock_key=None,
        lock_share=0,
        reads=(),
        children=tuple(jobs),
        values=named,
    )


def _part(resolved: Resolved, place: TreePosition, part: Part) -> Draft:
    draft = job_draft(resolved, _place_for(place, part.value), as_part(resolved.spec, part))
    named = {**draft.values, "name": f"{resolved.name} {part.value}"}
    reads = draft.reads if part is not Part.CHUNK else ()
    return replace(draft, lock_key=None, lock_share=0, values=named, reads=reads)


def _with_retries(resolved: Resolved, place: TreePosition, part: Part) -> Draft:
    return tried_again(_part(resolved, place, part), resolved.spec.retry)


def _place_for(place: TreePosition, name: str) -> TreePosition:
    return place._replace(maker=Maker("container", name))


def _chunk(draft: Draft, spec: Specification, chunk: Chunk) -> Draft:
    base = str(draft.values["name"]).rpartition(" ")[0]
    changes = {"chunk": chunk._asdict(), "creator_id": chunk.name, "name": f"{base} chunk {chunk.number}"}
    is_tolerated = spec.partition is not None and spec.partition.on_chunk_error is OnChunkError.MERGE
    job = replace(
        draft,
        on_error=OnError.WARNING if is_tolerated else None,
        values={**draft.values, **changes},
    )
    return tried_again(job, spec.retry)


def chunk_drafts(
    splitter: JobRow, spec: Specification, document: Frozen, chunks: Iterable[Chunk]
) -> tuple[Draft, ...]:
    """Return the drafts of a splitter's chunks, based on its job; `document` is their specification."""
    pools = tuple(splitter.pools or ())
    base = Draft(
        project=splitter.project,
        owner_uid=splitter.owner_uid or 0,
        pool=splitter.pool or pools[0],
        pools=pools,
        needs=Needs.from_data(splitter.needs),
        priority=splitter.priority,
        on_lost=OnLost(splitter.on_lost or OnLost.REQUEUE),
        values={**_of(splitter), "creator_type": "container", "spec_hash": document.hash},
        blobs=((document.hash, document.body),),
    )
    return tuple(_chunk(base, spec, chunk) for chunk in chunks)


def _of(row: JobRow) -> Mapping[str, Any]:
    names = ("component", "config", "branch_id", "mode", "name", "owner_gid", "owner_name", "owner_via")
    return {name: getattr(row, name) for name in names} | {"env_hash": None}
