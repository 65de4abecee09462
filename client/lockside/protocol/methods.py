"""The table of all methods: parameters, result, who may call them, and whether they change anything.

The one list from which the server checks calls, the client offers them and the OpenRPC document is written.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from lockside.protocol import params as p
from lockside.protocol import types as t
from lockside.protocol.catalog import CatalogPlan
from lockside.protocol.words import Role


class Method(Struct, frozen=True, kw_only=True):
    """One method. `mutates` ones leave an event and take a `deduplicationId`; `example` is its parameters.

    `alternative` is the result's type in the method's other use: with `ids`, with `dryRun`.
    """

    name: str
    params: type[Struct]
    result: Any
    role: Role
    mutates: bool
    summary: str
    example: dict[str, Any]
    alternative: Any = None


def _look(name: str, params: type[Struct], result: Any, summary: str, /, **example: Any) -> Method:
    return Method(
        name=name,
        params=params,
        result=result,
        role=Role.VIEWER,
        mutates=False,
        summary=summary,
        example=example,
    )


def _act(name: str, params: type[Struct], result: Any, summary: str, /, **example: Any) -> Method:
    return Method(
        name=name,
        params=params,
        result=result,
        role=Role.OPERATOR,
        mutates=True,
        summary=summary,
        example=example,
    )


def _rule(name: str, params: type[Struct], result: Any, summary: str, /, **example: Any) -> Method:
    return Method(
        name=name,
        params=params,
        result=result,
        role=Role.ADMIN,
        mutates=True,
        summary=summary,
        example=example,
    )


_ORDERS: Final = {"component": "acme.orders", "config": "daily"}

_JOBS: Final = (
    _act("job.create", p.JobCreate, t.Job, "Make a job; it is durable when this answers.", **_ORDERS),
    _act("job.createMany", p.JobCreateMany, t.Jobs, "Make several jobs, all or none.", jobs=[_ORDERS]),
    _look("job.get", p.JobGet, t.Job, "A job as it is now.", id="17"),
    _look("job.list", p.JobList, t.JobPage, "Jobs by filters, a page at a time.", status=["processing"]),
    Method(
        name="job.wait",
        params=p.JobWait,
        result=t.Job,
        alternative=t.Jobs,
        role=Role.VIEWER,
        mutates=False,
        summary="Wait until a job, all of several or any of them is final.",
        example={"id": "17", "timeoutSeconds": 60},
    ),
    _look("job.explain", p.JobExplain, t.Explanation, "Why a job waits, and its place.", id="17"),
    Method(
        name="job.terminate",
        params=p.JobTerminate,
        result=t.Job,
        alternative=t.TerminationPlan,
        role=Role.OPERATOR,
        mutates=True,
        summary="Stop or cancel a job and all below it.",
        example={"id": "17"},
    ),
    _act("job.hold", p.JobAction, t.Job, "Keep back a job that has not started.", id="17"),
    _act("job.release", p.JobAction, t.Job, "Let go a job that is held.", id="17"),
    _act("job.pause", p.JobAction, t.Job, "Stop the processes of a running job for a while.", id="17"),
    _act("job.resume", p.JobAction, t.Job, "Continue a paused job.", id="17"),
    _act(
        "job.reprioritise",
        p.JobReprioritise,
        t.Job,
        "Change a job's place in line before it has started.",
        id="17",
        priority="high",
    ),
    _act("job.annotate", p.JobAnnotate, t.Job, "Change name, description, labels.", id="17", name="nightly"),
    _act("job.hide", p.JobAction, t.Job, "Leave a job out of lists.", id="17"),
    _act("job.unhide", p.JobAction, t.Job, "Show a hidden job in lists again.", id="17"),
    _rule("job.purge", p.JobPurge, t.Purged, "Remove all of a final job but one event.", id="17"),
    _act("job.retry", p.JobAction, t.Job, "Run a final job again, as its retry.", id="17"),
    _act("job.retryAllFailed", p.JobRetryAllFailed, t.Jobs, "Retry whatever failed below a job.", id="17"),
    _act(
        "job.resubmit",
        p.JobResubmit,
        t.Job,
        "An independent new job from the same request.",
        id="17",
        **{"with": {"mode": "debug"}},
    ),
    _act(
        "job.amend",
        p.JobAmend,
        t.Job,
        "Replace a job that never started, in the same place of its line.",
        id="17",
        **{"with": {"priority": "low"}},
    ),
    _look("job.log", p.JobLog, t.LogPage, "Frames of a job's output.", id="17", waitSeconds=30),
    _look("job.stats", p.JobStats, t.Stats, "Counts and durations of jobs.", groupBy=["status"]),
    _look(
        "job.report",
        p.JobReport,
        t.Reported,
        "What a running job says of its progress, by its own token.",
        token="17-1-0",  # noqa: S106 - an example, not a password
        progress=0.4,
    ),
)

_MANIFEST: Final = {"id": "acme.orders", "command": ["orders", "--data={datadir}"]}

_STORED: Final = (
    _rule("component.put", p.ComponentPut, t.Component, "Store a component.", component=_MANIFEST),
    _look("component.get", p.ComponentGet, t.Component, "A component, of any version.", id="acme.orders"),
    _look("component.list", p.ComponentList, t.Components, "All components.", type="extractor"),
    _rule("component.delete", p.ComponentDelete, t.Deleted, "Hide a component.", id="acme.orders"),
    _act(
        "config.put",
        p.ConfigPut,
        t.Config,
        "Store a configuration as its next version.",
        **_ORDERS,
        configuration={"parameters": {"since": "yesterday"}},
    ),
    _look("config.get", p.ConfigGet, t.Config, "A configuration, of any version.", **_ORDERS),
    _look("config.list", p.ConfigList, t.Configs, "The configurations of a branch.", component="acme.orders"),
    _act("config.delete", p.ConfigDelete, t.Deleted, "Hide a configuration.", **_ORDERS),
    _look(
        "config.versions", p.ConfigVersionsOf, t.ConfigVersions, "What changed, and who did it.", **_ORDERS
    ),
    _act("config.rollback", p.ConfigRollback, t.Config, "Make an old version new.", **_ORDERS, version=3),
    _act("config.copy", p.ConfigCopy, t.Config, "Copy a configuration.", **_ORDERS, toConfig="hourly"),
    _act("branch.create", p.BranchCreate, t.Branch, "Begin a line of development.", branch={"id": "new-api"}),
    _look("branch.list", p.BranchList, t.Branches, "All branches."),
    _act("branch.delete", p.BranchDelete, t.Deleted, "Hide a branch and what is in it.", id="new-api"),
    _act(
        "variables.put",
        p.VariablesPut,
        t.Variables,
        "Store a set of values.",
        variables={"id": "eu", "values": [{"name": "region", "value": "eu"}]},
    ),
    _look("variables.get", p.VariablesGet, t.Variables, "A set of values.", id="eu"),
    _look("variables.list", p.VariablesListAll, t.VariablesList, "All sets of values."),
    _act("variables.delete", p.VariablesDelete, t.Deleted, "Hide a set of values.", id="eu"),
    _act(
        "catalog.apply",
        p.CatalogApply,
        CatalogPlan,
        "Make what is stored like what is given, in one transaction.",
        components=[_MANIFEST],
        configs=[_ORDERS],
        dryRun=True,
    ),
    _look("state.get", p.StateGet, t.State, "What the last run left for the next.", **_ORDERS),
    _act("state.reset", p.StateReset, t.State, "Forget it.", **_ORDERS),
)

_POOLS: Final = (
    _rule("pool.put", p.PoolPut, t.Pool, "Store a pool.", pool={"id": "heavy", "slots": 2}),
    _look("pool.get", p.PoolGet, t.Pool, "A pool and how full it is.", id="heavy"),
    _look("pool.list", p.PoolList, t.Pools, "All pools."),
    _rule("pool.pause", p.PoolPause, t.Pool, "Start nothing more in it.", id="heavy", comment="disk swap"),
    _rule("pool.resume", p.PoolAction, t.Pool, "Start jobs in it again.", id="heavy"),
    _rule("pool.delete", p.PoolAction, t.Deleted, "Remove a pool that no live job names.", id="heavy"),
    _look(
        "orchestration.plan",
        p.OrchestrationPlan,
        t.Plan,
        "What an orchestration would run, carry over and skip.",
        config="nightly",
    ),
    Method(
        name="action.run",
        params=p.ActionRun,
        result=Any,
        role=Role.OPERATOR,
        mutates=False,
        summary="Run a component's synchronous action and answer its JSON.",
        example={"component": "acme.orders", "action": "testConnection"},
    ),
)

_EVENTS: Final = (
    _look(
        "event.list", p.EventList, t.EventPage, "What happened, in order.", after=100, kinds=["job.status"]
    ),
    _look("event.subscribe", p.EventSubscribe, t.Subscription, "Be told what happens.", runIdPrefix="12."),
    _look("event.unsubscribe", p.EventUnsubscribe, t.Unsubscribed, "Be told no more.", subscription="1"),
)

_CHECK: Final = Method(
    name="daemon.check",
    params=p.DaemonCheck,
    result=t.CheckReport,
    role=Role.ADMIN,
    mutates=False,
    summary="Compare what is stored with what runs, and propose repairs, or do them.",
    example={},
)

_DAEMON: Final = (
    _look("daemon.status", p.DaemonRead, t.DaemonStatus, "How the daemon is."),
    _rule("daemon.drain", p.DaemonAction, t.DaemonStatus, "Start no more jobs."),
    _rule("daemon.undrain", p.DaemonAction, t.DaemonStatus, "Start jobs again."),
    _rule("daemon.reload", p.DaemonAction, t.Reloaded, "Read the settings again."),
    _CHECK,
    _rule("daemon.backup", p.DaemonBackup, t.Backup, "Write a backup of the database."),
    _look("daemon.metrics", p.DaemonRead, str, "Metrics in the Prometheus text format."),
    _look("rpc.discover", p.DaemonRead, dict[str, Any], "This document."),
)


def _table(*groups: Iterable[Method]) -> dict[str, Method]:
    return {method.name: method for group in groups for method in group}


METHODS: Final[dict[str, Method]] = _table(_JOBS, _STORED, _POOLS, _EVENTS, _DAEMON)

NOTIFICATIONS: Final[dict[str, type[Struct]]] = {"event": t.EventPush, "event.lost": t.EventLost}
