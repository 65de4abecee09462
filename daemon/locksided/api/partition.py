"""Which chunks of a job that is cut a retry runs, and which it carries over."""

from collections.abc import Mapping
from functools import partial

from locksided.api.job_reads import job_row
from locksided.api.records import NothingOpen
from locksided.api.service import Service
from locksided.core.errors import Conflict
from locksided.runs.partition_tree import Chunk
from locksided.runs.specification import Specification
from locksided.store.chunks import chunk_jobs
from locksided.store.rows import JobRow


async def chunks_left(
    service: Service, row: JobRow, spec: Specification
) -> tuple[list[Chunk], Mapping[str, int] | None]:
    """The chunks that did not end well, and the tables that the splitter read.

    Raises Conflict when there is nothing to go on from.
    """
    if spec.partition is None:
        raise NothingOpen(f"Job {row.id} is not cut into chunks.", path="$.scope")
    if row.status == "success":
        raise Conflict(f"Job {row.id} ended well: no chunk of it failed.", path="$.id")
    chunks = await service.store.read(partial(chunk_jobs, row.id))
    if not chunks:
        raise Conflict(f"Job {row.id} was never cut: retry the whole job.", path="$.id")
    gone = [str(one.number) for one in chunks if one.is_good and one.work_id is None]
    splitter = await job_row(service, int(chunks[0].splitter))
    if splitter.cleaned_us is not None:
        gone = [str(one.number) for one in chunks]
    if gone:
        text = f"No longer kept: chunks {', '.join(gone[:20])}. Retry the whole job."
        raise Conflict(text, path="$.id")
    left = (one for one in chunks if not one.is_good)
    return [Chunk(one.number, one.chunks, one.name, one.splitter) for one in left], splitter.pins
