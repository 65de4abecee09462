"""Repeating a job: the request that it came from, and which jobs to repeat.

A repeated job has the same request: what that did not set itself, such as a version of its configuration, is
decided again from what is stored now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from msgspec.structs import replace as replace_fields

from lockside.documents.archive import Archive
from lockside.documents.base import camel
from lockside.documents.component import COMMAND
from lockside.documents.enums import JobType, RetryScope
from lockside.documents.reading import from_store, stored_form
from lockside.documents.request import JobRequest
from lockside.documents.staging import InputSource
from lockside.protocol.methods.steering import JobRetry
from lockside.protocol.words import Role
from locksided.api.job_reads import job_row
from locksided.api.previous_run import ENDED_WELL, has_rows, pinned_versions, previous_orchestration
from locksided.api.records import NothingOpen, given_records, known_records, open_records_of
from locksided.api.service import Service
from locksided.core.errors import Conflict, Forbidden, InvalidTransition
from locksided.core.model import Draft
from locksided.core.transitions import FINAL
from locksided.runs.canonical import thaw
from locksided.runs.partition_tree import Chunk
from locksided.runs.resolved import wire_lock_key
from locksided.runs.specification import (
    ASKED,
    NO_SPECIFICATION,
    PASSED_ON,
    GivenRecords,
    Specification,
    read_specification,
)
from locksided.server.access import Principal
from locksided.store.chunks import chunk_jobs
from locksided.store.record_rows import RecordRow
from locksided.store.rows import JobRow, place_of


async def chunks_left(
    service: Service, row: JobRow, spec: Specification
) -> tuple[list[Chunk], Mapping[str, int] | None]:
    """Return the unsuccessful chunks, and the tables that the splitter read.

    Raises Conflict when there is nothing to continue.
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


FAILED = frozenset(("error", "terminated"))
_Request = stored_form(JobRequest)  # it was checked when it was created
_NAMES_OF_A_TIME = ("delay", "delayed_start_time")


async def request_of(service: Service, row: JobRow, changes: Mapping[str, Any] | None = None) -> JobRequest:
    """Return the request that a job came from, with changes: without line order, hold and start time.

    A phase becomes a request for its orchestration with only the tasks of that phase.
    """
    fields = await _fields_of(service, row)
    request: JobRequest = _Request(**changed(fields, changes or {}))
    return request


@dataclass(frozen=True, slots=True)
class Again:
    """A retry by hand: its request, and the failed records that belong to it.

    `given` are the records assigned to it, `records` those that it gets alone. `left` are the chunks that it
    runs alone.
    """

    request: JobRequest
    scope: RetryScope
    given: Sequence[RecordRow] = ()
    records: GivenRecords | None = None
    pinned: Mapping[str, int] | None = None
    left: Sequence[Chunk] | None = None


async def retry_of(service: Service, row: JobRow, asked: JobRetry) -> Again:
    """Return what a retry of a job must run. Raises Refused."""
    spec, _ = await _documents(service, row)
    _refuse_part(row, spec)
    if asked.scope is RetryScope.FAILED_RECORDS:
        chosen = await open_records_of(service, row, asked.numbers, asked.replace)
        return await _retry_of_records(service, row, chosen, asked.replace)
    if asked.scope is RetryScope.FAILED_CHUNKS or (asked.resume and spec.partition is not None):
        left, pinned = await chunks_left(service, row, spec)
        request = await request_of(service, row)
        return Again(request, RetryScope.FAILED_CHUNKS, left=left, pinned=pinned)
    if spec.records is not None:  # the retry of such a retry gets the same records, as far as they are open
        first = await job_row(service, row.retry_of_id or row.id)
        chosen = [one for one in await open_records_of(service, first) if one.given_to == row.id]
        if not chosen:
            raise NothingOpen(f"None of the records that job {row.id} was given is open.", path="$.id")
        return await _retry_of_records(service, row, chosen, spec.records.replace)
    request = await (resumed if asked.resume else request_of)(service, row)
    given = [one for one in await known_records(service, row) if one.standing == "open"]
    if asked.resume:
        jobs = await service.store.job_rows([one.job_id for one in given])
        well = {job.id for job in jobs if job.status in ENDED_WELL}
        given = [one for one in given if one.job_id not in well]
    return Again(request, RetryScope.ALL, given)


def _refuse_part(row: JobRow, spec: Specification) -> None:
    """Raise Conflict for a part of a split job: parts are of no use by themselves."""
    if spec.part is not None:
        text = (
            f"Job {row.id} is the {spec.part} of a job that is cut: retry that one, with "
            "`lockside retry --failed-chunks` (the scope `failedChunks`)."
        )
        raise Conflict(text, path="$.id")


async def _retry_of_records(
    service: Service, row: JobRow, chosen: Sequence[RecordRow], replaced: Mapping[str, dict[str, Any]]
) -> Again:
    """Return a retry of these records: of the rows that left them, with the first run's table versions."""
    spec, _ = await _documents(service, row)
    if row.type not in (JobType.STANDARD, JobType.RETRY) and spec.partition is None:
        text = f"Job {row.id} is a container: `job.retryAllFailed` retries the failed records below it."
        raise Conflict(text, path="$.id")
    first = await job_row(service, row.retry_of_id or row.id)
    pinned = await pinned_versions(service, first, "$.id", "Retry the whole job.")
    rows = list(dict.fromkeys(one.row for one in chosen if one.row))
    request = await request_of(service, row)
    request = replace_fields(request, previous_job_id=None, config_row_ids=rows or request.config_row_ids)
    records = await given_records(service, first, chosen, replaced)
    return Again(request, RetryScope.FAILED_RECORDS, chosen, records, pinned)


async def resumed(service: Service, row: JobRow) -> JobRequest:
    """Return a request that continues a job and carries over what succeeded.

    A job without tasks and rows is run again as it is. Raises `Invalid` when nothing is left.
    """
    if row.type == JobType.ORCHESTRATION:
        return await _resumed_orchestration(service, row, await request_of(service, row), row.id)
    if row.type == JobType.PHASE and row.parent_id is not None:
        return await _resumed_orchestration(service, row, await request_of(service, row), row.parent_id)
    request = await request_of(service, row)
    if not await has_rows(service, row):
        return request
    return replace_fields(request, previous_job_id=str(row.id))


async def _resumed_orchestration(
    service: Service, row: JobRow, request: JobRequest, previous: int
) -> JobRequest:
    """Continue an orchestration. Of selected tasks, only the unsuccessful ones are selected again."""
    selected = request.only_orchestration_task_ids
    before = await previous_orchestration(service, str(previous), row.config)
    if selected is not None:
        selected = [task for task in selected if task not in before.succeeded]
        if not selected:
            raise InvalidTransition(f"All tasks of job {row.id} ended well: nothing is left to run.")
    elif row.status in ENDED_WELL:
        raise InvalidTransition(f"Job {row.id} ended well: nothing is left to run.", status=row.status)
    return replace_fields(request, only_orchestration_task_ids=selected, previous_job_id=str(previous))


async def _fields_of(service: Service, row: JobRow) -> dict[str, Any]:
    spec, environment = await _documents(service, row)
    decided = {name for name in ASKED if camel(name) not in spec.asked}
    fields = {name: getattr(spec, name) for name in PASSED_ON if name not in decided}
    if fields.get("inputs") is not None:
        fields["inputs"] = [from_store(one, InputSource) for one in fields["inputs"]]
    if fields.get("archive") is not None:
        fields["archive"] = from_store(fields["archive"], Archive)
    data = spec.config_data
    if environment is not None and data is not None and row.component == COMMAND:
        parameters = {**(data.get("parameters") or {}), "environment": environment}
        fields["config_data"] = {**data, "parameters": parameters}
    fields |= {"priority": row.priority, "name": _given_name(row, spec), "description": row.description}
    fields["labels"] = row.labels or {}
    if row.config is None and row.lock_key is not None:
        fields["lock_key"] = wire_lock_key(row.lock_key)
    if row.type == JobType.PHASE:
        fields |= await _of_phase(service, row)
    elif row.type != JobType.ORCHESTRATION and row.status in ENDED_WELL:
        fields["previous_job_id"] = None  # nothing was left: its rows are named
    return fields


def _given_name(row: JobRow, spec: Specification) -> str | None:
    """Return the job's name, unless it is the default name."""
    named = f"{row.component}/{row.config}"
    defaults = {row.component, named, *(f"{named}#{one}" for one in spec.config_row_ids)}
    return None if row.name in defaults else row.name


def in_the_name_of(principal: Principal, row: JobRow) -> Principal:
    """Return the principal of a repeated job: the owner of the first job, whoever asks."""
    assert row.owner_uid is not None
    assert row.owner_name is not None
    gid = principal.gid if row.owner_gid is None else row.owner_gid
    return replace(principal, uid=row.owner_uid, gid=gid, user=row.owner_name)


def check_may_change(principal: Principal, row: JobRow, changes: Mapping[str, Any]) -> None:
    """Raise Forbidden for changes by another ordinary user: they would run with the owner's rights.

    The template cannot be changed: that would be another request.
    """
    if "template" in changes:
        raise Conflict("The template of a job cannot be changed: create a job of it.", path="$.with.template")
    if changes and principal.uid != row.owner_uid and principal.role is not Role.ADMIN:
        raise Forbidden(
            f"Job {row.id} belongs to {row.owner_name}: only its owner or an admin can change its request. "
            "Create a job of your own instead.",
            path="$.with",
            owner=row.owner_name,
        )


async def _documents(service: Service, row: JobRow) -> tuple[Specification, dict[str, str] | None]:
    hashes = [one for one in (row.spec_hash, row.env_hash) if one is not None]
    stored = await service.store.specs(hashes)
    vault, place = service.store.vault, place_of(row)
    bodies = {name: vault.opened_text(body, place) for name, body in stored.items()}
    environment = bodies.get(row.env_hash) if row.env_hash is not None else None
    spec = read_specification(bodies[row.spec_hash or ""])
    return spec, None if environment is None else thaw(environment)


async def _of_phase(service: Service, row: JobRow) -> dict[str, Any]:
    assert row.parent_id is not None
    orchestration = await service.store.job_row(row.parent_id)
    spec = NO_SPECIFICATION if orchestration is None else (await _documents(service, orchestration))[0]
    tasks = [task.creator_id for task in await service.store.parts(row.id)]
    return {
        "config_data": spec.config_data,
        "parallelism": spec.parallelism,
        "behavior": None,
        "name": None,
        "only_orchestration_task_ids": list(dict.fromkeys(task for task in tasks if task is not None)),
        "previous_job_id": None,
    }


def changed(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request with changes. A changed configuration or component is used at its newest version."""
    kept = dict(fields)
    if changes.get("component", fields["component"]) != fields["component"]:
        kept.pop("component_version", None)
    if "tag" in changes:
        kept.pop("component_version", None)
    named = changes.get("config", fields.get("config")), changes.get("branch_id", fields.get("branch_id"))
    if named != (fields.get("config"), fields.get("branch_id")):
        kept.pop("config_version", None)
        kept.pop("config_row_ids", None)
    if changes.get("pool") is not None or changes.get("pools") is not None:
        kept |= {"pool": None, "pools": None}
    return {**kept, **changes}


# -- failed jobs ------------------------------------------------------------------------------------------


async def failed_of(service: Service, row: JobRow) -> list[JobRow]:
    """Return the failed retries and children of a job, and their failed retries, not retried since.

    A failed job without children is included itself. Phases are replaced by their tasks.
    """
    roots = await _tasks_and_rows(service, row) or [row]
    if roots != [row]:
        roots = [*roots, *await service.store.retries(row.id)]
    family: dict[int, JobRow] = {}
    for root in roots:
        family |= {one.id: one for one in (root, *await service.store.retries(root.id))}
    retried = {one.creator_id for one in family.values() if one.creator_type == "retry"}
    failed = (one for one in family.values() if one.status in FAILED and str(one.id) not in retried)
    return sorted(failed, key=lambda one: one.id)


async def _tasks_and_rows(service: Service, row: JobRow) -> list[JobRow]:
    """Return the requested children: rows of a container, tasks of an orchestration or a phase."""
    match JobType(row.type):
        case JobType.STANDARD | JobType.RETRY:
            return []
        case JobType.CONTAINER | JobType.PHASE:
            is_cut = (await _documents(service, row))[0].partition is not None
            return [] if is_cut else await service.store.parts(row.id)
        case JobType.ORCHESTRATION:
            phases = await service.store.parts(row.id)
            return [task for phase in phases for task in await service.store.parts(phase.id)]


# -- amending ---------------------------------------------------------------------------------------------


async def check_amendable(service: Service, row: JobRow, changes: Mapping[str, Any]) -> None:
    """Raise a refusal if this job cannot be replaced by another, or not with these changes."""
    if row.status in FINAL:
        raise InvalidTransition(f"Job {row.id} is final ({row.status}).", status=row.status)
    if row.starts or row.status not in ("created", "waiting"):
        raise InvalidTransition(
            f"Job {row.id} is {row.status} and was started {row.starts} times: only a job that never started "
            "can be amended. Terminate it and resubmit it with the changes.",
            status=row.status,
        )
    for name in ("depends_on", "parent_run_id"):
        if name in changes:
            raise Conflict(f"{camel(name)} cannot be amended.", path=f"$.with.{camel(name)}")
    spec, _ = await _documents(service, row)
    _refuse_part(row, spec)
    if spec.records is not None:
        text = "A retry of failed records cannot be amended: terminate it, and retry them again."
        raise Conflict(text, path="$.id")
    if row.relation == "strong":
        await _check_child(service, row, changes)


async def _check_child(service: Service, row: JobRow, changes: Mapping[str, Any]) -> None:
    parent = await service.store.job_row(row.parent_id or 0)
    if row.type != JobType.STANDARD or parent is None or parent.type != JobType.PHASE:
        raise Conflict(
            f"Job {row.id} is part of job {row.parent_id} and cannot be amended by itself: of children only "
            "a task that is a single job can.",
            path="$.id",
        )
    for name in _NAMES_OF_A_TIME:
        if name in changes:
            message = f"{camel(name)} of a task counts from its phase and cannot be amended."
            raise Conflict(message, path=f"$.with.{camel(name)}")


def check_successor(made: Draft, row: JobRow) -> None:
    """Raise Conflict for a child whose successor would be a container."""
    if row.relation == "strong" and made.type is not JobType.STANDARD:
        raise Conflict("A task that is a single job cannot be amended to be several.", path="$.with")


def keeps_start_time(changes: Mapping[str, Any]) -> bool:
    """Return whether the successor keeps the start time of the job that it replaces."""
    return not any(name in changes for name in _NAMES_OF_A_TIME)
