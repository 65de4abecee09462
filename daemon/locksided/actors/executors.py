"""All executors: routes actions to the pool's actor and the keeper's words to the start that they are about.

After every new connection to the keeper, and after the store came back, it finds out what became of each job
that is in flight: alive, ended, never started, or lost. Evidence decides, never a time-out.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from locksided import clock
from locksided.actors.claims import Claim, burn, recorded
from locksided.actors.executor import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Executor
from locksided.actors.flights import Flight, Phase, Started, started
from locksided.actors.keeper_link import KeeperLink
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.workshop import Workshop
from locksided.core import inputs as i
from locksided.core.actions import Action
from locksided.core.errors import Unavailable
from locksided.core.saves import SetMeta
from locksided.core.scheduler import Scheduler
from locksided.store.store import Store
from locksided.store.transaction import Transaction

log = structlog.get_logger("executors")

LOCAL = "local"
IN_FLIGHT = "in_flight_at_boot"


class Executors:
    """Knows every executor and every start that is under way."""

    def __init__(
        self,
        link: KeeperLink,
        scheduler: SchedulerActor,
        workshop: Workshop,
        tasks: TaskGroup,
        boots: "Boots",
    ) -> None:
        self._link = link
        self._scheduler = scheduler
        self._workshop = workshop
        self._tasks = tasks
        self._boots = boots
        self._of_another_boot = boots.in_flight
        self._is_first_look = True
        self._executors: dict[str, Executor] = {}
        self._unheard: list[Mapping[str, Any]] | None = None
        """What the keeper said since its hello: whom it concerns is not known before that is taken over."""
        self._log_waits: dict[str, set[asyncio.Event]] = {}
        self._aside: dict[str, asyncio.Future[Mapping[str, Any]]] = {}

    def perform(self, action: Action) -> None:
        """Hand one action to its pool's executor."""
        self._executor(action.pool).perform(action)

    def _executor(self, pool: str) -> Executor:
        executor = self._executors.get(pool)
        if executor is None:
            executor = Executor(pool, self._link, self._scheduler, self._workshop, self._tasks)
            self._executors[pool] = executor
            self._tasks.start_soon(executor.run)
        return executor

    def _flight(self, token: str) -> tuple[Executor, Flight] | None:
        for executor in self._executors.values():
            flight = executor.flights.get(token)
            if flight is not None:
                return executor, flight
        return None

    # -- the keeper ---------------------------------------------------------------------------------------

    def keeper_up(self, hello: Mapping[str, Any]) -> None:
        """A keeper answers: see what it has."""
        for token in list(self._log_waits):
            self._wake(token)  # whoever waits looks again, and asks this keeper
        self._unheard = []
        self._tasks.start_soon(
            self._take_over, self._link.generation, {run["token"]: run for run in hello["runs"]}
        )

    def keeper_down(self, cause: str) -> None:
        """Nothing can be started until a keeper answers."""
        for outcome in self._aside.values():
            if not outcome.done():
                outcome.set_result({"lost": True})
        self._scheduler.tell(i.ExecutorDown(LOCAL, cause))

    def keeper_said(self, message: Mapping[str, Any]) -> None:
        """Hand on one message."""
        token = message.get("token")
        if message["op"] in ("log", "ended", "refused") and token is not None:
            self._wake(token)
        if message["op"] == "log":
            return
        if self._unheard is not None and token not in self._aside:
            self._unheard.append(message)
            return
        found = self._flight(token) if token is not None else None
        if found is not None:
            found[0].heard(found[1], message)
        elif message["op"] in ("ended", "refused"):
            outcome = self._aside.get(token or "")
            if outcome is not None and not outcome.done():
                outcome.set_result(message.get("outcome") or {"refused": message})
            self._link.send({"op": "ack", "token": token})

    def _wake(self, token: str) -> None:
        for waiting in self._log_waits.pop(token, ()):
            waiting.set()

    async def grown(self, token: str, seq: int) -> None:
        """Return once that start's log has a frame `seq` or a later one, or is complete."""
        waiting = asyncio.Event()
        self._log_waits.setdefault(token, set()).add(waiting)
        self._link.send({"op": "watch", "token": token, "seq": seq})
        try:
            await waiting.wait()
        finally:
            self._log_waits.get(token, set()).discard(waiting)

    async def run_aside(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have the keeper run something that is no job; answers its outcome. Cancelling stops it."""
        token = message["token"]
        outcome: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._aside[token] = outcome
        try:
            if not self._link.send(message):
                raise Unavailable("The keeper does not answer: nothing can be run now. Try again later.")
            return await outcome
        except asyncio.CancelledError:
            self._link.send({"op": "stop", "token": token})
            raise
        finally:
            del self._aside[token]

    @property
    def underway(self) -> int:
        """How many starts are under way."""
        return sum(len(executor.flights) for executor in self._executors.values())

    # -- what became of the jobs in flight ----------------------------------------------------------------

    def reconcile(self, core: Scheduler) -> None:
        """The core was read again from the store: connect anew, and take over what the keeper then tells."""
        jobs = core.started_jobs()
        if self._is_first_look and self._boots.before not in (None, self._boots.now):
            self._of_another_boot |= {started(job).token for job in jobs}
        self._is_first_look = False
        log.info("jobs in flight", jobs=len(jobs), of_another_boot=len(self._of_another_boot))
        self._link.reconnect()

    async def _take_over(self, connection: int, runs: dict[str, Mapping[str, Any]]) -> None:
        """See what became of everything in flight, with what the keeper of that connection has."""
        try:
            await self._note_boot()
            jobs = await self._scheduler.look(lambda core: [started(job) for job in core.started_jobs()])
        except Unavailable:
            return  # nothing starts before that: all is looked at again when the store can be used
        if connection != self._link.generation:
            return  # a later hello knows more
        wanted = {job.token for job in jobs}
        for token, run in runs.items():
            if token not in wanted and self._flight(token) is None:
                self._dismiss(run)
        for job in jobs:
            found = self._flight(job.token)
            if found is not None and found[1].is_underway(self._link.generation):
                continue
            if job.token in runs:
                self._adopt(job, runs[job.token])
            else:
                self._tasks.start_soon(self._find_out, job)
        unheard, self._unheard = self._unheard or [], None
        for message in unheard:
            self.keeper_said(message)
        self._scheduler.tell(i.ExecutorUp(LOCAL))

    async def _note_boot(self) -> None:
        """Note this boot, and what was in flight at the last one's end; before that nothing starts."""
        if self._boots.before == self._boots.now:
            return
        await self._scheduler.ask(partial(_note_boot, self._boots.now, self._of_another_boot))
        self._boots = replace(self._boots, before=self._boots.now)

    def _dismiss(self, run: Mapping[str, Any]) -> None:
        """A run that no job wants: its end is committed already, or its token was taken back."""
        log.info("a run is no longer wanted", token=run["token"], state=run["state"])
        op = "ack" if run["state"] == "ended" else "stop"
        self._link.send({"op": op, "token": run["token"]})

    def _adopt(self, job: Started, run: Mapping[str, Any]) -> None:
        executor = self._executor(job.pool)
        flight = Flight(job.job_id, job.pool, job.token)
        executor.adopt(flight)
        if run["state"] == "ended":
            executor.heard(flight, {"op": "ended", "token": job.token, "outcome": run["outcome"]})
            return
        log.info("adopted", job=job.job_id, pid=run["pid"], state=run["state"])
        if run["state"] != "starting":
            executor.heard(flight, {**run, "op": "started"})
        if job.stop_asked:
            self._link.send({"op": "stop", "token": job.token})
        elif job.paused != run["paused"]:
            self._link.send({"op": "pause" if job.paused else "resume", "token": job.token})

    async def _find_out(self, job: Started) -> None:
        """The keeper does not know this start: ended before, never begun, or lost with another keeper."""
        executor = self._executor(job.pool)
        flight = Flight(job.job_id, job.pool, job.token)
        executor.adopt(flight)
        control = self._workshop.works.control(job.token)
        outcome = await to_thread.run_sync(recorded, control, "outcome.json")
        if outcome is None and job.token in self._of_another_boot:
            outcome = {"token": job.token, "lost": True}
        if outcome is not None:
            flight.phase = Phase.CONCLUDING
            await executor.conclude_outcome(flight, outcome)
        else:
            await self._take_back(executor, flight, control)

    async def _take_back(self, executor: Executor, flight: Flight, control: str) -> None:
        """Revoke a token; if a keeper had claimed it, that one is dead, and what is left of it is stopped."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while executor.flights.get(flight.token) is flight:
            try:
                claim = await to_thread.run_sync(burn, control)
                break
            except OSError as error:
                log.error("a claim cannot be read", job=flight.job_id, cause=str(error))
                # Nobody tells when a folder can be used again: each try waits longer.
                await anyio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        else:
            return  # another connection looks after it
        if claim is Claim.BURNT:
            executor.flights.pop(flight.token, None)
            self._scheduler.tell(i.NotStarted(flight.job_id, flight.token))
        else:
            executor.reap(flight)


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
