"""The methods that show and control jobs."""

import pwd
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from lockside.documents.enums import JobType, Status
from lockside.documents.times import time_us
from lockside.kinds import COMPONENT, CONFIG
from lockside.protocol.methods import jobs as p
from lockside.protocol.methods import output as o
from lockside.protocol.methods import steering as s
from lockside.protocol.types import jobs as t
from locksided import clock, threads
from locksided.api.brief_jobs import brief_view, is_brief
from locksided.api.catalog import CatalogMethods
from locksided.api.deduplication import dedup_mark, job_reference, repeats_first
from locksided.api.job_reads import Wanted, explained, job_row, job_view, listed_jobs, marked, shortened
from locksided.api.paging import View, listed
from locksided.api.pools import pool_views
from locksided.api.reasons import reason_view
from locksided.api.rights import actor, owned_job
from locksided.api.service import HandlerGroup
from locksided.catalog.table import RECORDS
from locksided.core import inputs as i
from locksided.core.errors import InvalidTransition, NotFound
from locksided.core.reasons import Explanation
from locksided.core.recovery_inputs import Unblock
from locksided.core.saves import AppendEvent, UpdateJob
from locksided.core.transitions import FINAL
from locksided.runs.data_folder import remove_folder
from locksided.runs.resolved import wire_lock_key
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog.keys import Key
from locksided.store.job_filter import JobFilter, JobPage, OrderBy
from locksided.store.job_list import GroupBy, JobStats
from locksided.store.paging import Slice
from locksided.store.retention import purge_job
from locksided.store.rows import BriefRow, JobRow
from locksided.store.transaction import Transaction

ACKNOWLEDGED = frozenset(("warning", "error", "terminated", "cancelled"))
LARGEST_UID = 2**32 - 1
STEPS: Final[Mapping[type, Callable[[int, Any], i.Input]]] = {
    s.JobHold: i.Hold,
    s.JobRelease: i.Release,
    s.JobUnblock: Unblock,
    s.JobPause: i.Pause,
    s.JobResume: i.Resume,
}


class JobMethods(HandlerGroup):
    """`job.*` except creation, the log and waiting."""

    # -- reading ------------------------------------------------------------------------------------------

    @handler
    async def get(self, call: Call, params: p.JobGet) -> View:
        job_id = self._service.job_id(params.id)
        view = await job_view(self._service, job_id, call.principal)
        named = {"expanded": await self._expanded(call, view, params.expand)} if params.expand else {}
        return {**shortened(view, params.fields), **named}

    async def _expanded(self, call: Call, view: View, wanted: Collection[str]) -> View:
        """Return the pool of a job as it is now, and its component and configuration as frozen."""
        project = view["project"]["id"]
        names = (view["component"], view["config"])
        keys = {
            "component": (Key(project, COMPONENT, names[:1]), view["componentVersion"]),
            "config": (Key(project, CONFIG, names, view["branchId"]), view["configVersion"]),
        }
        found: View = dict.fromkeys(wanted)
        for word in found.keys() & keys.keys():
            key, version = keys[word]
            if None not in key.names:
                with suppress(NotFound):
                    catalog = CatalogMethods(self._service)
                    found[word] = await catalog.shown(RECORDS[word], key, call.principal, version)
        if "pool" in found:
            found["pool"] = next(
                (one for one in await pool_views(self._service) if one["id"] == view["pool"]), None
            )
        return found

    @handler
    async def list(self, call: Call, params: p.JobList) -> dict[str, Any]:
        page = JobPage(
            limit=params.limit,
            cursor=params.cursor,
            max_bytes=self._service.line_bytes,
            order_by=OrderBy(params.order_by),
            descending=params.order == "desc",
            count=params.count,
            record=BriefRow if is_brief(params.fields) else JobRow,
        )
        async with call.connection.turn():
            found = await self._service.store.list_jobs(self._filter(params), page)
            answer = await self._listed(call, params, found.page)
        return answer if found.total is None else {**answer, "total": found.total}

    async def _listed(self, call: Call, params: p.JobList, page: Slice[Any]) -> View:
        service = self._service
        if params.fields is None or not is_brief(params.fields):
            return await listed_jobs(service, page, Wanted(call.principal, params.fields, params.expand))
        view = brief_view(params.fields, service.settings.project.name, clock.now_us())
        return listed("jobs", page, view, service.line_bytes)

    def _filter(self, params: p.JobFilters) -> JobFilter:
        return JobFilter(
            project=params.project,
            ids=tuple(self._service.job_id(text, f"$.ids[{n}]") for n, text in enumerate(params.ids)),
            statuses=tuple(status.value for status in params.status),
            component=params.component,
            config=params.config,
            branch=params.branch_id,
            pool=params.pool,
            parent_run_id=params.parent_run_id,
            run_id_prefix=params.run_id_prefix,
            type=None if params.type is None else params.type.value,
            creator_type=None if params.creator is None else params.creator.value,
            owner_uid=_uid(params.owner),
            labels=params.labels,
            name=params.name,
            text=params.text,
            created_from_us=_us(params.created_from),
            created_to_us=_us(params.created_to),
            finished_from_us=_us(params.finished_from),
            finished_to_us=_us(params.finished_to),
            started_from_us=_us(params.started_from),
            started_to_us=_us(params.started_to),
            duration_from_us=_span_us(params.duration_from),
            duration_to_us=_span_us(params.duration_to),
            mode=None if params.mode is None else params.mode.value,
            tag=params.tag,
            row=params.row,
            visible=params.visible,
            only_roots=params.only_roots,
            acknowledged=params.acknowledged,
            unresolved=params.unresolved,
        )

    @handler
    async def stats(self, _call: Call, params: o.JobStats) -> t.Stats:
        groups = [GroupBy(name) for name in params.group_by]
        found = await self._service.store.job_stats(groups, self._filter(params), params.newest)
        return t.Stats(groups=[_stats_group(stats) for stats in found])

    @handler
    async def explain(self, _call: Call, params: p.JobExplain) -> t.Explanation:
        job_id = self._service.job_id(params.id)

        def look(core: Any) -> Explanation | None:
            return explained(core, (job_id,), count=True).get(job_id)

        found = await self._service.scheduler.look(look)
        if found is None:
            status = Status((await job_row(self._service, job_id)).status)
            return t.Explanation(status=status, reasons=[])
        reasons = [reason_view(reason) for reason in found.reasons]
        return t.Explanation(status=found.status, reasons=reasons, position=found.position)

    # -- control ------------------------------------------------------------------------------------------

    @handler
    @repeats_first
    async def steer(
        self, call: Call, params: s.JobHold | s.JobRelease | s.JobUnblock | s.JobPause | s.JobResume
    ) -> View:
        row = await owned_job(self._service, call.principal, params.id)
        return await self._done(call, params, row, STEPS[type(params)](row.id, actor(call.principal)))

    async def _done(self, call: Call, params: Any, row: JobRow, work: i.Input) -> View:
        """Pass the input to the core and return the job as it is after that."""
        if row.status in FINAL:
            raise InvalidTransition(f"Job {row.id} is final ({row.status}).", status=row.status)
        mark = dedup_mark(call, params, lambda _: job_reference([row.id]))
        try:
            answer = await self._service.scheduler.ask(work, once=mark)
        except NotFound:
            now = await job_row(self._service, row.id)
            raise InvalidTransition(f"Job {row.id} is final ({now.status}).", status=now.status) from None
        return await self._view(call, params, row.id, answer)

    async def _view(self, call: Call, params: Any, job_id: int, answer: Any) -> View:
        view = await job_view(self._service, job_id, call.principal)
        return marked(shortened(view, params.fields), answer)

    @handler
    @repeats_first
    async def terminate(self, call: Call, params: s.JobTerminate) -> View | t.TerminationPlan:
        row = await owned_job(self._service, call.principal, params.id)
        if params.dry_run:
            return await self._preview_termination(row)
        if row.status in FINAL or row.status == "terminating":
            return await self._view(call, params, row.id, None)
        mark = dedup_mark(call, params, lambda _: job_reference([row.id]))
        try:
            work = i.Terminate(row.id, actor(call.principal))
            answer = await self._service.scheduler.ask(work, once=mark)
        except NotFound:
            answer = None  # it has ended meanwhile
        return await self._view(call, params, row.id, answer)

    async def _preview_termination(self, row: JobRow) -> t.TerminationPlan:
        def look(core: Any) -> Any:
            return core.preview_termination(row.id, clock.now_us()) if row.id in core.state.jobs else None

        preview = await self._service.scheduler.look(look)
        if preview is None:
            return t.TerminationPlan(stopped=[], cancelled=[], freed=[], started=[])
        return t.TerminationPlan(
            stopped=[str(job_id) for job_id in preview.stopped],
            cancelled=[str(job_id) for job_id in preview.cancelled],
            freed=[wire_lock_key(key) for key in preview.freed],
            started=[str(job_id) for job_id in preview.started],
            ended=[t.EndedContainer(job=str(job_id), status=status) for job_id, status in preview.ended],
        )

    @handler
    @repeats_first
    async def reprioritise(self, call: Call, params: s.JobReprioritise) -> View:
        row = await owned_job(self._service, call.principal, params.id)
        work = i.Reprioritise(row.id, params.priority, actor(call.principal))
        return await self._done(call, params, row, work)

    @handler
    @repeats_first
    async def annotate(self, call: Call, params: s.JobAnnotate) -> View:
        named = {"name", "description", "labels"} & call.raw.keys()
        changes = {name: getattr(params, name) for name in sorted(named)}
        return await self._write(call, params, changes, "job.annotated", {"fields": sorted(named)})

    @handler
    @repeats_first
    async def show(self, call: Call, params: s.JobHide | s.JobUnhide) -> View:
        """Leave a job out of lists or show it again."""
        visible = isinstance(params, s.JobUnhide)
        changes = {"visible": visible, "hidden_us": None if visible else clock.now_us()}
        return await self._write(call, params, changes, "job.hidden", {"visible": visible})

    @handler
    @repeats_first
    async def acknowledge(self, call: Call, params: s.JobAcknowledge) -> View:
        row = await owned_job(self._service, call.principal, params.id)
        if row.status not in ACKNOWLEDGED:
            raise InvalidTransition(
                f"Job {row.id} is {row.status}: only a job that failed can be acknowledged.",
                status=row.status,
            )
        seen = {"user": call.principal.user, "time": clock.to_text(clock.now_us()), "comment": params.comment}
        data = {"acknowledged": True, "comment": params.comment}
        return await self._write(call, params, {"acknowledged": seen}, "job.acknowledged", data)

    @handler
    @repeats_first
    async def unacknowledge(self, call: Call, params: s.JobUnacknowledge) -> View:
        data = {"acknowledged": False, "comment": None}
        return await self._write(call, params, {"acknowledged": None}, "job.acknowledged", data)

    @handler
    @repeats_first
    async def purge(self, call: Call, params: s.JobPurge) -> t.Purged:
        row = await job_row(self._service, self._service.job_id(params.id))
        folders = [
            await self._service.runs.loader.folder_and_owner(job_id) async for job_id in self._works_of(row)
        ]

        def write(tx: Transaction) -> None:
            purge_job(tx, row.id)
            who = actor(call.principal).as_data()
            tx.save(AppendEvent(clock.now_us(), "job.purged", row.project, row.id, row.run_id, who))

        await self._service.scheduler.ask(
            write, once=dedup_mark(call, params, lambda _: job_reference([row.id]))
        )
        for folder, run_as in folders:
            uid = None if run_as is None else run_as.uid
            await threads.run_for(uid, remove_folder, folder, run_as)
        await self._service.store.forget_removed()
        return t.Purged(id=str(row.id))

    async def _works_of(self, row: JobRow) -> AsyncIterator[int]:
        """Yield the jobs with a folder of their own: the job itself, or the jobs in its containers."""
        if row.type == JobType.STANDARD:
            yield row.id
        for part in await self._service.store.parts(row.id):
            async for job_id in self._works_of(part):
                yield job_id

    async def _write(
        self, call: Call, params: Any, changes: dict[str, Any], kind: str, data: dict[str, Any]
    ) -> View:
        """Change columns that the core does not use."""
        row = await owned_job(self._service, call.principal, params.id)

        def write(tx: Transaction) -> list[int]:
            now_us = clock.now_us()
            if changes:
                tx.save(UpdateJob(row.id, {**changes, "updated_us": now_us}))
            who = actor(call.principal).as_data()
            tx.save(AppendEvent(now_us, kind, row.project, row.id, row.run_id, who, data))
            return [row.id]

        answer = await self._service.scheduler.ask(write, once=dedup_mark(call, params, job_reference))
        return await self._view(call, params, row.id, answer)


def _stats_group(stats: JobStats) -> t.StatsGroup:
    finished = stats.finished or None
    longest = stats.duration_max_us
    return t.StatsGroup(
        group=stats.group,
        count=stats.count,
        duration_seconds={
            "sum": stats.duration_sum_us / 1e6,
            "average": None if finished is None else stats.duration_sum_us / finished / 1e6,
            "max": None if longest is None else longest / 1e6,
        },
        queue_seconds={
            "sum": stats.queue_sum_us / 1e6,
            "average": None if not stats.count else stats.queue_sum_us / stats.count / 1e6,
        },
    )


def _us(text: str | None) -> int | None:
    return None if text is None else time_us(text)


def _span_us(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * clock.SECOND_US)


def _uid(owner: str | None) -> int | None:
    """Return the uid of an owner given by name or number; an unused uid for an unknown name."""
    if owner is None:
        return None
    if owner.isascii() and owner.isdecimal():
        return min(int(owner), LARGEST_UID)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        return -1
