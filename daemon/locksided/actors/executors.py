"""All executors: routes actions to the pool's actor, and what a backend says to the start that it is about.

Whenever an owner of runs came or went, and after the store came back, it finds out what became of each job
that is in flight: alive, ended, never started, or lost. Evidence decides, never a time-out.
"""

import asyncio
from collections.abc import Sequence

import structlog
from anyio import Event, Lock
from anyio.abc import TaskGroup

from locksided.actors.boots import Boots
from locksided.actors.executor import Executor, outcome_of
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.starts import InFlight, Phase, Start, in_flight
from locksided.backends.base import Backend, Fate
from locksided.backends.messages import Message
from locksided.core import inputs as i
from locksided.core.actions import Action, StartStep
from locksided.core.errors import Unavailable
from locksided.core.scheduler import Scheduler
from locksided.keeper.messages import Ended, KeptRun, Outcome, Refused, StartOrder
from locksided.runs.runs import Runs
from locksided.store.reads import NOTHING_READ, Documents
from locksided.store.store import Sequel

log = structlog.get_logger("executors")


class Executors:
    """Knows every executor and every start that is under way."""

    def __init__(
        self, backend: Backend, scheduler: SchedulerActor, runs: Runs, tasks: TaskGroup, boots: Boots
    ) -> None:
        self._backend = backend
        self._scheduler = scheduler
        self._runs = runs
        self._tasks = tasks
        self._boots = boots
        self._taking_over = Lock()
        self._reconciled = Event()
        self._executors: dict[str, Executor] = {}
        self._asides: dict[str, asyncio.Future[Outcome]] = {}

    def preparing(self, actions: Sequence[Action]) -> Sequel[Documents] | None:
        """What is to be read of the jobs that are to be started."""
        ids = [action.job_id for action in actions if isinstance(action, StartStep)]
        return self._runs.loader.documents_of(ids) if ids else None

    def perform(self, actions: Sequence[Action], prepared: Documents | None) -> None:
        """Hand each action to its pool's executor, with what was read."""
        for action in actions:
            self._executor(action.pool).perform(action, prepared or NOTHING_READ)
        self._backend.flush()

    def _executor(self, pool: str) -> Executor:
        executor = self._executors.get(pool)
        if executor is None:
            executor = Executor(pool, self._backend, self._scheduler, self._runs, self._tasks)
            self._executors[pool] = executor
        return executor

    def _start(self, token: str) -> tuple[Executor, Start] | None:
        for executor in self._executors.values():
            start = executor.starts.get(token)
            if start is not None:
                return executor, start
        return None

    # -- what the backend reports -------------------------------------------------------------------------

    async def adopt(self, runs: Sequence[KeptRun]) -> None:
        """Take over what an owner has. While the store can be neither written nor read, that waits."""
        async with self._taking_over:
            jobs = {job.token: job for job in await self._in_flight_at_last()}
            for run in runs:
                found = self._start(run.token)
                if found is not None and found[1].phase is not Phase.SENT:
                    continue
                if run.token in jobs:
                    self._adopt(jobs[run.token], run)
                else:
                    self._backend.dismiss(run)

    async def settle(self, *, is_complete: bool) -> bool:
        """See to the jobs that no owner has, once all were heard; then starts can go on."""
        async with self._taking_over:
            try:
                if not self._boots.is_noted:
                    await self._scheduler.ask(self._boots.note)
                    self._boots.noted()
                jobs = await self._in_flight()
            except Unavailable as error:
                log.warning("nothing starts before the store can be used", cause=str(error))
                return False  # then all is connected anew, and looked at again
            for job in jobs if is_complete else ():
                found = self._start(job.token)
                is_underway = found is not None and found[1].phase is not Phase.SENT
                if not (is_underway or self._backend.is_attended(job.token)):
                    self._backend.adopt(job.token)
                    self._tasks.start_soon(self._find_out, *self._taken_over(job))
        return True

    def heard(self, message: Message) -> None:
        """Hand on one message."""
        token = message.token
        assert token is not None
        found = self._start(token)
        if found is not None:
            found[0].heard(found[1], message)
        elif isinstance(message, Ended | Refused) and token in self._asides:
            outcome = self._asides[token]
            if not outcome.done():
                outcome.set_result(outcome_of(message))
            self._backend.acknowledge(token)

    def up(self) -> None:
        """Starts are taken."""
        self._scheduler.tell(i.ExecutorUp(self._backend.kind))

    def down(self, cause: str) -> None:
        """Nothing can be started until an owner answers."""
        for token, outcome in self._asides.items():
            if not outcome.done():
                outcome.set_result(Outcome(token, lost=True))
        self._scheduler.tell(i.ExecutorDown(self._backend.kind, cause))

    async def _in_flight(self) -> list[InFlight]:
        return await self._scheduler.look(lambda core: [in_flight(job) for job in core.started_jobs()])

    async def _in_flight_at_last(self) -> list[InFlight]:
        """The same; while the store can be neither written nor read it waits until all is read again."""
        while True:
            reconciled = self._reconciled
            try:
                return await self._in_flight()
            except Unavailable as error:
                log.warning("runs cannot be taken over yet", cause=str(error))
            await reconciled.wait()

    async def run_aside(self, order: StartOrder) -> Outcome:
        """Have something run that is no job; returns its outcome. Cancelling stops it."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._asides[order.token] = outcome
        try:
            if not self._backend.start(order):
                raise Unavailable("The keeper does not answer: nothing can be run now. Try again later.")
            return await outcome
        except asyncio.CancelledError:
            self._backend.dismiss(order.token)
            raise
        finally:
            del self._asides[order.token]

    # -- what became of the jobs in flight ----------------------------------------------------------------

    def reconcile(self, core: Scheduler) -> None:
        """The core was read again from the store: have all owners tell anew what they have."""
        tokens = [in_flight(job).token for job in core.started_jobs()]
        self._boots.look(tokens)
        self._reconciled.set()
        self._reconciled = Event()
        log.info("jobs in flight", jobs=len(tokens), of_another_boot=sum(map(self._boots.has_ended, tokens)))
        self._backend.reconnect()

    def _taken_over(self, job: InFlight) -> tuple[Executor, Start]:
        executor = self._executor(job.pool)
        start = Start(job.job_id, job.token, is_of_this_boot=not self._boots.has_ended(job.token))
        executor.adopt(start)
        return executor, start

    def _adopt(self, job: InFlight, run: KeptRun) -> None:
        executor, start = self._taken_over(job)
        if run.outcome is not None:
            executor.conclude_soon(start, run.outcome)
            return
        log.info("adopted", job=job.job_id, pid=run.pid, state=run.state)
        if run.state != "starting":
            self._scheduler.tell_deferred(self._runs.spawned(job.token, run.pid, run.spawn_time))
        if job.stop_asked:
            self._backend.stop(job.token)
        elif job.paused and not run.paused:
            self._backend.pause(job.token)
        elif run.paused and not job.paused:
            self._backend.resume(job.token)

    async def _find_out(self, executor: Executor, start: Start) -> None:
        """No owner knows this start: ended before, never begun, or orphaned."""
        try:
            evidence = await self._backend.evidence(start.token, self._runs.loader.control(start.token))
        except OSError as error:
            log.error("a control folder cannot be read", job=start.job_id, cause=str(error))
            executor.forget(start)
            self._backend.reconnect_soon()
            return
        if executor.starts.get(start.token) is not start:
            return  # it is looked after since a later connection
        if evidence.outcome is not None:
            executor.conclude_soon(start, evidence.outcome)
        elif self._boots.has_ended(start.token):
            executor.conclude_soon(start, Outcome(start.token, lost=True))
        elif evidence.fate is Fate.NEVER_STARTED:
            executor.forget(start)
            self._scheduler.tell(i.NotStarted(start.job_id, start.token))
        else:
            executor.reap(start)
