"""Reads jobs as callers see them: rows from the store, reasons from the core, and both of one moment.

A row and the core's explanation are read one after the other; where a job moved in between it is read again,
so that a job that has not started is never shown without a reason, nor a started one with some.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from locksided import clock
from locksided.actors.messages import Repeated
from locksided.api.service import Service
from locksided.api.views import JobViews, retries_view
from locksided.core.errors import NotFound
from locksided.core.explain import Explanation, explain
from locksided.core.scheduler import Scheduler
from locksided.runner.frozen import thaw
from locksided.store.rows import JobRow

LOOKS = 5
NOT_STARTED = ("created", "waiting")

View = dict[str, Any]


async def job_row(service: Service, job_id: int, path: str = "$.id") -> JobRow:
    """One stored job; NotFound with the remedy."""
    row = await service.store.job_row(job_id)
    if row is None:
        raise NotFound(f"There is no job {job_id}: `lockside ls` shows those that there are.", path=path)
    return row


async def job_views(service: Service, rows: Iterable[JobRow], caller_uid: int) -> list[View]:
    """The views of these jobs, in their order, with the reasons of those that have not started."""
    known = {row.id: row for row in rows}
    reasons = await _reasons(service, known)
    bodies, depends_on = await _documents(service, known)
    views = views_for(service, caller_uid, clock.now_us())
    return [
        views.view(
            row,
            bodies.get(row.spec_hash or "", {}),
            bodies.get(row.env_hash) if row.env_hash is not None else None,
            reasons.get(row.id),
            depends_on.get(row.id, []),
        )
        for row in known.values()
    ]


def views_for(service: Service, caller_uid: int, now_us: int) -> JobViews:
    """What makes views of this daemon's jobs for a caller."""
    project = service.settings.project.name
    return JobViews(service.store.identity, service.state_dir.work, project, caller_uid, now_us)


async def job_view(service: Service, job_id: int, caller_uid: int, path: str = "$.id") -> View:
    """The view of one job; of one that was retried by hand also its retries, which lists leave out."""
    (view,) = await job_views(service, [await job_row(service, job_id, path)], caller_uid)
    retries = await service.store.retries(job_id) if view["isFinished"] else []
    return {**view, "retries": retries_view(retries)} if retries else view


async def _reasons(service: Service, rows: dict[int, JobRow]) -> dict[int, Explanation]:
    """Explanations of the jobs that have not started; rows that were overtaken are read again in place."""
    reasons: dict[int, Explanation] = {}
    open_ids = [job_id for job_id, row in rows.items() if row.status in NOT_STARTED]
    for _ in range(LOOKS):
        if not open_ids:
            break
        found = await service.scheduler.look(partial(explained, ids=tuple(open_ids)))
        agreed = {i: one for i, one in found.items() if one.reasons and one.status == rows[i].status}
        reasons |= agreed
        moved = [job_id for job_id in open_ids if job_id not in agreed]
        for row in await service.store.job_rows(moved) if moved else ():
            rows[row.id] = row
        open_ids = [job_id for job_id in moved if rows[job_id].status in NOT_STARTED]
    return reasons


def explained(core: Scheduler, ids: Iterable[int], *, count: bool = False) -> dict[int, Explanation]:
    """The core's explanation of those jobs that are live."""
    jobs = core.state.jobs
    return {job_id: explain(core.state, jobs[job_id], count=count) for job_id in ids if job_id in jobs}


async def _documents(
    service: Service, rows: Mapping[int, JobRow]
) -> tuple[dict[str, Any], dict[int, list[dict[str, Any]]]]:
    """The frozen documents by hash, and whom each job depends on; one trip to the store for both."""
    hashes = {one for row in rows.values() for one in (row.spec_hash, row.env_hash) if one is not None}
    bodies, dependencies = await service.store.specs_and_dependencies(hashes, rows)
    depends_on: dict[int, list[dict[str, Any]]] = {}
    for one in dependencies:
        depends_on.setdefault(one.job_id, []).append({"job": str(one.on_id), "when": one.condition})
    return {name: thaw(body) for name, body in bodies.items()}, depends_on


def shortened(view: View, fields: Iterable[str] | None) -> View:
    """Only these members, and the id."""
    if fields is None:
        return view
    wanted = {"id", "deduplicated", *fields}
    return {name: value for name, value in view.items() if name in wanted}


def marked(view: View, answer: Any) -> View:
    """The view, with the mark of a repeat when the answer says that the call was done before."""
    return {**view, "deduplicated": True} if isinstance(answer, Repeated) else view


def answered_ids(answer: Any) -> list[int]:
    """The jobs that a creation made, now or the first time."""
    reference: Mapping[str, Any] = answer.reference if isinstance(answer, Repeated) else {"jobs": answer}
    return [int(job_id) for job_id in reference["jobs"]]
