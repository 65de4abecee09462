"""The methods that create jobs: from a request, or from an earlier job."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from anyio import Lock

from lockside.documents.enums import JobType, RetryScope
from lockside.documents.request import JobRequest, named_changes
from lockside.protocol.methods import jobs as p
from lockside.protocol.methods import steering as s
from locksided import clock
from locksided.actors.messages import Repeated, Write
from locksided.api.deduplication import dedup_mark, job_reference, repeats_first
from locksided.api.dry_run import plan_of, would_be
from locksided.api.job_drafts import Creation, Origin, draft
from locksided.api.job_reads import (
    Glance,
    Wanted,
    answered_ids,
    job_row,
    job_views_of,
    marked,
    of_many,
    shortened,
    views_for,
)
from locksided.api.paging import View
from locksided.api.previous_run import pinned_versions
from locksided.api.records import NothingOpen, jobs_with_records
from locksided.api.reruns import (
    Again,
    check_amendable,
    check_may_change,
    check_successor,
    failed_of,
    in_the_name_of,
    keeps_start_time,
    request_of,
    retry_of,
)
from locksided.api.rights import actor, owned_job
from locksided.api.service import HandlerGroup, Service
from locksided.api.templates import in_full
from locksided.core import inputs as i
from locksided.core.errors import InvalidTransition, NotFound, Refused
from locksided.core.model import Condition, Dependency, Draft
from locksided.core.preview import preview_submission
from locksided.core.saves import UpdateJob
from locksided.core.transitions import FINAL
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.server.messages import OrShorter
from locksided.store.catalog.dedup import move_dedup
from locksided.store.failed_records import give_records
from locksided.store.record_rows import RecordRow
from locksided.store.rows import JobRow
from locksided.store.transaction import Transaction


class CreationMethods(HandlerGroup):
    """`job.create`, `job.createMany`, `job.retry`, `job.retryAllFailed`, `job.resubmit`, `job.amend`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._choosing = Lock()
        """Held from the selection of failed records until a retry owns them."""

    @handler
    @repeats_first
    async def create(self, call: Call, params: p.JobCreate) -> View:
        asked = await in_full(self._service.store, params.project, params, call.raw)
        params, origin = asked.request, Origin(writers=asked.writers)
        made = await draft(self._service, params, call.principal, params.project, origin)
        if params.dry_run:
            return _warned(shortened(await self._would_be(call, made, params), params.fields), made)
        (view,), answer = await self.submit(call, params, [made])
        return _warned(marked(view, answer), made)

    @handler
    @repeats_first
    async def create_many(self, call: Call, params: p.JobCreateMany) -> View | OrShorter:
        creation = Creation(self._service, call.principal, params.project)
        drafts = []
        for index, request in enumerate(params.jobs):
            path = f"$.jobs[{index}]"
            try:
                asked = await in_full(self._service.store, params.project, request, call.raw["jobs"][index])
                drafts.append(await creation.draft(asked.request, Origin(writers=asked.writers), path))
            except Refused as refusal:
                refusal.path = f"{path}{(refusal.path or '$')[1:]}"
                raise
        if params.dry_run:
            shown = [await self._would_be(call, *one) for one in zip(drafts, params.jobs, strict=True)]
            views = [shortened(view, params.fields) for view in shown]
            return {"jobs": list(map(_warned, views, drafts))}
        views, answer = await self.submit(call, params, drafts)
        return of_many(
            [_warned(marked(view, answer), made) for view, made in zip(views, drafts, strict=False)]
        )

    async def _would_be(self, call: Call, made: Draft, request: JobRequest) -> View:
        """Return the job that a dry run would have created, and what would block it."""
        now_us = clock.now_us()
        views = views_for(self._service, call.principal, now_us)
        told = await self._service.scheduler.look(lambda core: preview_submission(core.state, made, now_us))
        return would_be(made, request.parent_run_id, views, now_us, told)

    async def submit(
        self, call: Call, params: Any, drafts: Sequence[Draft], given: Sequence[Sequence[RecordRow]] = ()
    ) -> tuple[list[View], Any]:
        """Submit drafts; returns the views of their jobs, read in the transaction that writes them.

        `given` are the failed records for each of them.
        """
        wanted = Wanted(call.principal, params.fields)
        glance = Glance(wanted)
        answer = await self._service.scheduler.ask(
            i.Submit(tuple(drafts), actor(call.principal)),
            once=dedup_mark(call, params, job_reference),
            also=partial(_given_and_read, given, glance),
            done=glance.explain_jobs,
        )
        if isinstance(answer, Repeated):
            return await job_views_of(self._service, answered_ids(answer), wanted), answer
        return await glance.views(self._service, answer), answer

    # -- repeating ----------------------------------------------------------------------------------------

    @handler
    @repeats_first
    async def retry(self, call: Call, params: s.JobRetry) -> View:
        row = await owned_job(self._service, call.principal, params.id)
        if row.status not in FINAL:
            raise InvalidTransition(
                f"Job {row.id} is {row.status}: only a final job can be retried.", status=row.status
            )
        async with self._choosing:
            again = await retry_of(self._service, row, params)
            if params.dry_run:
                return await self._would_be_retried(call, params, row, again)
            made = _once_only(await self._retry_of(call, params.project, row, again), params)
            (view,), answer = await self.submit(call, params, [made], [again.given])
        return _warned(marked(view, answer), made)

    async def _would_be_retried(self, call: Call, params: s.JobRetry, row: JobRow, again: Again) -> View:
        made = await self._retry_of(call, params.project, row, again)
        view = shortened(await self._would_be(call, made, again.request), params.fields)
        if made.type is JobType.ORCHESTRATION:
            view["plan"] = await plan_of(self._service, again.request, params.project)
        return _warned(view, made)

    @handler
    @repeats_first
    async def retry_all_failed(self, call: Call, params: s.JobRetryAllFailed) -> View | OrShorter:
        row = await owned_job(self._service, call.principal, params.id)
        async with self._choosing:
            if params.scope is RetryScope.FAILED_RECORDS:
                failed = await jobs_with_records(self._service, row)
            else:
                failed = await failed_of(self._service, row)
            asked = s.JobRetry(id=params.id, scope=params.scope)
            drafts, given = [], []
            for one in failed:
                with suppress(NothingOpen):
                    again = await retry_of(self._service, one, asked)
                    drafts.append(await self._retry_of(call, params.project, one, again))
                    given.append(again.given)
            if not drafts:
                return {"jobs": []}
            views, answer = await self.submit(call, params, drafts, given)
        return of_many([marked(view, answer) for view in views])

    async def _retry_of(self, call: Call, project: str, row: JobRow, again: Again) -> Draft:
        origin = Origin(
            "retry",
            str(row.id),
            retry_of_id=row.retry_of_id or row.id,
            schedule=row.schedule,
            trigger=row.trigger,
            retry_scope=again.scope,
            records=again.records,
            pinned=again.pinned,
            left=again.left,
        )
        return await draft(self._service, again.request, in_the_name_of(call.principal, row), project, origin)

    @handler
    @repeats_first
    async def resubmit(self, call: Call, params: s.JobResubmit) -> View:
        row = await owned_job(self._service, call.principal, params.id)
        changes = named_changes(params.changes)
        check_may_change(call.principal, row, changes)
        request = await request_of(self._service, row, changes)
        pinned = None
        if params.pinned:
            remedy = "Resubmit it without `pinned`."
            pinned = await pinned_versions(self._service, row, "$.pinned", remedy)
        origin = Origin(resubmit_of_id=row.id, pinned=pinned)
        owner = in_the_name_of(call.principal, row)
        made = await draft(self._service, request, owner, params.project, origin)
        made = _once_only(made, params)
        (view,), answer = await self.submit(call, params, [made])
        return _warned(marked(view, answer), made)

    @handler
    @repeats_first
    async def amend(self, call: Call, params: s.JobAmend) -> View:
        row = await owned_job(self._service, call.principal, params.id)
        changes = named_changes(params.changes)
        check_may_change(call.principal, row, changes)
        await check_amendable(self._service, row, changes)
        request = await request_of(self._service, row, changes)
        origin = Origin(
            row.creator_type or "user",
            row.creator_id,
            resubmit_of_id=row.resubmit_of_id,
            retry_of_id=row.retry_of_id,
            schedule=row.schedule,
            trigger=row.trigger,
        )
        owner = in_the_name_of(call.principal, row)
        made = await draft(self._service, request, owner, params.project, origin)
        check_successor(made, row)
        values = {**made.values, "dedup_id": row.dedup_id}
        work = i.Amend(
            row.id,
            replace(made, values=values, depends_on=await self._dependencies(row)),
            actor(call.principal),
            keep_hold="hold" not in changes,
            keep_start_time=keeps_start_time(changes),
        )
        try:
            answer = await self._service.scheduler.ask(
                work, once=dedup_mark(call, params, _one_job), also=partial(_moved_dedup, row)
            )
        except NotFound as gone:
            now = await job_row(self._service, row.id)
            if now.status in FINAL:
                raise InvalidTransition(f"Job {row.id} is final ({now.status}).", status=now.status) from None
            raise gone from None
        ids = [answer] if isinstance(answer, int) else answered_ids(answer)
        (view,) = await job_views_of(self._service, ids, Wanted(call.principal, params.fields))
        return _warned(marked(view, answer), made)

    async def _dependencies(self, row: JobRow) -> tuple[Dependency, ...]:
        found = await self._service.store.dependencies_of([row.id])
        return tuple(Dependency(one.on_id, Condition(one.condition)) for one in found)


def _warned(view: View, made: Draft) -> View:
    """Return the view with the warnings about the request."""
    return {**view, "warnings": list(made.warnings)} if made.warnings else view


def _given_and_read(given: Sequence[Sequence[RecordRow]], glance: Glance, ids: Sequence[int]) -> Write | None:
    """Return a write that assigns records to new jobs, and reads the jobs."""
    read = glance.read_jobs(ids)
    if not any(given):
        return read

    def write(tx: Transaction) -> None:
        for job_id, runs in zip(ids, given, strict=True):
            give_records(tx, job_id, runs)
        if read is not None:
            read(tx)

    return write


def _once_only(made: Draft, params: Any) -> Draft:
    """Return the draft with the deduplication id of the call that creates it."""
    return replace(made, values={**made.values, "dedup_id": params.deduplication_id})


def _moved_dedup(row: JobRow, successor_id: int) -> Write | None:
    """Return a write that makes the successor the answer to repeats of the job's own request."""
    if row.dedup_id is None:
        return None

    def write(tx: Transaction) -> None:
        move_dedup(tx, row.id, successor_id, job_reference([successor_id]))
        tx.save(UpdateJob(row.id, {"dedup_id": None}))

    return write


def _one_job(answer: Any) -> dict[str, Any]:
    return job_reference([answer] if isinstance(answer, int) else answer)
