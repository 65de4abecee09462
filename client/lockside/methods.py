"""Every method of the daemon, once for both clients, under its name on the wire: `client.job.create`.

Parameters are those of the wire in Python's spelling; what is None is left to the daemon. Besides the errors
named, every method raises NotReachable, Unavailable, InvalidParams, Forbidden and LimitExceeded; those that
change something may be sent twice and are done once, and raise Conflict for an id that another call had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from lockside.errors import InvalidParams
from lockside.protocol import types as t
from lockside.protocol.catalog import CatalogPlan
from lockside.requests import Group, Mode, Request, act, ask, call, create
from lockside.transport import inside_a_job, own_token


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
    text: str
    created_from: str
    created_to: str
    finished_from: str
    finished_to: str
    visible: bool
    project: str


class JobCalls(Group[Mode]):
    """`job.*`"""

    @call
    def create(
        self, component: str, config: str | None = None, **fields: Unpack[JobFields]
    ) -> Request[t.Job]:
        """Make a job; it is durable when this answers. Raises NotFound, Disabled, Conflict."""
        return create("job.create", t.Job, component=component, config=config, **fields)

    @call
    def create_many(
        self, jobs: Sequence[Mapping[str, Any]], *, dry_run: bool | None = None
    ) -> Request[t.Jobs]:
        """Make several jobs, all or none, of requests as on the wire. Raises NotFound, Disabled, Conflict."""
        parent = inside_a_job()
        requests = [({"parentRunId": parent} if parent else {}) | dict(job) for job in jobs]
        return act("job.createMany", t.Jobs, jobs=requests, dry_run=dry_run)

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
        **filters: Unpack[JobFilters],
    ) -> Request[t.JobPage]:
        """Give a page of jobs, the newest first; the next page is asked for with its `next_cursor`."""
        return ask(
            "job.list",
            t.JobPage,
            limit=limit,
            cursor=cursor,
            order=order,
            order_by=order_by,
            count=count,
            **filters,
        )

    @call
    def wait(self, id: str, timeout_seconds: float | None = None) -> Request[t.Job]:  # noqa: A002
        """Wait until a job is final, or the time is up: `is_finished` tells. Raises NotFound, Conflict."""
        return ask("job.wait", t.Job, id=id, timeout_seconds=timeout_seconds, waiter_run_id=inside_a_job())

    @call
    def wait_many(
        self, ids: Sequence[str], timeout_seconds: float | None = None, *, until: str | None = None
    ) -> Request[t.Jobs]:
        """Wait until all of the jobs (`until="any"`: one of them) are final. Raises NotFound, Conflict."""
        given = {"ids": ids, "timeout_seconds": timeout_seconds, "until": until}
        return ask("job.wait", t.Jobs, **given, waiter_run_id=inside_a_job())

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
    ) -> Request[t.LogPage]:
        """Give a page of a job's log from a frame on; see `Client.log` for all of it. Raises NotFound."""
        given = {"id": id, "offset": offset, "limit": limit, "stream": stream, "row": row, "raw": raw}
        return ask("job.log", t.LogPage, **given, wait_seconds=wait_seconds)

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
        token = token or own_token()
        if token is None:
            raise InvalidParams("Only a running job has a token: name it, or call this inside the job.")
        given = {"token": token, "progress": progress, "message": message}
        return ask("job.report", t.Reported, **given, counts=counts, outputs=outputs)


class ComponentCalls(Group[Mode]):
    """`component.*`"""

    @call
    def put(self, component: Mapping[str, Any] | t.Manifest) -> Request[t.Component]:
        """Store a component as its next version; an equal one keeps its version. Raises Conflict."""
        return act("component.put", t.Component, component=component)

    @call
    def get(self, id: str, version: int | None = None) -> Request[t.Component]:  # noqa: A002
        """Give a component, of any version. Raises NotFound."""
        return ask("component.get", t.Component, id=id, version=version)

    @call
    def list(self, type: str | None = None) -> Request[t.Components]:  # noqa: A002
        """Give all components, or those of a type."""
        return ask("component.list", t.Components, type=type)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Hide a component and refuse new jobs of it. Raises NotFound, Conflict."""
        return act("component.delete", t.Deleted, id=id)


class ConfigCalls(Group[Mode]):
    """`config.*`"""

    @call
    def put(
        self,
        component: str,
        config: str,
        configuration: Mapping[str, Any] | None = None,
        *,
        rows: Sequence[Mapping[str, Any]] | None = None,
        name: str | None = None,
        description: str | None = None,
        is_disabled: bool | None = None,
        branch_id: str | None = None,
        change_description: str | None = None,
        expected_version: int | None = None,
    ) -> Request[t.Config]:
        """Store a configuration as its next version. Raises NotFound, Conflict (of `expected_version`)."""
        return act(
            "config.put",
            t.Config,
            component=component,
            config=config,
            configuration=configuration,
            rows=rows,
            name=name,
            description=description,
            is_disabled=is_disabled,
            branch_id=branch_id,
            change_description=change_description,
            expected_version=expected_version,
        )

    @call
    def get(
        self, component: str, config: str, version: int | None = None, *, branch_id: str | None = None
    ) -> Request[t.Config]:
        """Give a configuration, of any version. Raises NotFound."""
        given = {"component": component, "config": config, "version": version}
        return ask("config.get", t.Config, **given, branch_id=branch_id)

    @call
    def list(self, component: str | None = None, *, branch_id: str | None = None) -> Request[t.Configs]:
        """Give the configurations of a branch, or of one component."""
        return ask("config.list", t.Configs, component=component, branch_id=branch_id)

    @call
    def delete(self, component: str, config: str, *, branch_id: str | None = None) -> Request[t.Deleted]:
        """Hide a configuration; its versions stay readable. Raises NotFound."""
        return act("config.delete", t.Deleted, component=component, config=config, branch_id=branch_id)

    @call
    def versions(
        self, component: str, config: str, *, branch_id: str | None = None
    ) -> Request[t.ConfigVersions]:
        """List what changed, and who did it, the newest first. Raises NotFound."""
        return ask(
            "config.versions", t.ConfigVersions, component=component, config=config, branch_id=branch_id
        )

    @call
    def rollback(
        self, component: str, config: str, version: int, *, branch_id: str | None = None
    ) -> Request[t.Config]:
        """Make an old version the newest. Raises NotFound."""
        given = {"component": component, "config": config, "version": version}
        return act("config.rollback", t.Config, **given, branch_id=branch_id)

    @call
    def copy(
        self,
        component: str,
        config: str,
        to_config: str,
        *,
        version: int | None = None,
        branch_id: str | None = None,
        to_branch_id: str | None = None,
    ) -> Request[t.Config]:
        """Copy a configuration, of any version. Raises NotFound, Conflict."""
        given = {"component": component, "config": config, "to_config": to_config, "version": version}
        return act("config.copy", t.Config, **given, branch_id=branch_id, to_branch_id=to_branch_id)


class CatalogCalls(Group[Mode]):
    """`catalog.*`"""

    @call
    def apply(
        self,
        *,
        pools: Sequence[Mapping[str, Any]] | None = None,
        components: Sequence[Mapping[str, Any] | t.Manifest] | None = None,
        variables: Sequence[Mapping[str, Any]] | None = None,
        configs: Sequence[Mapping[str, Any]] | None = None,
        branch_id: str | None = None,
        prune: bool | None = None,
        dry_run: bool | None = None,
        plan: str | None = None,
        change_description: str | None = None,
    ) -> Request[CatalogPlan]:
        """Make what is stored like what is given, all of it or nothing; a kind that is None is left alone.

        Raises NotFound (of what is referred to), Conflict (what is stored is not what `plan` was made of).
        """
        return act(
            "catalog.apply",
            CatalogPlan,
            pools=pools,
            components=components,
            variables=variables,
            configs=configs,
            branch_id=branch_id,
            prune=prune,
            dry_run=dry_run,
            plan=plan,
            change_description=change_description,
        )


class BranchCalls(Group[Mode]):
    """`branch.*`"""

    @call
    def create(self, id: str, name: str | None = None) -> Request[t.Branch]:  # noqa: A002
        """Begin a line of development. Raises Conflict."""
        return act("branch.create", t.Branch, branch={"id": id} | ({"name": name} if name else {}))

    @call
    def list(self) -> Request[t.Branches]:
        """Give all branches."""
        return ask("branch.list", t.Branches)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Hide a branch and what is in it. Raises NotFound, Conflict."""
        return act("branch.delete", t.Deleted, id=id)


class VariablesCalls(Group[Mode]):
    """`variables.*`"""

    @call
    def put(self, id: str, values: Mapping[str, str | float | bool]) -> Request[t.Variables]:  # noqa: A002
        """Store a set of values by their names."""
        listed = [{"name": name, "value": value} for name, value in values.items()]
        return act("variables.put", t.Variables, variables={"id": id, "values": listed})

    @call
    def get(self, id: str) -> Request[t.Variables]:  # noqa: A002
        """Give a set of values. Raises NotFound."""
        return ask("variables.get", t.Variables, id=id)

    @call
    def list(self) -> Request[t.VariablesList]:
        """Give all sets of values."""
        return ask("variables.list", t.VariablesList)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Hide a set of values. Raises NotFound."""
        return act("variables.delete", t.Deleted, id=id)


class StateCalls(Group[Mode]):
    """`state.*`"""

    @call
    def get(
        self, component: str, config: str, row: str | None = None, *, branch_id: str | None = None
    ) -> Request[t.State]:
        """Give what the last successful run left for the next. Raises NotFound."""
        return ask("state.get", t.State, component=component, config=config, row=row, branch_id=branch_id)

    @call
    def reset(
        self, component: str, config: str, row: str | None = None, *, branch_id: str | None = None
    ) -> Request[t.State]:
        """Forget what the last run left. Raises NotFound."""
        return act("state.reset", t.State, component=component, config=config, row=row, branch_id=branch_id)


class PoolCalls(Group[Mode]):
    """`pool.*`"""

    @call
    def put(self, id: str, slots: int | str, *, description: str | None = None) -> Request[t.Pool]:  # noqa: A002
        """Store a pool; lowering its slots stops nobody."""
        pool = {"id": id, "slots": slots} | ({"description": description} if description else {})
        return act("pool.put", t.Pool, pool=pool)

    @call
    def get(self, id: str) -> Request[t.Pool]:  # noqa: A002
        """Give a pool and how full it is. Raises NotFound."""
        return ask("pool.get", t.Pool, id=id)

    @call
    def list(self) -> Request[t.Pools]:
        """Give all pools."""
        return ask("pool.list", t.Pools)

    @call
    def pause(self, id: str, comment: str | None = None) -> Request[t.Pool]:  # noqa: A002
        """Start nothing more in a pool. Raises NotFound."""
        return act("pool.pause", t.Pool, id=id, comment=comment)

    @call
    def resume(self, id: str) -> Request[t.Pool]:  # noqa: A002
        """Start jobs in a pool again. Raises NotFound."""
        return act("pool.resume", t.Pool, id=id)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Remove a pool. Raises NotFound, Conflict while live jobs name it."""
        return act("pool.delete", t.Deleted, id=id)


class OrchestrationCalls(Group[Mode]):
    """`orchestration.*`"""

    @call
    def plan(
        self,
        config: str | None = None,
        *,
        config_data: Mapping[str, Any] | None = None,
        only_orchestration_task_ids: Sequence[str] | None = None,
        previous_job_id: str | None = None,
        branch_id: str | None = None,
    ) -> Request[t.Plan]:
        """Say what an orchestration would run, carry over and skip. Raises NotFound."""
        return ask(
            "orchestration.plan",
            t.Plan,
            config=config,
            config_data=config_data,
            only_orchestration_task_ids=only_orchestration_task_ids,
            previous_job_id=previous_job_id,
            branch_id=branch_id,
        )


class ActionCalls(Group[Mode]):
    """`action.*`"""

    @call
    def run(
        self,
        component: str,
        action: str,
        config_data: Mapping[str, Any] | None = None,
        *,
        tag: str | None = None,
    ) -> Request[Any]:
        """Run a component's synchronous action and give its JSON; never sent twice.

        Raises NotFound, TimedOut.
        """
        described = ask(
            "action.run", Any, component=component, action=action, config_data=config_data, tag=tag
        )
        described.is_repeatable = False
        return described


class EventCalls(Group[Mode]):
    """`event.list`; `Client.events` follows them as they happen."""

    @call
    def list(
        self,
        *,
        after: int | None = None,
        kinds: Sequence[str] | None = None,
        job: str | None = None,
        run_id_prefix: str | None = None,
        limit: int | None = None,
    ) -> Request[t.EventPage]:
        """Give what happened after a `seq`, in order. Raises NotFound for the `job`."""
        given = {"after": after, "kinds": kinds, "job": job, "run_id_prefix": run_id_prefix}
        return ask("event.list", t.EventPage, **given, limit=limit)


class DaemonCalls(Group[Mode]):
    """`daemon.*` and `rpc.discover`"""

    @call
    def status(self) -> Request[t.DaemonStatus]:
        """Say how the daemon is."""
        return ask("daemon.status", t.DaemonStatus)

    @call
    def drain(self) -> Request[t.DaemonStatus]:
        """Start no more jobs."""
        return act("daemon.drain", t.DaemonStatus)

    @call
    def undrain(self) -> Request[t.DaemonStatus]:
        """Start jobs again."""
        return act("daemon.undrain", t.DaemonStatus)

    @call
    def reload(self) -> Request[t.Reloaded]:
        """Read the settings again."""
        return act("daemon.reload", t.Reloaded)

    @call
    def check(self, *, fix: bool = False) -> Request[t.CheckReport]:
        """Compare what is stored with what runs, and propose repairs, or do them."""
        return ask("daemon.check", t.CheckReport, **({"fix": True} if fix else {}))

    @call
    def backup(self, path: str | None = None) -> Request[t.Backup]:
        """Write a backup of the database, to an absolute path if one is given. Raises Conflict."""
        return act("daemon.backup", t.Backup, path=path)

    @call
    def metrics(self) -> Request[str]:
        """Give the metrics in the Prometheus text format."""
        return ask("daemon.metrics", str)

    @call
    def discover(self) -> Request[dict[str, Any]]:
        """Give the OpenRPC document."""
        return ask("rpc.discover", dict[str, Any])
