"""How the tasks of an orchestration ended the last time: the jobs whose success a rerun can carry over."""

from lockside.documents.enums import JobType, TaskAction
from locksided.api.job_reads import job_row
from locksided.api.service import Service
from locksided.core.errors import Invalid
from locksided.runs.specification import read_specification
from locksided.store.rows import JobRow

ENDED_WELL = frozenset(("success", "warning"))
PATH = "$.previousJobId"


async def succeeded_tasks(service: Service, job_id: str, config: str | None) -> dict[str, str]:
    """The tasks that ended well in a run of this orchestration, or in a retry of theirs, with their jobs.

    What that run carried over itself counts too. Raises `Invalid` for a job that is no such run.
    """
    row = await job_row(service, service.job_id(job_id, PATH), PATH)
    if row.type != JobType.ORCHESTRATION:
        raise Invalid(f"{PATH}: job {row.id} is no orchestration.", path=PATH)
    if row.config != config:
        raise Invalid(f"{PATH}: job {row.id} ran orchestration {row.config}, not {config}.", path=PATH)
    found: dict[str, str] = {}
    phases = await _children(service, row)
    specs = await service.store.specs({phase.spec_hash or "" for phase in phases})
    for phase in phases:
        for task in read_specification(specs[phase.spec_hash or ""]).tasks:
            if task.action is TaskAction.CARRY and task.job is not None:
                found[task.id] = task.job
        for child in await _children(service, phase):
            job = await _ended_well(service, child)
            if job is not None and child.creator_id is not None:
                found[child.creator_id] = str(job)
    return found


async def _children(service: Service, row: JobRow) -> list[JobRow]:
    return [child for child in await service.store.children(row.id) if child.relation == "strong"]


async def _ended_well(service: Service, row: JobRow) -> int | None:
    """The job, or the last retry of it by hand, that ended well."""
    if row.status in ENDED_WELL:
        return row.id
    retries = [one.id for one in await service.store.retries(row.id) if one.status in ENDED_WELL]
    return max(retries, default=None)
