"""The table of all methods: parameters, result, who may call them, and whether they change anything.

The one list from which the server checks calls, the client offers them and the OpenRPC document is written.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from lockside.protocol.params.actions import ActionRun
from lockside.protocol.params.daemon import DaemonAction, DaemonBackup, DaemonCheck, DaemonRead
from lockside.protocol.params.events import EventList, EventSubscribe, EventUnsubscribe
from lockside.protocol.params.jobs import (
    JobAction,
    JobAmend,
    JobAnnotate,
    JobCreate,
    JobCreateMany,
    JobExplain,
    JobGet,
    JobList,
    JobLog,
    JobPurge,
    JobReport,
    JobReprioritise,
    JobResubmit,
    JobRetryAllFailed,
    JobStats,
    JobTerminate,
    JobWait,
)
from lockside.protocol.params.plans import OrchestrationPlan
from lockside.protocol.params.pools import PoolAction, PoolGet, PoolList, PoolPause, PoolPut
from lockside.protocol.params.stored import (
    BranchCreate,
    BranchDelete,
    BranchList,
    CatalogApply,
    ComponentDelete,
    ComponentGet,
    ComponentList,
    ComponentPut,
    ConfigCopy,
    ConfigDelete,
    ConfigGet,
    ConfigList,
    ConfigPut,
    ConfigRollback,
    ConfigVersionsOf,
    StateGet,
    StateReset,
    VariablesDelete,
    VariablesGet,
    VariablesListAll,
    VariablesPut,
)
from lockside.protocol.types.catalog import CatalogPlan
from lockside.protocol.types.daemon import Backup, CheckReport, DaemonStatus, Reloaded
from lockside.protocol.types.events import EventLost, EventPage, EventPush, Subscription, Unsubscribed
from lockside.protocol.types.jobs import (
    Explanation,
    Job,
    JobPage,
    Jobs,
    LogPage,
    Purged,
    Reported,
    Stats,
    TerminationPlan,
)
from lockside.protocol.types.plans import Plan
from lockside.protocol.types.stored import (
    Branch,
    Branches,
    Component,
    Components,
    Config,
    Configs,
    ConfigVersions,
    Deleted,
    Pool,
    Pools,
    State,
    Variables,
    VariablesList,
)
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
    _act("job.create", JobCreate, Job, "Make a job; it is durable when this answers.", **_ORDERS),
    _act("job.createMany", JobCreateMany, Jobs, "Make several jobs, all or none.", jobs=[_ORDERS]),
    _look("job.get", JobGet, Job, "A job as it is now.", id="17"),
    _look("job.list", JobList, JobPage, "Jobs by filters, a page at a time.", status=["processing"]),
    Method(
        name="job.wait",
        params=JobWait,
        result=Job,
        alternative=Jobs,
        role=Role.VIEWER,
        mutates=False,
        summary="Wait until a job, all of several or any of them is final.",
        example={"id": "17", "timeoutSeconds": 60},
    ),
    _look("job.explain", JobExplain, Explanation, "Why a job waits, and its place.", id="17"),
    Method(
        name="job.terminate",
        params=JobTerminate,
        result=Job,
        alternative=TerminationPlan,
        role=Role.OPERATOR,
        mutates=True,
        summary="Stop or cancel a job and all below it.",
        example={"id": "17"},
    ),
    _act("job.hold", JobAction, Job, "Keep back a job that has not started.", id="17"),
    _act("job.release", JobAction, Job, "Let go a job that is held.", id="17"),
    _act("job.pause", JobAction, Job, "Stop the processes of a running job for a while.", id="17"),
    _act("job.resume", JobAction, Job, "Continue a paused job.", id="17"),
    _act(
        "job.reprioritise",
        JobReprioritise,
        Job,
        "Change a job's place in line before it has started.",
        id="17",
        priority="high",
    ),
    _act("job.annotate", JobAnnotate, Job, "Change name, description, labels.", id="17", name="nightly"),
    _act("job.hide", JobAction, Job, "Leave a job out of lists.", id="17"),
    _act("job.unhide", JobAction, Job, "Show a hidden job in lists again.", id="17"),
    _rule("job.purge", JobPurge, Purged, "Remove all of a final job but one event.", id="17"),
    _act("job.retry", JobAction, Job, "Run a final job again, as its retry.", id="17"),
    _act("job.retryAllFailed", JobRetryAllFailed, Jobs, "Retry whatever failed below a job.", id="17"),
    _act(
        "job.resubmit",
        JobResubmit,
        Job,
        "An independent new job from the same request.",
        id="17",
        **{"with": {"mode": "debug"}},
    ),
    _act(
        "job.amend",
        JobAmend,
        Job,
        "Replace a job that never started, in the same place of its line.",
        id="17",
        **{"with": {"priority": "low"}},
    ),
    _look("job.log", JobLog, LogPage, "Frames of a job's output.", id="17", waitSeconds=30),
    _look("job.stats", JobStats, Stats, "Counts and durations of jobs.", groupBy=["status"]),
    _look(
        "job.report",
        JobReport,
        Reported,
        "What a running job says of its progress, by its own token.",
        token="17-1-0",  # noqa: S106 - an example, not a password
        progress=0.4,
    ),
)

_MANIFEST: Final = {"id": "acme.orders", "command": ["orders", "--data={datadir}"]}

_STORED: Final = (
    _rule("component.put", ComponentPut, Component, "Store a component.", component=_MANIFEST),
    _look("component.get", ComponentGet, Component, "A component, of any version.", id="acme.orders"),
    _look("component.list", ComponentList, Components, "All components.", type="extractor"),
    _rule("component.delete", ComponentDelete, Deleted, "Hide a component.", id="acme.orders"),
    _act(
        "config.put",
        ConfigPut,
        Config,
        "Store a configuration as its next version.",
        **_ORDERS,
        configuration={"parameters": {"since": "yesterday"}},
    ),
    _look("config.get", ConfigGet, Config, "A configuration, of any version.", **_ORDERS),
    _look("config.list", ConfigList, Configs, "The configurations of a branch.", component="acme.orders"),
    _act("config.delete", ConfigDelete, Deleted, "Hide a configuration.", **_ORDERS),
    _look("config.versions", ConfigVersionsOf, ConfigVersions, "What changed, and who did it.", **_ORDERS),
    _act("config.rollback", ConfigRollback, Config, "Make an old version new.", **_ORDERS, version=3),
    _act("config.copy", ConfigCopy, Config, "Copy a configuration.", **_ORDERS, toConfig="hourly"),
    _act("branch.create", BranchCreate, Branch, "Begin a line of development.", branch={"id": "new-api"}),
    _look("branch.list", BranchList, Branches, "All branches."),
    _act("branch.delete", BranchDelete, Deleted, "Hide a branch and what is in it.", id="new-api"),
    _act(
        "variables.put",
        VariablesPut,
        Variables,
        "Store a set of values.",
        variables={"id": "eu", "values": [{"name": "region", "value": "eu"}]},
    ),
    _look("variables.get", VariablesGet, Variables, "A set of values.", id="eu"),
    _look("variables.list", VariablesListAll, VariablesList, "All sets of values."),
    _act("variables.delete", VariablesDelete, Deleted, "Hide a set of values.", id="eu"),
    _act(
        "catalog.apply",
        CatalogApply,
        CatalogPlan,
        "Make what is stored like what is given, in one transaction.",
        components=[_MANIFEST],
        configs=[_ORDERS],
        dryRun=True,
    ),
    _look("state.get", StateGet, State, "What the last run left for the next.", **_ORDERS),
    _act("state.reset", StateReset, State, "Forget it.", **_ORDERS),
)

_POOLS: Final = (
    _rule("pool.put", PoolPut, Pool, "Store a pool.", pool={"id": "heavy", "slots": 2}),
    _look("pool.get", PoolGet, Pool, "A pool and how full it is.", id="heavy"),
    _look("pool.list", PoolList, Pools, "All pools."),
    _rule("pool.pause", PoolPause, Pool, "Start nothing more in it.", id="heavy", comment="disk swap"),
    _rule("pool.resume", PoolAction, Pool, "Start jobs in it again.", id="heavy"),
    _rule("pool.delete", PoolAction, Deleted, "Remove a pool that no live job names.", id="heavy"),
    _look(
        "orchestration.plan",
        OrchestrationPlan,
        Plan,
        "What an orchestration would run, carry over and skip.",
        config="nightly",
    ),
    Method(
        name="action.run",
        params=ActionRun,
        result=Any,
        role=Role.OPERATOR,
        mutates=False,
        summary="Run a component's synchronous action and answer its JSON.",
        example={"component": "acme.orders", "action": "testConnection"},
    ),
)

_EVENTS: Final = (
    _look("event.list", EventList, EventPage, "What happened, in order.", after=100, kinds=["job.status"]),
    _look("event.subscribe", EventSubscribe, Subscription, "Be told what happens.", runIdPrefix="12."),
    _look("event.unsubscribe", EventUnsubscribe, Unsubscribed, "Be told no more.", subscription="1"),
)

_CHECK: Final = Method(
    name="daemon.check",
    params=DaemonCheck,
    result=CheckReport,
    role=Role.ADMIN,
    mutates=False,
    summary="Compare what is stored with what runs, and propose repairs, or do them.",
    example={},
)

_DAEMON: Final = (
    _look("daemon.status", DaemonRead, DaemonStatus, "How the daemon is."),
    _rule("daemon.drain", DaemonAction, DaemonStatus, "Start no more jobs."),
    _rule("daemon.undrain", DaemonAction, DaemonStatus, "Start jobs again."),
    _rule("daemon.reload", DaemonAction, Reloaded, "Read the settings again."),
    _CHECK,
    _rule("daemon.backup", DaemonBackup, Backup, "Write a backup of the database."),
    _look("daemon.metrics", DaemonRead, str, "Metrics in the Prometheus text format."),
    _look("rpc.discover", DaemonRead, dict[str, Any], "This document."),
)


def _table(*groups: Iterable[Method]) -> dict[str, Method]:
    return {method.name: method for group in groups for method in group}


METHODS: Final[dict[str, Method]] = _table(_JOBS, _STORED, _POOLS, _EVENTS, _DAEMON)

NOTIFICATIONS: Final[dict[str, type[Struct]]] = {"event": EventPush, "event.lost": EventLost}
