"""All executors: routes actions to the pool's actor, and what a backend says to the start that it is about.

Whenever an owner of runs came or went, and after the store came back, it finds out what became of each start
that is in flight: alive, ended, never started, or lost. Evidence decides, never a time-out.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog
from anyio import Event, Lock
from anyio.abc import TaskGroup

from locksided.actors.asides import Asides
from locksided.actors.boot_history import BootHistory
from locksided.actors.executor import Executor
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.starts import InFlight, Start, StartPhase, Starts
from locksided.backends.base import Backend, Fate
from locksided.backends.messages import Message
from locksided.core import inputs as i
from locksided.core.actions import Action, CheckCondition, StartStep
from locksided.core.errors import Unavailable
from locksided.core.jobs import Job
from locksided.core.scheduler import Scheduler
from locksided.keeper.messages import KeptRun, Outcome, Started
from locksided.runs.runs import Runs
from locksided.store.reads import NOTHING_READ, Documents
from locksided.store.store import Sequel

log = structlog.get_logger("executors")


def in_flight(job: Job) -> InFlight:
    """The record of a started job."""
    run = job.run
    assert run is not None
    assert run.token is not None
    return InFlight(job.id, run.token, run.stop_asked, run.paused_by is not None)


class Checks(Protocol):
    """Who tests conditions."""

    def begin(self, action: CheckCondition) -> None:
        """Have a condition tested; never waits."""


class Executors:
    """Knows every executor and every start that is under way."""

    def __init__(
        self,
        backend: Backend,
        scheduler: SchedulerActor,
        runs: Runs,
        tasks: TaskGroup,
        boots: BootHistory,
        asides: Asides,
        checks: Checks,
    ) -> None:
        self._backend = backend
        self._scheduler = scheduler
        self._runs = runs
        self._tasks = tasks
        self._boots = boots
        self._asides = asides
        self._checks = checks
        self._taking_over = Lock()
        self._reconciled = Event()
        self._executors: dict[str, Executor] = {}

    def preparing(self, actions: Sequence[Action]) -> Sequel[Documents] | None:
        """What is to be read of the jobs that are to be started."""
        ids = [action.job_id for action in actions if isinstance(action, StartStep)]
        return self._runs.loader.documents_of(ids) if ids else None

    def perform(self, actions: Sequence[Action], prepared: Documents | None) -> None:
        """Hand each action to its pool's executor, with what was read."""
        for action in actions:
            if isinstance(action, CheckCondition):
                self._checks.begin(action)
            else:
                self._executor(action.pool).perform(action, prepared or NOTHING_READ)

    def flush(self) -> None:
        """Send the starts and the acknowledgements of a turn in one go."""
        self._backend.flush()

    def _executor(self, pool: str) -> Executor:
        executor = self._executors.get(pool)
        if executor is None:
            executor = Executor(self._backend, self._scheduler, self._runs, self._tasks)
            self._executors[pool] = executor
        return executor

    def _start(self, token: str) -> tuple[Starts, Start] | None:
        for owner in (*self._executors.values(), self._asides):
            start = owner.starts.get(token)
            if start is not None:
                return owner, start
        return None

    # -- what the backend reports -------------------------------------------------------------------------

    async def adopt(self, runs: Sequence[KeptRun]) -> None:
        """Take over what an owner has. While the store can be neither written nor read, that waits."""
        async with self._taking_over:
            wanted = {one.token: (owner, one) for owner, one in await self._in_flight_at_last()}
            for run in runs:
                found = self._start(run.token)
                if found is not None and found[1].phase is not StartPhase.SENT:
                    continue
                if run.token in wanted:
                    self._adopt(*wanted[run.token], run)
                else:
                    self._backend.dismiss(run)

    async def settle(self, *, is_complete: bool) -> bool:
        """See to the starts that no owner has, once all were heard; then others can begin."""
        async with self._taking_over:
            try:
                if not self._boots.is_noted:
                    await self._scheduler.ask(self._boots.note)
                    self._boots.noted()
                wanted = await self._in_flight()
            except Unavailable as error:
                log.warning("nothing starts before the store can be used", cause=str(error))
                return False  # then all is connected anew, and looked at again
            for owner, one in wanted if is_complete else ():
                found = self._start(one.token)
                is_underway = found is not None and found[1].phase is not StartPhase.SENT
                if not (is_underway or self._backend.is_attended(one.token)):
                    self._backend.adopt(one.token)
                    self._tasks.start_soon(self._find_out, owner, self._taken_over(owner, one))
        return True

    def heard(self, message: Message) -> None:
        """Hand on one message."""
        found = self._start(message.token or "")
        if found is not None:
            found[0].heard(found[1], message)

    def up(self) -> None:
        """Starts are taken."""
        self._scheduler.tell(i.ExecutorUp(self._backend.kind))

    def down(self, cause: str) -> None:
        """Nothing can be started until an owner answers."""
        self._scheduler.tell(i.ExecutorDown(self._backend.kind, cause))

    async def _in_flight(self) -> list[tuple[Starts, InFlight]]:
        jobs = await self._scheduler.look(
            lambda core: [(job.pool.id, in_flight(job)) for job in core.jobs_in_flight()]
        )
        return [*((self._executor(pool), one) for pool, one in jobs), *self._asides_in_flight()]

    def _asides_in_flight(self) -> Iterator[tuple[Starts, InFlight]]:
        return ((self._asides, one) for one in self._asides.in_flight())

    async def _in_flight_at_last(self) -> list[tuple[Starts, InFlight]]:
        """The same; while the store can be neither written nor read it waits until all is read again."""
        while True:
            reconciled = self._reconciled
            try:
                return await self._in_flight()
            except Unavailable as error:
                log.warning("runs cannot be taken over yet", cause=str(error))
            await reconciled.wait()

    # -- what became of what was in flight ----------------------------------------------------------------

    def reconcile(self, core: Scheduler) -> None:
        """The core was read again from the store: have all owners tell anew what they have."""
        tokens = [in_flight(job).token for job in core.jobs_in_flight()]
        self._boots.look([*tokens, *(one.token for one in self._asides.in_flight())])
        self._reconciled.set()
        self._reconciled = Event()
        log.info("jobs in flight", jobs=len(tokens), of_another_boot=sum(map(self._boots.has_ended, tokens)))
        self._backend.reconnect()

    def _taken_over(self, owner: Starts, one: InFlight) -> Start:
        start = Start(one.job_id, one.token, is_of_this_boot=not self._boots.has_ended(one.token))
        owner.adopt(start)
        return start

    def _adopt(self, owner: Starts, one: InFlight, run: KeptRun) -> None:
        start = self._taken_over(owner, one)
        if run.outcome is not None:
            owner.conclude_soon(start, run.outcome)
            return
        log.info("adopted", token=one.token, pid=run.pid, state=run.state)
        if run.state != "starting":
            owner.heard(start, Started(run.token, run.pid, run.spawn_time))
        if one.stop_asked:
            self._backend.stop(one.token)
        elif one.paused and not run.paused:
            self._backend.pause(one.token)
        elif run.paused and not one.paused:
            self._backend.resume(one.token)

    async def _find_out(self, owner: Starts, start: Start) -> None:
        """No owner of runs knows this start: ended before, never begun, or orphaned."""
        try:
            evidence = await self._backend.evidence(start.token, owner.reap_order(start.token).folder)
        except OSError as error:
            log.error("a control folder cannot be read", token=start.token, cause=str(error))
            owner.forget(start)
            self._backend.reconnect_soon()
            return
        if owner.starts.get(start.token) is not start:
            return  # it is looked after since a later connection
        if evidence.outcome is not None:
            owner.conclude_soon(start, evidence.outcome)
        elif not start.is_of_this_boot:
            owner.conclude_soon(start, Outcome(start.token, lost=True))
        elif evidence.fate is Fate.NEVER_STARTED:
            owner.never_started(start)
        else:
            owner.reap(start)
