"""The calls `job.*`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from lockside.protocol.types import jobs as t
from lockside.protocol.types.logs import LogPage
from lockside.requests import Group, Mode, Request, act, ask, call


class JobFields(TypedDict, total=False):
    """What can be asked of a new job beside its component and configuration."""

    component_version: int
    tag: str
    config_version: int
    config_data: Mapping[str, Any]
    config_row_ids: Sequence[str]
    branch_id: str
    mode: str
    pool: str
    parallelism: int | str
    backend: Mapping[str, Any]
    behavior: Mapping[str, Any]
    lock: str
    lock_key: str
    variable_values_id: str
    variable_values_data: Mapping[str, Any]
    delayed_start_time: str
    delay: float | str
    depends_on: Sequence[Mapping[str, str]]
    limits: Mapping[str, Any]
    retry: Mapping[str, Any]
    on_lost: str
    on_record_errors: str
    pools: Sequence[str]
    inputs: Sequence[Mapping[str, Any]]
    archive: Mapping[str, Any]
    notifications: Sequence[Mapping[str, Any]]
    template: str
    priority: int | str
    name: str
    description: str
    labels: Mapping[str, str]
    hold: bool
    parent_run_id: str
    only_orchestration_task_ids: Sequence[str]
    previous_job_id: str
    project: str
    deduplication_id: str
    dry_run: bool


class JobFilters(TypedDict, total=False):
    """Which jobs are meant; all that are given must hold."""

    status: Sequence[str]
    component: str
    config: str
    branch_id: str
    pool: str
    parent_run_id: str
    run_id_prefix: str
    type: str
    creator: str
    owner: str
    labels: Mapping[str, str]
    name: str
    text: str
    created_from: str
    created_to: str
    finished_from: str
    finished_to: str
    visible: bool
    project: str


EXPANDED = ("configData", "environment")
"""All that lists leave out unless it is asked for: a job of a list is the whole job to a program."""


class JobCalls(Group[Mode]):
    """`job.*`"""

    @call
    def create(
        self, component: str, config: str | None = None, **fields: Unpack[JobFields]
    ) -> Request[t.Job]:
        """Make a job; inside a job, as its child. It is durable when this answers.

        Raises NotFound, Disabled, Conflict.
        """
        return act("job.create", t.Job, component=component, config=config, **fields)

    @call
    def create_many(
        self, jobs: Sequence[Mapping[str, Any]], *, dry_run: bool | None = None
    ) -> Request[t.Jobs]:
        """Make several jobs, all or none, of requests as on the wire. Raises NotFound, Disabled, Conflict."""
        return act("job.createMany", t.Jobs, jobs=[dict(job) for job in jobs], dry_run=dry_run)

    @call
    def get(self, id: str) -> Request[t.Job]:  # noqa: A002 - its name on the wire
        """Give a job as it is now. Raises NotFound."""
        return ask("job.get", t.Job, id=id)

    @call
    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        order: str | None = None,
        order_by: str | None = None,
        count: bool | None = None,
        expand: Sequence[str] = EXPANDED,
        **filters: Unpack[JobFilters],
    ) -> Request[t.JobPage]:
        """Give a page of jobs, the newest first; the next page is asked for with its `next_cursor`.

        `expand` names the large members that are wanted, too: `configData`, and the `environment` in it.
        """
        return ask(
            "job.list",
            t.JobPage,
            limit=limit,
            cursor=cursor,
            order=order,
            order_by=order_by,
            count=count,
            expand=expand,
            **filters,
        )

    @call
    def wait(self, id: str, timeout_seconds: float | None = None) -> Request[t.Job]:  # noqa: A002
        """Wait until a job is final, or the time is up: `is_finished` tells. Raises NotFound, Conflict."""
        return ask("job.wait", t.Job, id=id, timeout_seconds=timeout_seconds)

    @call
    def wait_many(
        self, ids: Sequence[str], timeout_seconds: float | None = None, *, until: str | None = None
    ) -> Request[t.WaitedJobs]:
        """Wait until all of the jobs (`until="any"`: one of them) are final. Raises NotFound, Conflict."""
        return ask("job.wait", t.WaitedJobs, ids=ids, timeout_seconds=timeout_seconds, until=until)

    @call
    def explain(self, id: str) -> Request[t.Explanation]:  # noqa: A002
        """Say why a job waits, with all reasons. Raises NotFound."""
        return ask("job.explain", t.Explanation, id=id)

    @call
    def terminate(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Stop or cancel a job and all below it; a final job is answered unchanged. Raises NotFound."""
        return act("job.terminate", t.Job, id=id)

    @call
    def preview_terminate(self, id: str) -> Request[t.TerminationPlan]:  # noqa: A002
        """Say what `terminate` would stop, cancel, free and let start. Raises NotFound."""
        return ask("job.terminate", t.TerminationPlan, id=id, dry_run=True)

    @call
    def hold(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Keep back a job that has not started. Raises NotFound, InvalidTransition."""
        return act("job.hold", t.Job, id=id)

    @call
    def release(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Let a held job go. Raises NotFound, InvalidTransition."""
        return act("job.release", t.Job, id=id)

    @call
    def pause(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Make a running job stand still. Raises NotFound, InvalidTransition."""
        return act("job.pause", t.Job, id=id)

    @call
    def resume(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Let a paused job go on. Raises NotFound, InvalidTransition."""
        return act("job.resume", t.Job, id=id)

    @call
    def reprioritise(self, id: str, priority: int | str) -> Request[t.Job]:  # noqa: A002
        """Change a job's place in line before it has started. Raises NotFound, InvalidTransition."""
        return act("job.reprioritise", t.Job, id=id, priority=priority)

    @call
    def annotate(
        self,
        id: str,  # noqa: A002
        *,
        name: str | None = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Request[t.Job]:
        """Change a job's name, description or labels; what is None stays. Raises NotFound."""
        return act("job.annotate", t.Job, id=id, name=name, description=description, labels=labels)

    @call
    def hide(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Leave a job out of lists. Raises NotFound."""
        return act("job.hide", t.Job, id=id)

    @call
    def unhide(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Show a hidden job in lists again. Raises NotFound."""
        return act("job.unhide", t.Job, id=id)

    @call
    def purge(self, id: str) -> Request[t.Purged]:  # noqa: A002
        """Remove all of a final job but one event. Raises NotFound, InvalidTransition."""
        return act("job.purge", t.Purged, id=id)

    @call
    def retry(self, id: str) -> Request[t.Job]:  # noqa: A002
        """Run a final job again, as its retry. Raises NotFound, InvalidTransition, Disabled, Conflict."""
        return act("job.retry", t.Job, id=id)

    @call
    def retry_all_failed(self, id: str) -> Request[t.Jobs]:  # noqa: A002
        """Retry whatever failed below a job. Raises NotFound, Disabled, Conflict."""
        return act("job.retryAllFailed", t.Jobs, id=id)

    @call
    def resubmit(self, id: str, changes: Mapping[str, Any] | None = None) -> Request[t.Job]:  # noqa: A002
        """Make an independent new job of the same request, with changes as on the wire.

        Raises NotFound, Disabled, Conflict.
        """
        return act("job.resubmit", t.Job, id=id, with_=changes)

    @call
    def amend(self, id: str, changes: Mapping[str, Any]) -> Request[t.Job]:  # noqa: A002
        """Replace a job that never started, in the same place of its line.

        Raises NotFound, InvalidTransition, Disabled, and Conflict for what cannot be replaced.
        """
        return act("job.amend", t.Job, id=id, with_=changes)

    @call
    def log(
        self,
        id: str,  # noqa: A002
        *,
        offset: int | None = None,
        limit: int | None = None,
        stream: str | None = None,
        row: str | None = None,
        raw: bool | None = None,
        wait_seconds: float | None = None,
    ) -> Request[LogPage]:
        """Give a page of a job's log from a frame on; see `Client.log` for all of it. Raises NotFound."""
        given = {"id": id, "offset": offset, "limit": limit, "stream": stream, "row": row, "raw": raw}
        return ask("job.log", LogPage, **given, wait_seconds=wait_seconds)

    @call
    def stats(self, group_by: Sequence[str] | None = None, **filters: Unpack[JobFilters]) -> Request[t.Stats]:
        """Count jobs and sum up how long they ran and waited, by group."""
        return ask("job.stats", t.Stats, group_by=group_by, **filters)

    @call
    def report(
        self,
        token: str | None = None,
        *,
        progress: float | None = None,
        message: str | None = None,
        counts: Mapping[str, int] | None = None,
        outputs: Sequence[Mapping[str, Any]] | None = None,
    ) -> Request[t.Reported]:
        """Say how far a running job is; inside it, its own token is known.

        Raises NotFound or InvalidTransition when it does not run, InvalidParams outside of any job.
        """
        given = {"token": token, "progress": progress, "message": message}
        return ask("job.report", t.Reported, **given, counts=counts, outputs=outputs)
