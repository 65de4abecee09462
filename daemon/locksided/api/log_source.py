"""Which log is meant: a job's own, a row's of a container, or that of the attempts of a retried job.

The attempts' logs are one after the other what a retried job wrote: frame numbers go on from one to the next.
"""

from dataclasses import dataclass

from lockside.documents.enums import JobType
from locksided.api.job_reads import job_row
from locksided.api.service import Service
from locksided.core.errors import NotFound
from locksided.store.rows import JobRow


@dataclass(frozen=True, slots=True)
class LogSource:
    """The job whose log has a frame: `before` frames of other attempts come first, `behind` says how many it
    has itself when those of another attempt follow.

    `only` is a row of a job that runs several. The log is over when job `judge_id` is final.
    """

    job_id: int
    only: str | None
    before: int
    behind: int | None
    judge_id: int


async def source_of(service: Service, job_id: int, row_id: str | None, offset: int) -> LogSource:
    """Where frame `offset` of a job's log, or of a row's, is. Raises NotFound for a row that does not run."""
    row = await job_row(service, job_id)
    if row.type == JobType.CONTAINER and row_id is not None:
        row, row_id = await _child_of_row(service, row, row_id), None
    if row.type == JobType.RETRY:
        return await _attempt(service, row, row_id, offset)
    return LogSource(row.id, row_id, 0, None, row.id)


async def _child_of_row(service: Service, row: JobRow, row_id: str) -> JobRow:
    for child in await service.store.parts(row.id):
        if child.creator_id == row_id:
            return child
    raise NotFound(f"Job {row.id} runs no row {row_id!r}.", path="$.row")


async def _attempt(service: Service, row: JobRow, row_id: str | None, offset: int) -> LogSource:
    attempts = await service.store.parts(row.id)
    if not attempts:  # it has not started: nothing was written yet
        return LogSource(row.id, row_id, 0, None, row.id)
    before = 0
    for attempt in attempts[:-1]:
        length = await service.runs.log_length(attempt.id)
        if offset < before + length:
            return LogSource(attempt.id, row_id, before, length, row.id)
        before += length
    return LogSource(attempts[-1].id, row_id, before, None, row.id)
