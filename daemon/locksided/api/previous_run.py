"""What a rerun takes from an earlier run: successful tasks and rows, and versions of tables."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockside.documents.enums import JobType, TaskAction
from locksided import threads
from locksided.api.job_reads import job_row
from locksided.api.service import Service
from locksided.core.errors import Conflict, Invalid
from locksided.runs.specification import read_specification
from locksided.runs.step_results import rows_ended_well
from locksided.runs.task_selection import RowsLeft
from locksided.store.rows import JobRow
from locksided.tables.names import TableId


async def pinned_versions(service: Service, row: JobRow, path: str, remedy: str) -> dict[str, int]:
    """Return the versions that a job and its descendants read, by key. Raises Conflict for removed ones."""
    read = {
        TableId(row.project, str(table["branchId"]), str(table["id"])): int(table["version"])
        async for result in results_of(service, row)
        for table in (result.get("input") or {}).get("tables", [])
    }
    found = await service.store.tables_by_key([table.key for table in read])
    gone = [
        f"version {version} of {table.text}"
        for table, version in read.items()
        if table.key not in found or not found[table.key].row.oldest <= version <= found[table.key].row.head
    ]
    if gone:
        raise Conflict(f"No longer kept: {', '.join(gone)}. {remedy}", path=path)
    return {table.key: version for table, version in read.items()}


async def results_of(service: Service, row: JobRow) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the results of a job and of its descendants."""
    yield row.result or {}
    for part in await service.store.parts(row.id):
        async for result in results_of(service, part):
            yield result


ENDED_WELL = frozenset(("success", "warning"))
PATH = "$.previousJobId"


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """The results of the parts of an orchestration.

    `succeeded` maps the successful tasks to their jobs. For the other tasks, `rows` has the rows without
    success, and `nested` their own results where the task is itself an orchestration.
    """

    succeeded: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, RowsLeft] = field(default_factory=dict)
    nested: Mapping[str, "PreviousRun"] = field(default_factory=dict)


async def previous_orchestration(service: Service, job_id: str, config: str | None) -> PreviousRun:
    """Return the results of a run of this orchestration, including retries by hand. Raises `Invalid`."""
    row = await job_row(service, service.job_id(job_id, PATH), PATH)
    if row.type != JobType.ORCHESTRATION:
        raise Invalid(f"{PATH}: job {row.id} is not an orchestration.", path=PATH)
    if row.config != config:
        raise Invalid(f"{PATH}: job {row.id} ran orchestration {row.config}, not {config}.", path=PATH)
    return await _ended(service, row)


async def rows_left(service: Service, job_id: str, component: str, config: str | None) -> tuple[str, ...]:
    """Return the unsuccessful rows in a run of this configuration. Raises `Invalid` if there are none."""
    row = await job_row(service, service.job_id(job_id, PATH), PATH)
    if row.component != component:
        raise Invalid(f"{PATH}: job {row.id} ran component {row.component}, not {component}.", path=PATH)
    if row.config != config:
        raise Invalid(f"{PATH}: job {row.id} ran configuration {row.config}, not {config}.", path=PATH)
    rows = await _rows(service, row)
    if not rows:
        raise Invalid(f"{PATH}: job {row.id} ran no rows: there is nothing to carry over.", path=PATH)
    left = tuple(row_id for row_id, is_well in rows.items() if not is_well)
    if not left:
        raise Invalid(f"{PATH}: all rows of job {row.id} ended well: nothing is left to run.", path=PATH)
    return left


async def has_rows(service: Service, row: JobRow) -> bool:
    """Return whether the job ran rows, so that another run can continue it."""
    return bool(await _rows_of_one(service, row))


async def _ended(service: Service, row: JobRow) -> PreviousRun:
    """Return the results of a run, including what it carried over itself."""
    found: dict[str, str] = {}
    rows: dict[str, RowsLeft] = {}
    nested: dict[str, PreviousRun] = {}
    phases = await service.store.parts(row.id)
    specs = await service.store.specs({phase.spec_hash or "" for phase in phases})
    for phase in phases:
        for task in read_specification(specs[phase.spec_hash or ""]).tasks:
            if task.action is TaskAction.CARRY and task.job is not None:
                found[task.id] = task.job
        for child in await service.store.parts(phase.id):
            task_id = child.creator_id or ""
            job = await _ended_well(service, child)
            if job is not None:
                found[task_id] = str(job)
            elif child.type == JobType.ORCHESTRATION:
                nested[task_id] = await _ended(service, child)
            else:
                ends = await _rows(service, child)
                left = tuple(row_id for row_id, is_well in ends.items() if not is_well)
                rows |= {task_id: RowsLeft(str(child.id), left)} if left else {}
    return PreviousRun(found, rows, nested)


async def _rows(service: Service, row: JobRow) -> dict[str, bool]:
    """Return for each row of a job whether it succeeded, in the job or in a retry by hand."""
    found = await _rows_of_one(service, row)
    for retry in await service.store.retries(row.id):
        found |= {row_id: True for row_id, is_well in (await _rows_of_one(service, retry)).items() if is_well}
    return found


async def _rows_of_one(service: Service, row: JobRow) -> dict[str, bool]:
    match JobType(row.type):
        case JobType.CONTAINER:
            children = await service.store.parts(row.id)
            return {
                child.creator_id or "": await _ended_well(service, child) is not None for child in children
            }
        case JobType.RETRY:
            attempts = [await _rows_of_one(service, one) for one in await service.store.parts(row.id)]
            return {
                row_id: any(attempt.get(row_id) for attempt in attempts)
                for row_id in (attempts[-1] if attempts else ())
            }
        case JobType.STANDARD:
            return await _rows_in_sequence(service, row)
        case _:
            return {}


async def _rows_in_sequence(service: Service, row: JobRow) -> dict[str, bool]:
    """Return the rows of one run; a successful row counts as long as its results are kept."""
    specs = await service.store.specs({row.spec_hash or ""})
    rows = [one.id for one in read_specification(specs[row.spec_hash or ""]).rows or ()]
    if row.status in ENDED_WELL:
        return dict.fromkeys(rows, True)
    well = await threads.run_sync(rows_ended_well, service.runs.loader.folder(row.id)) if rows else ()
    return {row_id: row_id in well for row_id in rows}


async def _ended_well(service: Service, row: JobRow) -> int | None:
    """Return the job, or its last retry by hand, that succeeded."""
    if row.status in ENDED_WELL:
        return row.id
    retries = [one.id for one in await service.store.retries(row.id) if one.status in ENDED_WELL]
    return max(retries, default=None)
