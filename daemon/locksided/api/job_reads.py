"""Reads jobs as callers see them: consistent rows from the store and reasons from the core.

A row and the core's explanation are read one after the other; a job that changed in between is read again, so
that an unstarted job is never shown without a reason, nor a started one with one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from lockside.documents.enums import JobType, Status
from locksided import clock
from locksided.actors.messages import Repeated, Write
from locksided.api.job_views import JobViews, record_errors, retries_view, wants_documents
from locksided.api.paging import View, listed
from locksided.api.service import Service
from locksided.core.errors import NotFound
from locksided.core.explanation import explain
from locksided.core.reasons import Explanation
from locksided.core.scheduler import Scheduler
from locksided.core.transitions import FINAL
from locksided.runs.specification import NO_SPECIFICATION, read_specification
from locksided.server.access import Principal
from locksided.server.messages import OrShorter
from locksided.store import reads
from locksided.store.chunks import chunks_of_all
from locksided.store.failed_records import open_records, records_of
from locksided.store.paging import Slice
from locksided.store.rows import JobRow
from locksided.store.sql import Database
from locksided.store.transaction import Transaction

LOOKS = 5
NOT_STARTED = ("created", "waiting")


async def job_row(service: Service, job_id: int, path: str = "$.id") -> JobRow:
    """Return one stored job. Raises NotFound."""
    row = await service.store.job_row(job_id)
    if row is None:
        raise _no_job(job_id, path)
    return row


def _no_job(job_id: int, path: str) -> NotFound:
    return NotFound(f"There is no job {job_id}: `lockside ls` lists the jobs.", path=path)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The caller and the wanted fields of jobs (None: all).

    `expand` names the large members to include (None: all).
    """

    caller: Principal
    fields: Collection[str] | None = None
    expand: Collection[str] | None = None

    @property
    def is_id_alone(self) -> bool:
        """Whether nothing must be read."""
        return self.fields is not None and not set(self.fields) - {"id"}

    @property
    def has_environment(self) -> bool:
        """Whether the environments of plain commands are shown."""
        return self.expand is None or "environment" in self.expand

    def chosen(self, view: View) -> View:
        """Return the wanted members of a whole view."""
        if self.expand is not None and not self.expand and self.fields is None:
            del view["configData"]
        return shortened(view, self.fields)

    @property
    def has_reasons(self) -> bool:
        """Whether the core must be asked."""
        return self.fields is None or "reasons" in self.fields


class Glance:
    """Reads new jobs in the step that creates them: rows in its transaction, reasons after it."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._read: reads.JobsWithDocuments = [], {}, []
        self._reasons: dict[int, Explanation] = {}

    def read_jobs(self, ids: Sequence[int]) -> Write | None:
        """Return the write that reads them after the saves; None if nothing of them is wanted."""
        if self._wanted.is_id_alone:
            return None

        def read(tx: Transaction) -> None:
            tx.show_jobs(ids, self._take)

        return read

    def _take(self, found: reads.JobsWithDocuments) -> None:
        self._read = found

    def explain_jobs(self, core: Scheduler, ids: Sequence[int]) -> None:
        """Store the reasons of the jobs that did not start."""
        if self._wanted.has_reasons:
            self._reasons = explained(core, ids)

    async def views(self, service: Service, ids: Sequence[int]) -> list[View]:
        """Return the wanted views, with all reasons as they were when the jobs were created."""
        if self._wanted.is_id_alone:
            return ids_alone(ids)
        return await _views(service, self._read, self._wanted, self._reasons)


async def job_views(
    service: Service, rows: Iterable[JobRow], wanted: Wanted, max_bytes: int | None = None
) -> list[View]:
    """Return the views of these jobs in order, with the reasons of those that have not started.

    With `max_bytes` only as many as their documents leave room for, at least one.
    """
    distinct = list({row.id: row for row in rows}.values())
    found: reads.JobsWithDocuments = distinct, {}, []
    if wants_documents(wanted.fields):
        if not wanted.has_environment:
            distinct = [replace(row, env_hash=None) for row in distinct]
        found = await service.store.with_documents(distinct, max_bytes)
    return await _views(service, found, wanted, {})


async def listed_jobs(service: Service, found: Slice[JobRow], wanted: Wanted) -> View:
    """Return the answer of a list of jobs."""
    views = await job_views(service, found.entries, wanted, service.line_bytes)
    shown = dict(zip((row.id for row in found.entries), views, strict=False))
    entries = found.entries[: len(shown)]
    has_more = found.has_more or len(entries) < len(found.entries)
    part = Slice(entries, has_more, found.cursor_at)
    return listed("jobs", part, lambda row: shown[row.id], service.line_bytes)


async def job_views_of(service: Service, ids: Sequence[int], wanted: Wanted) -> list[View]:
    """Return the views of stored jobs by their ids, read in one query."""
    if wanted.is_id_alone:
        return ids_alone(ids)
    found = await service.store.read(partial(reads.jobs_with_documents, ids=ids))
    return await _views(service, found, wanted, {})


def ids_alone(ids: Iterable[int]) -> list[View]:
    """Return the views of jobs if only the id is wanted."""
    return [{"id": str(job_id)} for job_id in ids]


async def _views(
    service: Service,
    found: reads.JobsWithDocuments,
    wanted: Wanted,
    explanations: Mapping[int, Explanation],
) -> list[View]:
    rows, documents, dependencies = found
    known = {row.id: row for row in rows}
    reasons = await _reasons(service, known, explanations) if wanted.has_reasons else {}
    specifications = {one.spec_hash for one in rows}
    read = {name: read_specification(body) for name, body in documents.items() if name in specifications}
    depends_on: dict[int, list[dict[str, Any]]] = {}
    for one in dependencies:
        depends_on.setdefault(one.job_id, []).append({"job": str(one.on_id), "when": one.condition})
    views = views_for(service, wanted.caller, clock.now_us())
    listed = [row.id for row in known.values() if row.status in FINAL and record_errors(row)]
    left = await service.store.read(partial(open_records, listed)) if listed else {}
    cut = (
        [
            row.id
            for row in known.values()
            if row.type == JobType.CONTAINER and read[row.spec_hash or ""].partition is not None
        ]
        if read
        else []
    )
    chunks = await service.store.read(partial(chunks_of_all, cut)) if cut else {}
    return [
        wanted.chosen(
            views.view(
                row,
                read.get(row.spec_hash or "", NO_SPECIFICATION),
                documents.get(row.env_hash or ""),
                reasons.get(row.id),
                depends_on.get(row.id, []),
                left.get(row.id, 0),
                chunks.get(row.id, ()),
            )
        )
        for row in known.values()
    ]


def views_for(service: Service, caller: Principal, now_us: int) -> JobViews:
    """Return a factory of views of this daemon's jobs for a caller."""
    store, settings = service.store, service.settings
    return JobViews(
        store.identity,
        service.runs.loader.places.work_path,
        settings.project.name,
        caller,
        now_us,
        store.vault,
        settings.web,
    )


async def job_view(service: Service, job_id: int, caller: Principal, path: str = "$.id") -> View:
    """Return the view of one job, with its retries by hand, which lists leave out."""
    found, retries = await service.store.read(partial(_with_retries, job_id))
    if not found[0]:
        raise _no_job(job_id, path)
    (row,) = found[0]
    (view,) = await _views(service, found, Wanted(caller), {})
    records = await service.store.read(partial(records_of, job_id)) if retries or record_errors(row) else ()
    if not (retries or records):
        return view
    left = sum(one.count for one in records if one.standing == "open")
    return {**view, "retries": retries_view(row, retries, left)}


def _with_retries(job_id: int, connection: Database) -> tuple[reads.JobsWithDocuments, list[JobRow]]:
    """Read one job, and its retries once it is final, in one query: clients poll it often."""
    found = reads.jobs_with_documents(connection, [job_id])
    is_final = any(row.status in FINAL for row in found[0])
    return found, reads.retries(connection, job_id) if is_final else []


async def _reasons(
    service: Service, rows: dict[int, JobRow], known: Mapping[int, Explanation]
) -> dict[int, Explanation]:
    """Return explanations of the jobs that may wait; outdated rows are read again in place."""
    reasons: dict[int, Explanation] = {}
    open_ids = [job_id for job_id, row in rows.items() if _may_wait(row)]
    for turn in range(LOOKS):
        if not open_ids:
            break
        found = known
        if turn or not known:
            found = await service.scheduler.look(partial(explained, ids=tuple(open_ids)))
        agreed = {i: one for i in open_ids if (one := found.get(i)) and _agree(rows[i], one)}
        reasons |= agreed
        moved = [job_id for job_id in open_ids if job_id not in agreed]
        for row in await service.store.job_rows(moved) if moved else ():
            rows[row.id] = row
        open_ids = [job_id for job_id in moved if _may_wait(rows[job_id])]
    return reasons


def _may_wait(row: JobRow) -> bool:
    """Return whether a job may have reasons: it waits, perhaps in an engine's queue or at its tables."""
    is_at_tables = row.claim is not None and row.start_token is None
    is_with_engine = row.remote is not None and not row.spawned
    return row.status in NOT_STARTED or (row.status == Status.PROCESSING and (is_at_tables or is_with_engine))


def _agree(row: JobRow, told: Explanation) -> bool:
    """Return whether a job's row and the core's explanation describe the same state."""
    return told.status == row.status and (bool(told.reasons) or row.status not in NOT_STARTED)


def explained(core: Scheduler, ids: Iterable[int], *, count: bool = False) -> dict[int, Explanation]:
    """Return the core's explanations of those jobs that are live."""
    jobs = core.state.jobs
    return {job_id: explain(core.state, jobs[job_id], count=count) for job_id in ids if job_id in jobs}


def shortened(view: View, fields: Iterable[str] | None) -> View:
    """Return only these members, and the id."""
    if fields is None:
        return view
    wanted = {"id", "deduplicated", "warnings", *fields}
    return {name: value for name, value in view.items() if name in wanted}


def marked(view: View, answer: Any) -> View:
    """Return the view, marked as a repeat if the call was done before."""
    return {**view, "deduplicated": True} if isinstance(answer, Repeated) else view


def of_many(views: list[View]) -> OrShorter:
    """Return the jobs that a call has created, or just their ids if the views do not fit into a line."""
    return OrShorter({"jobs": views}, {"jobs": [shortened(view, ()) for view in views]})


def answered_ids(answer: Any) -> list[int]:
    """Return the ids of the jobs that a creation made, now or the first time."""
    reference: Mapping[str, Any] = answer.reference if isinstance(answer, Repeated) else {"jobs": answer}
    return [int(job_id) for job_id in reference["jobs"]]
