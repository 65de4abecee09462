"""All executors: routes actions to the actor of a pool, and messages of backends to the start they concern.

Whenever an owner of runs connects or is lost, and after the store has recovered, it determines what happened
to each start in flight: alive, ended, never started, or lost. Evidence decides, never a time-out.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import structlog
from anyio import Event, Lock
from anyio.abc import TaskGroup

from locksided.actors.asides import Asides
from locksided.actors.boot_history import BootHistory
from locksided.actors.executor import Executor
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.sites import Runnable, Sites
from locksided.actors.starts import InFlight, Start, StartPhase, Starts
from locksided.backends.base import Backend, Fate
from locksided.backends.messages import Message
from locksided.core import inputs as i
from locksided.core.actions import Action, CheckCondition, ReachExecutor, StartStep
from locksided.core.errors import Unavailable
from locksided.core.jobs import Job
from locksided.core.scheduler import Scheduler
from locksided.keeper.messages import Down, KeptRun, Listed, Outcome, Started
from locksided.runs.runs import Runs
from locksided.store.reads import NOTHING_READ, Documents
from locksided.store.store import FollowUp

log = structlog.get_logger("executors")


def in_flight(job: Job) -> InFlight:
    """Return the record of a started job."""
    run = job.run
    assert run is not None
    assert run.token is not None
    return InFlight(job.id, run.token, run.stop_asked, run.paused_by is not None)


class Wanted(NamedTuple):
    """A start in flight according to the store: its owner, and the backend of its pool."""

    owner: Starts
    one: InFlight
    backend: Backend


class Checks(Protocol):
    """Tests conditions."""

    def begin(self, action: CheckCondition) -> None:
        """Start the test of a condition; never waits."""


class Executors:
    """Knows every executor and every start in progress."""

    def __init__(
        self,
        sites: Sites,
        scheduler: SchedulerActor,
        runs: Runs,
        tasks: TaskGroup,
        boots: BootHistory,
        asides: Asides,
        checks: Checks,
    ) -> None:
        self._sites = sites
        self._backend = sites.local
        self._scheduler = scheduler
        self._runs = runs
        self._tasks = tasks
        self._boots = boots
        self._asides = asides
        self._checks = checks
        self._taking_over = Lock()
        self._reconciled = Event()
        self._executors: dict[str, Executor] = {}

    def preparing(self, actions: Sequence[Action]) -> FollowUp[Documents] | None:
        """Return what to read of the jobs to start."""
        ids = [action.job_id for action in actions if isinstance(action, StartStep)]
        return self._runs.loader.documents_of(ids) if ids else None

    def perform(self, actions: Sequence[Action], prepared: Documents | None) -> None:
        """Pass each action to its pool's executor, with the data read for it."""
        for action in actions:
            match action:
                case CheckCondition():
                    self._checks.begin(action)
                case ReachExecutor():
                    self._reach(action.executor)
                case _:
                    self._executor(action.pool).perform(action, prepared or NOTHING_READ)

    def _reach(self, kind: str) -> None:
        """Start attending to an executor; one that is already available is reported as such."""
        new = self._sites.reach(kind)
        known = self._sites.kind(kind)
        if new is not None:
            self._tasks.start_soon(new.run, SiteReports(self, new))
        elif known is not None and known.is_up:
            self._scheduler.tell(i.ExecutorUp(kind, known.capabilities))

    @property
    def elsewhere(self) -> Sequence[Runnable]:
        """The backends of all kinds except the local one."""
        return list(self._sites)

    def backend_of_kind(self, kind: str) -> Runnable | None:
        """Return the backend of a kind that a pool has named."""
        return self._sites.kind(kind)

    def flush(self) -> None:
        """Send the starts and the acknowledgements of a turn together."""
        self._backend.flush()
        for other in self._sites:
            other.flush()

    def _executor(self, pool: str) -> Executor:
        executor = self._executors.get(pool)
        if executor is None:
            executor = Executor(self._sites, self._scheduler, self._runs, self._tasks)
            self._executors[pool] = executor
        return executor

    def _start(self, token: str) -> tuple[Starts, Start] | None:
        for owner in (*self._executors.values(), self._asides):
            start = owner.starts.get(token)
            if start is not None:
                return owner, start
        return None

    # -- reports of the backend ---------------------------------------------------------------------------

    async def adopt(self, runs: Sequence[KeptRun]) -> None:
        await self.adopt_from(self._backend, runs)

    async def adopt_from(self, backend: Backend, runs: Sequence[KeptRun]) -> None:
        """Adopt the runs of an owner. This waits while the store can be neither written nor read."""
        async with self._taking_over:
            wanted = {one.token: (owner, one) for owner, one, _ in await self._wait_for_in_flight()}
            for run in runs:
                found = self._start(run.token)
                if found is not None and found[1].phase is not StartPhase.SENT:
                    continue
                if run.token in wanted:
                    self._adopt(*wanted[run.token], run, backend)
                else:
                    backend.dismiss(run)

    async def settle(self, *, is_complete: bool) -> bool:
        return await self.settle_those_of(self._backend, is_complete=is_complete)

    async def settle_those_of(self, backend: Backend, *, is_complete: bool) -> bool:
        """Resolve the starts that no owner has, once all owners have reported; then allow starts.

        A step of a job of another site may run here, so the keepers must have reported as well.
        """
        async with self._taking_over:
            try:
                if not self._boots.is_noted:
                    await self._scheduler.ask(self._boots.note)
                    self._boots.noted()
                wanted = await self._in_flight()
            except Unavailable as error:
                log.warning("nothing starts before the store can be used", cause=str(error))
                return False  # everything is connected again later, and examined again
            for owner, one, usual in wanted if is_complete and self._backend.are_all_heard else ():
                found = self._start(one.token)
                is_underway = found is not None and found[1].phase is not StartPhase.SENT
                responsible = usual if found is None else owner.backend_of(found[1])
                if responsible is not backend and not (responsible.is_up and responsible.are_all_heard):
                    continue  # it is settled when its own owners, or later the keepers, have reported
                if not (is_underway or self._is_attended(one.token, responsible)):
                    responsible.adopt(one.token)
                    self._tasks.start_soon(self._resolve, owner, self._taken_over(owner, one, responsible))
        return True

    def _is_attended(self, token: str, backend: Backend) -> bool:
        return self._backend.is_attended(token) or backend.is_attended(token)

    def heard(self, message: Message) -> None:
        """Pass on one message."""
        if isinstance(message, Down | Listed):
            return
        found = self._start(message.token or "")
        if found is not None:
            found[0].heard(found[1], message)

    def up(self) -> None:
        """Report that the keeper accepts starts."""
        self._scheduler.tell(i.ExecutorUp(self._backend.kind))

    def tell(self, report: i.ExecutorUp | i.ExecutorDown) -> None:
        """Pass on a report of a backend."""
        self._scheduler.tell(report)

    def down(self, cause: str, pools: Sequence[str] = ()) -> None:
        """Report that nothing can be started until an owner answers."""
        self._scheduler.tell(i.ExecutorDown(self._backend.kind, cause))

    async def _in_flight(self) -> list[Wanted]:
        jobs = await self._scheduler.look(
            lambda core: [(job.pool, in_flight(job)) for job in core.jobs_in_flight()]
        )
        of_jobs = (
            Wanted(self._executor(pool.id), one, self._sites.of(pool.site) or self._backend)
            for pool, one in jobs
        )
        return [*of_jobs, *(Wanted(self._asides, one, self._backend) for one in self._asides.in_flight())]

    async def _wait_for_in_flight(self) -> list[Wanted]:
        """Return the starts in flight; if the store is unavailable, wait until the core was read again."""
        while True:
            reconciled = self._reconciled
            try:
                return await self._in_flight()
            except Unavailable as error:
                log.warning("runs cannot be taken over yet", cause=str(error))
            await reconciled.wait()

    # -- the fate of starts in flight ---------------------------------------------------------------------

    def reconcile(self, core: Scheduler) -> None:
        """Have all owners list their runs again, after the core was read from the store."""
        tokens = [in_flight(job).token for job in core.jobs_in_flight()]
        self._boots.look([*tokens, *(one.token for one in self._asides.in_flight())])
        self._reconciled.set()
        self._reconciled = Event()
        log.info("jobs in flight", jobs=len(tokens), of_another_boot=sum(map(self._boots.has_ended, tokens)))
        self._backend.reconnect()
        for kind in sorted({pool.executor for pool in core.state.pools.values() if pool.site is not None}):
            self._reach(kind)
        for other in self._sites:
            other.reconnect()

    def _taken_over(self, owner: Starts, one: InFlight, backend: Backend) -> Start:
        has_ended = backend.ends_with_boot and self._boots.has_ended(one.token)
        start = Start(one.job_id, one.token, is_of_this_boot=not has_ended)
        start.elsewhere = None if backend is self._backend else backend
        owner.adopt(start)
        return start

    def _adopt(self, owner: Starts, one: InFlight, run: KeptRun, backend: Backend) -> None:
        start = self._taken_over(owner, one, backend)
        if run.outcome is not None:
            owner.conclude_soon(start, run.outcome)
            return
        log.info("adopted", token=one.token, pid=run.pid, state=run.state)
        if run.state != "starting":
            owner.heard(start, Started(run.token, run.pid, run.spawn_time))
        if one.stop_asked:
            backend.stop(one.token)
        elif one.paused and not run.paused:
            backend.pause(one.token)
        elif run.paused and not one.paused:
            backend.resume(one.token)

    async def _resolve(self, owner: Starts, start: Start) -> None:
        """Resolve a start that no owner knows: it ended before, never started, or is orphaned."""
        try:
            evidence = await owner.backend_of(start).evidence(
                start.token, owner.reap_order(start.token).folder
            )
        except OSError as error:
            log.error("a control folder cannot be read", token=start.token, cause=str(error))
            owner.forget(start)
            owner.backend_of(start).reconnect_soon()
            return
        if owner.starts.get(start.token) is not start:
            return  # a later connection attends to it
        if evidence.outcome is not None:
            owner.conclude_soon(start, evidence.outcome)
        elif not start.is_of_this_boot:
            owner.conclude_soon(start, Outcome(start.token, lost=True))
        elif evidence.fate is Fate.NEVER_STARTED:
            owner.never_started(start)
        else:
            if evidence.is_of_keeper:
                start.elsewhere = None
            owner.reap(start)


class SiteReports:
    """Receives the reports of a backend other than `local`."""

    def __init__(self, executors: Executors, backend: Runnable) -> None:
        self._executors = executors
        self._backend = backend

    async def adopt(self, runs: Sequence[KeptRun]) -> None:
        await self._executors.adopt_from(self._backend, runs)

    async def settle(self, *, is_complete: bool) -> bool:
        return await self._executors.settle_those_of(self._backend, is_complete=is_complete)

    def heard(self, message: Message) -> None:
        self._executors.heard(message)

    def up(self) -> None:
        self._executors.tell(i.ExecutorUp(self._backend.kind, self._backend.capabilities))

    def down(self, cause: str, pools: Sequence[str] = ()) -> None:
        self._executors.tell(i.ExecutorDown(self._backend.kind, cause, frozenset(pools)))
