"""The table of all methods: parameters, result, who may call them, and whether they change anything.

The one list from which the server checks calls, the client offers them and the OpenRPC document is written.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from lockside.protocol.params.actions import ActionRun
from lockside.protocol.params.clock import ClockGet, ClockMove, ClockSet
from lockside.protocol.params.daemon import DaemonAction, DaemonBackup, DaemonCheck, DaemonRead
from lockside.protocol.params.events import EventList, EventSubscribe, EventUnsubscribe
from lockside.protocol.params.joblist import JobList, JobStats
from lockside.protocol.params.jobs import (
    JobAction,
    JobAmend,
    JobAnnotate,
    JobCreate,
    JobCreateMany,
    JobExplain,
    JobGet,
    JobLog,
    JobPurge,
    JobReport,
    JobReprioritise,
    JobResubmit,
    JobRetryAllFailed,
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
    CatalogStage,
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
from lockside.protocol.types.branches import Branch, Branches
from lockside.protocol.types.catalog import CatalogPlan, Staged
from lockside.protocol.types.clock import ClockReading
from lockside.protocol.types.daemon import Backup, CheckReport, DaemonStatus, Reloaded
from lockside.protocol.types.events import EventLost, EventPage, EventPush, Subscription, Unsubscribed
from lockside.protocol.types.jobs import (
    Explanation,
    Job,
    JobPage,
    Jobs,
    Purged,
    Reported,
    Stats,
    TerminationPlan,
    WaitedJobs,
)
from lockside.protocol.types.logs import LogPage
from lockside.protocol.types.plans import Plan
from lockside.protocol.types.stored import (
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
    _act("job.create", JobCreate, Job, "Create a job; it is on disk when this answers.", **_ORDERS),
    _act("job.createMany", JobCreateMany, Jobs, "Create several jobs, all or none.", jobs=[_ORDERS]),
    _look("job.get", JobGet, Job, "Return a job.", id="17"),
    _look("job.list", JobList, JobPage, "List jobs, a page at a time.", status=["processing"]),
    Method(
        name="job.wait",
        params=JobWait,
        result=Job,
        alternative=WaitedJobs,
        role=Role.VIEWER,
        mutates=False,
        summary="Wait until a job, all of several jobs or any of them is final.",
        example={"id": "17", "timeoutSeconds": 60},
    ),
    _look(
        "job.explain", JobExplain, Explanation, "Return why a job waits, and its place in the queue.", id="17"
    ),
    Method(
        name="job.terminate",
        params=JobTerminate,
        result=Job,
        alternative=TerminationPlan,
        role=Role.OPERATOR,
        mutates=True,
        summary="Stop or cancel a job and all jobs below it.",
        example={"id": "17"},
    ),
    _act("job.hold", JobAction, Job, "Keep a job that has not started from starting.", id="17"),
    _act("job.release", JobAction, Job, "Let a held job start.", id="17"),
    _act("job.pause", JobAction, Job, "Suspend the processes of a running job.", id="17"),
    _act("job.resume", JobAction, Job, "Continue a paused job.", id="17"),
    _act(
        "job.reprioritise",
        JobReprioritise,
        Job,
        "Change the priority of a job that has not started.",
        id="17",
        priority="high",
    ),
    _act(
        "job.annotate",
        JobAnnotate,
        Job,
        "Change the name, description and labels of a job.",
        id="17",
        name="nightly",
    ),
    _act("job.hide", JobAction, Job, "Leave a job out of lists.", id="17"),
    _act("job.unhide", JobAction, Job, "Show a hidden job in lists again.", id="17"),
    _rule("job.purge", JobPurge, Purged, "Remove a final job; only one event remains.", id="17"),
    _act("job.retry", JobAction, Job, "Run a final job again as its retry.", id="17"),
    _act("job.retryAllFailed", JobRetryAllFailed, Jobs, "Retry every failed job below a job.", id="17"),
    _act(
        "job.resubmit",
        JobResubmit,
        Job,
        "Create an independent job from the same request.",
        id="17",
        **{"with": {"mode": "debug"}},
    ),
    _act(
        "job.amend",
        JobAmend,
        Job,
        "Replace a job that never started; the new one keeps its place in the queue.",
        id="17",
        **{"with": {"priority": "low"}},
    ),
    _look("job.log", JobLog, LogPage, "Return a job's output in frames.", id="17", waitSeconds=30),
    _look("job.stats", JobStats, Stats, "Return counts and durations of jobs by group.", groupBy=["status"]),
    _look(
        "job.report",
        JobReport,
        Reported,
        "Report the progress of a running job, by its own token.",
        token="17-1-0",  # noqa: S106 - an example, not a password
        progress=0.4,
    ),
)

_MANIFEST: Final = {"id": "acme.orders", "command": ["orders", "--data={datadir}"]}

_STORED: Final = (
    _rule("component.put", ComponentPut, Component, "Store a component.", component=_MANIFEST),
    _look("component.get", ComponentGet, Component, "Return a component, in any version.", id="acme.orders"),
    _look("component.list", ComponentList, Components, "List components.", type="extractor"),
    _rule(
        "component.delete",
        ComponentDelete,
        Deleted,
        "Delete a component; its versions stay readable.",
        id="acme.orders",
    ),
    _act(
        "config.put",
        ConfigPut,
        Config,
        "Store a configuration as its next version.",
        **_ORDERS,
        configuration={"parameters": {"since": "yesterday"}},
    ),
    _look("config.get", ConfigGet, Config, "Return a configuration, in any version.", **_ORDERS),
    _look(
        "config.list", ConfigList, Configs, "List the configurations of a branch.", component="acme.orders"
    ),
    _act(
        "config.delete",
        ConfigDelete,
        Deleted,
        "Delete a configuration; its versions stay readable.",
        **_ORDERS,
    ),
    _look(
        "config.versions",
        ConfigVersionsOf,
        ConfigVersions,
        "List the versions of a configuration.",
        **_ORDERS,
    ),
    _act(
        "config.rollback", ConfigRollback, Config, "Store an old version as the newest.", **_ORDERS, version=3
    ),
    _act("config.copy", ConfigCopy, Config, "Copy a configuration.", **_ORDERS, toConfig="hourly"),
    _act("branch.create", BranchCreate, Branch, "Create a branch.", branch={"id": "new-api"}),
    _look("branch.list", BranchList, Branches, "List branches."),
    _act("branch.delete", BranchDelete, Deleted, "Delete a branch and its configurations.", id="new-api"),
    _act(
        "variables.put",
        VariablesPut,
        Variables,
        "Store a set of variables.",
        variables={"id": "eu", "values": [{"name": "region", "value": "eu"}]},
    ),
    _look("variables.get", VariablesGet, Variables, "Return a set of variables.", id="eu"),
    _look("variables.list", VariablesListAll, VariablesList, "List sets of variables."),
    _act("variables.delete", VariablesDelete, Deleted, "Delete a set of variables.", id="eu"),
    Method(
        name="catalog.stage",
        params=CatalogStage,
        result=Staged,
        role=Role.OPERATOR,
        mutates=False,
        summary="Send a part of what `catalog.apply` is to store, when all of it is longer than a line.",
        example={"draft": "a", "configs": [_ORDERS]},
    ),
    _act(
        "catalog.apply",
        CatalogApply,
        CatalogPlan,
        "Store many objects in one transaction.",
        components=[_MANIFEST],
        configs=[_ORDERS],
        dryRun=True,
    ),
    _look(
        "state.get",
        StateGet,
        State,
        "Return the state that the last successful run left for the next.",
        **_ORDERS,
    ),
    _act("state.reset", StateReset, State, "Delete the state.", **_ORDERS),
)

_POOLS: Final = (
    _rule("pool.put", PoolPut, Pool, "Store a pool.", pool={"id": "heavy", "slots": 2}),
    _look("pool.get", PoolGet, Pool, "Return a pool and how full it is.", id="heavy"),
    _look("pool.list", PoolList, Pools, "List pools."),
    _rule("pool.pause", PoolPause, Pool, "Start no more jobs in a pool.", id="heavy", comment="disk swap"),
    _rule("pool.resume", PoolAction, Pool, "Start jobs in a pool again.", id="heavy"),
    _rule("pool.delete", PoolAction, Deleted, "Delete a pool that no unfinished job uses.", id="heavy"),
    _look(
        "orchestration.plan",
        OrchestrationPlan,
        Plan,
        "Return what an orchestration would run, carry over and skip.",
        config="nightly",
    ),
    Method(
        name="action.run",
        params=ActionRun,
        result=Any,
        role=Role.OPERATOR,
        mutates=False,
        summary="Run an action of a component and return the JSON that it prints.",
        example={"component": "acme.orders", "action": "testConnection"},
    ),
)

_EVENTS: Final = (
    _look("event.list", EventList, EventPage, "List events, in order.", after=100, kinds=["job.status"]),
    _look(
        "event.subscribe",
        EventSubscribe,
        Subscription,
        "Send events to this connection as they happen.",
        runIdPrefix="12.",
    ),
    _look("event.unsubscribe", EventUnsubscribe, Unsubscribed, "End a subscription.", subscription="1"),
)

_CHECK: Final = Method(
    name="daemon.check",
    params=DaemonCheck,
    result=CheckReport,
    role=Role.ADMIN,
    mutates=False,
    summary="Compare what is stored with what runs; propose repairs or do them.",
    example={},
)

_DAEMON: Final = (
    _look("daemon.status", DaemonRead, DaemonStatus, "Return the state of the daemon."),
    _rule("daemon.drain", DaemonAction, DaemonStatus, "Start no more jobs."),
    _rule("daemon.undrain", DaemonAction, DaemonStatus, "Start jobs again."),
    _rule("daemon.reload", DaemonAction, Reloaded, "Read the settings again."),
    _CHECK,
    _rule("daemon.backup", DaemonBackup, Backup, "Write a backup of the database."),
    _look("daemon.metrics", DaemonRead, str, "Return metrics in the Prometheus text format."),
    _look("rpc.discover", DaemonRead, dict[str, Any], "Return the OpenRPC document of all methods."),
)

_CLOCK: Final = tuple(
    Method(
        name=name,
        params=params,
        result=ClockReading,
        role=Role.ADMIN,
        mutates=False,
        summary=summary,
        example=example,
    )
    for name, params, summary, example in (
        ("clock.get", ClockGet, "The time on the test clock.", {}),
        ("clock.advance", ClockMove, "Let time pass, stopping at each deadline.", {"seconds": 86_400}),
        ("clock.sleep", ClockMove, "Let both clocks jump, as over a suspend.", {"seconds": 3600}),
        ("clock.set", ClockSet, "Set the wall clock alone.", {"time": "2026-01-31T08:00:00Z"}),
    )
)


def _table(*groups: Iterable[Method]) -> dict[str, Method]:
    return {method.name: method for group in groups for method in group}


METHODS: Final[dict[str, Method]] = _table(_JOBS, _STORED, _POOLS, _EVENTS, _DAEMON)

TEST_METHODS: Final[dict[str, Method]] = METHODS | _table(_CLOCK)
"""What a daemon with a test clock offers."""

NOTIFICATIONS: Final[dict[str, type[Struct]]] = {"event": EventPush, "event.lost": EventLost}
