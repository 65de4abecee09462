"""The methods that make, show and steer jobs."""

import pwd
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from anyio import to_thread

from lockside.protocol import params as p
from lockside.protocol.texts import time_us
from locksided import clock
from locksided.actors.messages import Repeated
from locksided.api.creation import Origin, draft, request_fields
from locksided.api.once import job_reference, once
from locksided.api.preview import would_be
from locksided.api.reading import (
    View,
    answered_ids,
    explained,
    job_row,
    job_view,
    job_views,
    marked,
    shortened,
    views_for,
)
from locksided.api.reasons import reason_view
from locksided.api.rights import actor, check_may_act
from locksided.api.service import Service
from locksided.core import inputs as i
from locksided.core.errors import InvalidTransition, NotFound, Refused
from locksided.core.explain import Explanation
from locksided.core.model import Draft
from locksided.core.saves import AppendEvent, UpdateJob
from locksided.core.transitions import FINAL
from locksided.runner.datafolder import remove_folder
from locksided.runner.locking import wire_lock_key
from locksided.server.calls import Call
from locksided.store.jobfilter import JobFilter, OrderBy, Page
from locksided.store.joblist import GroupBy, JobStats
from locksided.store.retention import purge_job
from locksided.store.rows import JobRow
from locksided.store.transaction import Transaction

Handler = Callable[[Call, Any], Awaitable[View]]


class JobMethods:
    """`job.*` but the log and waiting."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        """Each method's handler."""
        return {
            "job.create": self._once(self.create),
            "job.createMany": self._once(self.create_many),
            "job.get": self.get,
            "job.list": self.list,
            "job.explain": self.explain,
            "job.terminate": self._once(self.terminate),
            "job.hold": self._once(partial(self._act, i.Hold)),
            "job.release": self._once(partial(self._act, i.Release)),
            "job.pause": self._once(partial(self._act, i.Pause)),
            "job.resume": self._once(partial(self._act, i.Resume)),
            "job.reprioritise": self._once(self.reprioritise),
            "job.annotate": self._once(self.annotate),
            "job.hide": self._once(partial(self._show, False)),
            "job.unhide": self._once(partial(self._show, True)),
            "job.purge": self._once(self.purge),
            "job.retry": self._once(self.retry),
            "job.resubmit": self._once(self.resubmit),
            "job.stats": self.stats,
        }

    # -- repeats ------------------------------------------------------------------------------------------

    def _once(self, handler: Handler) -> Handler:
        """Answer a repeat before anything is checked: what the first call stood on may be gone by now."""

        async def handle(call: Call, params: Any) -> View:
            mark = None if getattr(params, "dry_run", False) else once(call, params, job_reference)
            repeated = None if mark is None else await self._service.scheduler.done_before(mark)
            if repeated is None:
                return await handler(call, params)
            return await self._repeated(call, params, repeated)

        return handle

    async def _repeated(self, call: Call, params: Any, repeated: Repeated) -> View:
        """The jobs of the first call as they are now."""
        ids = answered_ids(repeated)
        if call.method.name == "job.purge":
            return {"id": str(ids[0]), "deduplicated": True}
        rows = [await job_row(self._service, job_id) for job_id in ids]
        views = await job_views(self._service, rows, call.principal.uid)
        answers = [marked(shortened(view, params.fields), repeated) for view in views]
        return {"jobs": answers} if call.method.name == "job.createMany" else answers[0]

    # -- making -------------------------------------------------------------------------------------------

    async def create(self, call: Call, params: p.JobCreate) -> View:
        """Make one job, or with `dryRun` show what it would be."""
        fields = request_fields(params)
        made = await draft(self._service, fields, call.principal, params.project)
        if params.dry_run:
            return shortened(self._would_be(call, made, fields), params.fields)
        (view,), answer = await self._submit(call, params, [made])
        return marked(shortened(view, params.fields), answer)

    async def create_many(self, call: Call, params: p.JobCreateMany) -> dict[str, Any]:
        """Make all of these jobs or none."""
        requests = [request_fields(request) for request in params.jobs]
        drafts = []
        for index, fields in enumerate(requests):
            try:
                made = await draft(self._service, fields, call.principal, params.project)
                drafts.append(replace(made, path=f"$.jobs[{index}]"))
            except Refused as refusal:
                refusal.path = f"$.jobs[{index}]{(refusal.path or '$')[1:]}"
                raise
        if params.dry_run:
            shown = [self._would_be(call, *one) for one in zip(drafts, requests, strict=True)]
            return {"jobs": [shortened(view, params.fields) for view in shown]}
        views, answer = await self._submit(call, params, drafts)
        return {"jobs": [marked(shortened(view, params.fields), answer) for view in views]}

    async def _submit(self, call: Call, params: Any, drafts: list[Draft]) -> tuple[list[View], Any]:
        work = i.Submit(tuple(drafts), actor(call.principal))
        answer = await self._service.scheduler.ask(work, once=once(call, params, job_reference))
        rows = await self._service.store.job_rows(answered_ids(answer))
        return await job_views(self._service, rows, call.principal.uid), answer

    def _would_be(self, call: Call, made: Draft, fields: dict[str, Any]) -> View:
        """The job that a dry run would have made."""
        now_us = clock.now_us()
        views = views_for(self._service, call.principal.uid, now_us)
        return would_be(made, fields.get("parentRunId"), views, now_us)

    async def retry(self, call: Call, params: p.JobAction) -> View:
        """Run a final job again as its retry; the root of all its retries is remembered."""
        row = await self._owned(call, params.id)
        if row.status not in FINAL:
            raise InvalidTransition(f"Job {row.id} is {row.status}: only a final job can be retried.")
        root_id = row.retry_of_id or row.id
        origin = Origin("retry", str(row.id), retry_of_id=root_id)
        return await self._again(call, params, row, {}, origin)

    async def resubmit(self, call: Call, params: p.JobResubmit) -> View:
        """An independent new job of the same request, with changes where they are given."""
        row = await self._owned(call, params.id)
        origin = Origin(resubmit_of_id=row.id)
        return await self._again(call, params, row, request_fields(params.changes), origin)

    async def _again(
        self, call: Call, params: Any, row: JobRow, changes: dict[str, Any], origin: Origin
    ) -> View:
        view = await job_view(self._service, row.id, row.owner_uid or 0)
        fields = {**_request_of(view), **changes}
        made = await draft(self._service, fields, call.principal, params.project, origin)
        (new,), answer = await self._submit(call, params, [made])
        return marked(shortened(new, params.fields), answer)

    # -- showing ------------------------------------------------------------------------------------------

    async def get(self, call: Call, params: p.JobGet) -> View:
        """One job."""
        job_id = self._service.job_id(params.id)
        return shortened(await job_view(self._service, job_id, call.principal.uid), params.fields)

    async def list(self, call: Call, params: p.JobList) -> dict[str, Any]:
        """A page of jobs."""
        page = Page(
            params.limit, OrderBy(params.order_by), params.order == "desc", params.cursor, params.count
        )
        found = await self._service.store.list_jobs(self._filter(params), page)
        views = await job_views(self._service, found.rows, call.principal.uid)
        answer = {
            "jobs": [shortened(view, params.fields) for view in views],
            "nextCursor": found.next_cursor,
        }
        return answer if found.total is None else {**answer, "total": found.total}

    def _filter(self, params: p.JobFilters) -> JobFilter:
        return JobFilter(
            project=params.project,
            statuses=tuple(status.value for status in params.status),
            component=params.component,
            config=params.config,
            branch=params.branch_id,
            parent_run_id=params.parent_run_id,
            run_id_prefix=params.run_id_prefix,
            type=None if params.type is None else params.type.value,
            creator_type=None if params.creator is None else params.creator.value,
            owner_uid=_uid(params.owner),
            labels=params.labels,
            text=params.text,
            created_from_us=_us(params.created_from),
            created_to_us=_us(params.created_to),
            finished_from_us=_us(params.finished_from),
            finished_to_us=_us(params.finished_to),
            visible=params.visible,
        )

    async def stats(self, _call: Call, params: p.JobStats) -> dict[str, Any]:
        """Counts and durations by group."""
        groups = [GroupBy(name) for name in params.group_by]
        found = await self._service.store.job_stats(groups, self._filter(params))
        return {"groups": [_stats_view(stats) for stats in found]}

    async def explain(self, _call: Call, params: p.JobExplain) -> dict[str, Any]:
        """All reasons of a job at once, and its place in line."""
        job_id = self._service.job_id(params.id)

        def look(core: Any) -> Explanation | None:
            return explained(core, (job_id,), count=True).get(job_id)

        found = await self._service.scheduler.look(look)
        if found is None:
            row = await job_row(self._service, job_id)
            return {"status": row.status, "reasons": [], "position": None, "estimate": None}
        return {
            "status": found.status.value,
            "reasons": [reason_view(reason) for reason in found.reasons],
            "position": found.position,
            "estimate": None,
        }

    # -- steering -----------------------------------------------------------------------------------------

    async def _owned(self, call: Call, job_id: str) -> JobRow:
        row = await job_row(self._service, self._service.job_id(job_id))
        check_may_act(self._service, call.principal, row)
        return row

    async def _act(self, make: Callable[[int, Any], i.Input], call: Call, params: p.JobAction) -> View:
        row = await self._owned(call, params.id)
        return await self._done(call, params, row, make(row.id, actor(call.principal)))

    async def _done(self, call: Call, params: Any, row: JobRow, work: i.Input) -> View:
        """Have the core do it and answer the job as it is after that."""
        if row.status in FINAL:
            raise InvalidTransition(f"Job {row.id} is final ({row.status}).", status=row.status)
        mark = once(call, params, lambda _: job_reference([row.id]))
        try:
            answer = await self._service.scheduler.ask(work, once=mark)
        except NotFound:
            now = await job_row(self._service, row.id)
            raise InvalidTransition(f"Job {row.id} is final ({now.status}).", status=now.status) from None
        return await self._view(call, params, row.id, answer)

    async def _view(self, call: Call, params: Any, job_id: int, answer: Any) -> View:
        view = await job_view(self._service, job_id, call.principal.uid)
        return marked(shortened(view, params.fields), answer)

    async def terminate(self, call: Call, params: p.JobTerminate) -> View:
        """Stop a job and all below it. A job that is terminating or final is answered as it is."""
        row = await self._owned(call, params.id)
        if params.dry_run:
            return await self._forecast(row)
        if row.status in FINAL or row.status == "terminating":
            return await self._view(call, params, row.id, None)
        mark = once(call, params, lambda _: job_reference([row.id]))
        try:
            work = i.Terminate(row.id, actor(call.principal))
            answer = await self._service.scheduler.ask(work, once=mark)
        except NotFound:
            answer = None  # it ended meanwhile
        return await self._view(call, params, row.id, answer)

    async def _forecast(self, row: JobRow) -> dict[str, Any]:
        def look(core: Any) -> Any:
            return core.forecast(row.id, clock.now_us()) if row.id in core.state.jobs else None

        forecast = await self._service.scheduler.look(look)
        if forecast is None:
            return {"stopped": [], "cancelled": [], "freed": [], "started": []}
        return {
            "stopped": [str(job_id) for job_id in forecast.stopped],
            "cancelled": [str(job_id) for job_id in forecast.cancelled],
            "freed": [wire_lock_key(key) for key in forecast.freed],
            "started": [str(job_id) for job_id in forecast.started],
        }

    async def reprioritise(self, call: Call, params: p.JobReprioritise) -> View:
        """Give a job that has not started another place."""
        row = await self._owned(call, params.id)
        work = i.Reprioritise(row.id, params.priority, actor(call.principal))
        return await self._done(call, params, row, work)

    async def annotate(self, call: Call, params: p.JobAnnotate) -> View:
        """Change texts and labels, of final jobs too."""
        named = {"name", "description", "labels"} & call.raw.keys()
        changes = {name: getattr(params, name) for name in sorted(named)}
        return await self._write(call, params, changes, "job.annotated", {"fields": sorted(named)})

    async def _show(self, visible: bool, call: Call, params: p.JobAction) -> View:
        changes = {"visible": visible, "hidden_us": None if visible else clock.now_us()}
        return await self._write(call, params, changes, "job.hidden", {"visible": visible})

    async def purge(self, call: Call, params: p.JobPurge) -> View:
        """Remove all of a final job but one event: its rows, and its folder with the log."""
        row = await job_row(self._service, self._service.job_id(params.id))
        folder, run_as = await self._service.workshop.folder_and_owner(row.id)

        def write(tx: Transaction) -> None:
            purge_job(tx, row.id)
            who = actor(call.principal).as_data()
            tx.save(AppendEvent(clock.now_us(), "job.purged", row.project, row.id, row.run_id, who))

        await self._service.scheduler.ask(write, once=once(call, params, lambda _: job_reference([row.id])))
        await to_thread.run_sync(remove_folder, folder, run_as)
        return {"id": str(row.id)}

    async def _write(
        self, call: Call, params: Any, changes: dict[str, Any], kind: str, data: dict[str, Any]
    ) -> View:
        """Change columns that the core does not know."""
        row = await self._owned(call, params.id)

        def write(tx: Transaction) -> list[int]:
            now_us = clock.now_us()
            if changes:
                tx.save(UpdateJob(row.id, {**changes, "updated_us": now_us}))
            who = actor(call.principal).as_data()
            tx.save(AppendEvent(now_us, kind, row.project, row.id, row.run_id, who, data))
            return [row.id]

        answer = await self._service.scheduler.ask(write, once=once(call, params, job_reference))
        return await self._view(call, params, row.id, answer)


def _stats_view(stats: JobStats) -> dict[str, Any]:
    finished = stats.finished or None
    longest = stats.duration_max_us
    return {
        "group": stats.group,
        "count": stats.count,
        "durationSeconds": {
            "sum": stats.duration_sum_us / 1e6,
            "average": None if finished is None else stats.duration_sum_us / finished / 1e6,
            "max": None if longest is None else longest / 1e6,
        },
        "queueSeconds": {
            "sum": stats.queue_sum_us / 1e6,
            "average": None if not stats.count else stats.queue_sum_us / stats.count / 1e6,
        },
    }


_REQUEST = (
    "component",
    "componentVersion",
    "tag",
    "config",
    "configVersion",
    "configData",
    "configRowIds",
    "branchId",
    "mode",
    "pool",
    "parallelism",
    "backend",
    "behavior",
    "variableValuesId",
    "variableValuesData",
    "limits",
    "retry",
    "onLost",
    "onRecordErrors",
    "priority",
    "name",
    "description",
    "labels",
)


def _request_of(view: View) -> dict[str, Any]:
    """The request that a job came from, as far as it is the job's own."""
    fields = {name: view[name] for name in _REQUEST if view[name] is not None}
    if view["config"] is None and view["lockKey"] is not None:
        fields["lockKey"] = view["lockKey"]
    return fields


def _us(text: str | None) -> int | None:
    return None if text is None else time_us(text)


def _uid(owner: str | None) -> int | None:
    """The uid of an owner given by name or number; one that nobody has when the name is unknown."""
    if owner is None:
        return None
    if owner.isdecimal():
        return int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        return -1
