"""All executors: routes actions to the pool's actor and the keeper's words to the start that they are about.

After every new connection to the keeper, and after the store came back, it finds out what became of each job
that is in flight: alive, ended, never started, or lost. Evidence decides, never a time-out.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from anyio import Event, Lock
from anyio.abc import TaskGroup

from locksided import clock, to_thread
from locksided.actors.claims import Claim, burn, recorded
from locksided.actors.executor import Executor, outcome_of
from locksided.actors.flights import Flight, Phase, Started, started
from locksided.actors.keeper_link import KeeperLink
from locksided.actors.keeper_messages import KeptRun, read_outcome
from locksided.actors.keepers import Keepers
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.workshop import Workshop
from locksided.core import inputs as i
from locksided.core.actions import Action, StartStep
from locksided.core.errors import Unavailable
from locksided.core.saves import SetMeta
from locksided.core.scheduler import Scheduler
from locksided.store.reads import NOTHING_READ, Documents
from locksided.store.store import Sequel, Store
from locksided.store.transaction import Transaction

log = structlog.get_logger("executors")

LOCAL = "local"
IN_FLIGHT = "in_flight_at_boot"


class Executors:
    """Knows every executor and every start that is under way."""

    def __init__(
        self,
        keepers: Keepers,
        scheduler: SchedulerActor,
        workshop: Workshop,
        tasks: TaskGroup,
        boots: "Boots",
    ) -> None:
        self._keepers = keepers
        self._scheduler = scheduler
        self._workshop = workshop
        self._tasks = tasks
        self._boots = boots
        self._of_another_boot = boots.in_flight
        self._is_first_look = True
        self._taking_over = Lock()
        self._reconciled = Event()
        self._told_up: tuple[KeeperLink, int] | None = None
        self._executors: dict[str, Executor] = {}
        self._log_waits: dict[str, set[asyncio.Event]] = {}
        self._aside: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._unwanted: set[str] = set()
        """What was stopped because no job and nobody waits for it."""

    def preparing(self, actions: Sequence[Action]) -> Sequel[Documents] | None:
        """What is to be read of the jobs that are to be started."""
        ids = [action.job_id for action in actions if isinstance(action, StartStep)]
        return self._workshop.works.reading(ids) if ids else None

    def perform(self, actions: Sequence[Action], prepared: Documents | None) -> None:
        """Hand each action to its pool's executor, with what was read."""
        for action in actions:
            self._executor(action.pool).perform(action, prepared or NOTHING_READ)
        self._keepers.flush()

    def _executor(self, pool: str) -> Executor:
        executor = self._executors.get(pool)
        if executor is None:
            executor = Executor(pool, self._keepers, self._scheduler, self._workshop, self._tasks)
            self._executors[pool] = executor
        return executor

    def _flight(self, token: str) -> tuple[Executor, Flight] | None:
        for executor in self._executors.values():
            flight = executor.flights.get(token)
            if flight is not None:
                return executor, flight
        return None

    # -- the keepers --------------------------------------------------------------------------------------

    async def keeper_up(self, link: KeeperLink) -> None:
        """A keeper answers: take over what it has."""
        for token in list(self._log_waits):
            self._wake(token)  # whoever waits looks again, and asks this keeper
        async with self._taking_over:
            jobs = await self._started_jobs_at_last()
            wanted = {job.token: job for job in jobs}
            assert link.hello is not None
            for run in link.hello.runs:
                found = self._flight(run.token)
                if found is not None and found[1].is_underway:
                    continue
                if run.token in wanted:
                    self._adopt(wanted[run.token], run, link)
                else:
                    self._dismiss(run, link)

    async def keepers_changed(self) -> None:
        """See to the jobs that no keeper has, once all were heard; then starts can go on."""
        current = self._keepers.current
        if current is None:
            return
        async with self._taking_over:
            try:
                await self._note_boot()
                jobs = await self._started_jobs()
            except Unavailable as error:
                log.warning("nothing starts before the store can be used", cause=str(error))
                return  # then all is connected anew, and looked at again
            for job in jobs if self._keepers.are_all_heard else ():
                found = self._flight(job.token)
                is_underway = found is not None and found[1].is_underway
                if not (is_underway or self._keepers.is_kept_by_former(job.token)):
                    self._tasks.start_soon(self._find_out, *self._taken(job, current))
        connection = (current, current.generation)
        if self._keepers.current is current and self._told_up != connection:
            self._told_up = connection
            self._scheduler.tell(i.ExecutorUp(LOCAL))

    async def _started_jobs(self) -> list[Started]:
        return await self._scheduler.look(lambda core: [started(job) for job in core.started_jobs()])

    async def _started_jobs_at_last(self) -> list[Started]:
        """The same; while the store can be neither written nor read it waits until all is read again."""
        while True:
            reconciled = self._reconciled
            try:
                return await self._started_jobs()
            except Unavailable as error:
                log.warning("what a keeper has cannot be taken over yet", cause=str(error))
            await reconciled.wait()

    def keeper_down(self, cause: str) -> None:
        """Nothing can be started until a keeper answers."""
        for outcome in self._aside.values():
            if not outcome.done():
                outcome.set_result({"lost": True})
        self._told_up = None
        self._scheduler.tell(i.ExecutorDown(LOCAL, cause))

    def keeper_said(self, link: KeeperLink, message: Mapping[str, Any]) -> None:
        """Hand on one message."""
        token = message.get("token")
        if message["op"] in ("log", "ended", "refused") and token is not None:
            self._wake(token)
        if message["op"] == "log":
            return
        found = self._flight(token) if token is not None else None
        if found is not None:
            found[0].heard(found[1], message)
        elif message["op"] in ("ended", "refused"):
            self._heard_end_aside(link, message)

    def _heard_end_aside(self, link: KeeperLink, message: Mapping[str, Any]) -> None:
        """An end of what is no job's, or no longer; any other one could not be saved and is told again."""
        token = message.get("token", "")
        outcome = self._aside.get(token)
        if outcome is not None and not outcome.done():
            outcome.set_result(outcome_of(message))
        if outcome is not None or token in self._unwanted:
            self._unwanted.discard(token)
            link.acknowledge(token)

    def _wake(self, token: str) -> None:
        for waiting in self._log_waits.pop(token, ()):
            waiting.set()

    async def grown(self, token: str, seq: int) -> None:
        """Return once that start's log has a frame `seq` or a later one, or is complete."""
        waiting = asyncio.Event()
        self._log_waits.setdefault(token, set()).add(waiting)
        self._watch(token, seq)
        try:
            await waiting.wait()
        finally:
            self._log_waits.get(token, set()).discard(waiting)

    def _watch(self, token: str, seq: int) -> None:
        """Ask the keeper that has the start. Before all were heard nobody knows; a hello wakes who waits."""
        found = self._flight(token)
        message = {"op": "watch", "token": token, "seq": seq}
        if found is not None and found[1].link is not None:
            found[1].link.send(message)
        elif self._keepers.are_all_heard:
            self._keepers.send(message)

    async def run_aside(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have the keeper run something that is no job; answers its outcome. Cancelling stops it."""
        token = message["token"]
        outcome: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._aside[token] = outcome
        try:
            if not self._keepers.send(message):
                raise Unavailable("The keeper does not answer: nothing can be run now. Try again later.")
            return await outcome
        except asyncio.CancelledError:
            self._unwanted.add(token)
            self._keepers.send({"op": "stop", "token": token})
            raise
        finally:
            del self._aside[token]

    def underway(self, link: KeeperLink | None) -> int:
        """How many starts a keeper has; None for those that none has yet."""
        flights = [flight for executor in self._executors.values() for flight in executor.flights.values()]
        return sum(flight.link is link for flight in flights)

    # -- what became of the jobs in flight ----------------------------------------------------------------

    def reconcile(self, core: Scheduler) -> None:
        """The core was read again from the store: connect anew, and take over what the keepers then tell."""
        jobs = core.started_jobs()
        if self._is_first_look and self._boots.before not in (None, self._boots.now):
            self._of_another_boot = frozenset(started(job).token for job in jobs)
        self._is_first_look = False
        self._reconciled.set()
        self._reconciled = Event()
        log.info("jobs in flight", jobs=len(jobs), of_another_boot=len(self._of_another_boot))
        self._keepers.reconnect()

    async def _note_boot(self) -> None:
        """Note this boot, and what was in flight at the last one's end; before that nothing starts."""
        if self._boots.before == self._boots.now:
            return
        await self._scheduler.ask(partial(_note_boot, self._boots.now, self._of_another_boot))
        self._boots = replace(self._boots, before=self._boots.now)

    def _dismiss(self, run: KeptRun, link: KeeperLink) -> None:
        """A run that no job wants: its end is committed already, or its token was taken back."""
        log.info("a run is no longer wanted", token=run.token, state=run.state)
        if run.state == "ended":
            link.acknowledge(run.token)
        else:
            self._unwanted.add(run.token)
            link.send({"op": "stop", "token": run.token})

    def _taken(self, job: Started, link: KeeperLink) -> tuple[Executor, Flight]:
        """The flight of a start that is under way since before, in that keeper's hands from now on."""
        executor = self._executor(job.pool)
        flight = Flight(job.job_id, job.pool, job.token)
        executor.adopt(flight, link)
        return executor, flight

    def _adopt(self, job: Started, run: KeptRun, link: KeeperLink) -> None:
        executor, flight = self._taken(job, link)
        if run.state == "ended":
            executor.heard(flight, {"op": "ended", "token": job.token, "outcome": run.outcome})
            return
        log.info("adopted", job=job.job_id, pid=run.pid, state=run.state)
        if run.state != "starting":
            executor.heard(flight, {"op": "started", "pid": run.pid, "spawnTime": run.spawn_time})
        if job.stop_asked:
            link.send({"op": "stop", "token": job.token})
        elif job.paused != run.paused:
            link.send({"op": "pause" if job.paused else "resume", "token": job.token})

    async def _find_out(self, executor: Executor, flight: Flight) -> None:
        """No keeper knows this start: ended before, never begun, or lost with its keeper."""
        control = self._workshop.works.control(flight.token)
        try:
            record = await to_thread.run_sync(recorded, control)
            outcome = None if record is None else read_outcome(record)
            if outcome is not None:
                await self._ended_before(executor, flight, outcome)
                return
            claim = await to_thread.run_sync(burn, control)
        except OSError as error:
            log.error("a claim cannot be read", job=flight.job_id, cause=str(error))
            executor.forget(flight)
            self._keepers.reconnect_soon()
            return
        if executor.flights.get(flight.token) is not flight:
            return  # it is looked after since a later connection
        if flight.token in self._of_another_boot:
            await self._ended_before(executor, flight, {"token": flight.token, "lost": True})
        elif claim is Claim.BURNT:
            executor.forget(flight)
            self._scheduler.tell(i.NotStarted(flight.job_id, flight.token))
        else:
            executor.reap(flight)

    async def _ended_before(self, executor: Executor, flight: Flight, outcome: Mapping[str, Any]) -> None:
        flight.phase = Phase.CONCLUDING
        await executor.conclude_outcome(flight, outcome)


@dataclass(frozen=True, slots=True)
class Boots:
    """The boot of the daemon before (None: there was none), this one, and the tokens in flight in between.

    A token is never used twice, so those that are over do no harm.
    """

    before: str | None
    now: str
    in_flight: frozenset[str] = frozenset()


async def boots_of(store: Store) -> Boots:
    """What is noted of boots when a daemon starts."""
    in_flight = await store.meta(IN_FLIGHT) or ""
    return Boots(await store.meta("boot_id"), clock.boot_id(), frozenset(in_flight.split()))


def _note_boot(boot: str, in_flight: frozenset[str], tx: Transaction) -> None:
    tx.save(SetMeta("boot_id", boot))
    tx.save(SetMeta(IN_FLIGHT, " ".join(sorted(in_flight)) or None))
