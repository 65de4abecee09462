"""The executor actor of one pool: has steps prepared, started, stopped and concluded, and reports.

It decides nothing about jobs. What the keeper says of a token reaches it through `Executors`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from locksided.actors.flights import Flight, Phase
from locksided.actors.keeper_link import KeeperLink
from locksided.actors.mailbox import Mailbox
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.workshop import Workshop
from locksided.core import inputs as i
from locksided.core.actions import Action, PauseRun, ResumeRun, StartStep, StopRun
from locksided.core.errors import Refused, Unavailable
from locksided.store.errors import StoreUnavailable

log = structlog.get_logger("executor")

ACTIONS_IN_A_TURN = 64
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Executor:
    """Carries out one pool's actions. Its flights are at most as many as the pool has slots."""

    def __init__(
        self, pool: str, link: KeeperLink, scheduler: SchedulerActor, workshop: Workshop, tasks: TaskGroup
    ) -> None:
        self.pool = pool
        self.flights: dict[str, Flight] = {}
        self._link = link
        self._scheduler = scheduler
        self._workshop = workshop
        self._tasks = tasks
        self._mailbox: Mailbox[Action] = Mailbox()

    def perform(self, action: Action) -> None:
        """Take one action."""
        if isinstance(action, StartStep):
            self.flights[action.token] = Flight(action.job_id, self.pool, action.token)
        self._mailbox.put(action)

    async def run(self) -> None:
        """Work through the actions until cancelled."""
        while True:
            for action in await self._mailbox.take(ACTIONS_IN_A_TURN):
                match action:
                    case StartStep():
                        self._tasks.start_soon(self._start, action)
                    case StopRun():
                        self._stop(action)
                    case PauseRun():
                        self._link.send({"op": "pause", "token": action.token})
                    case ResumeRun():
                        self._link.send({"op": "resume", "token": action.token})

    # -- start and stop -----------------------------------------------------------------------------------

    async def _start(self, action: StartStep) -> None:
        """Prepare the step's folder and tell the keeper; whatever goes wrong before that started nothing."""
        flight = self.flights.get(action.token)
        if flight is None:
            return  # it was stopped in the step that started it
        try:
            message = await self._workshop.prepare(action)
        except Refused as refusal:
            await self._conclude(flight, self._workshop.conclusions.never_started(action, refusal))
            return
        except (OSError, StoreUnavailable) as error:
            self._not_started(flight, f"its folder cannot be made: {error}")
            return
        except Exception as fault:
            # One of two places here that take any fault: it must not end the daemon, nor start for ever.
            log.exception("a step could not be prepared", token=flight.token)
            told = Refused(f"The daemon failed to prepare it ({type(fault).__name__}).")
            await self._conclude(flight, self._workshop.conclusions.never_started(action, told))
            return
        if flight.phase is not Phase.PREPARING:
            await self._workshop.conclusions.discard(flight)
            return
        flight.phase = Phase.SENT
        flight.connection = self._link.generation
        if not self._link.send(message):
            self._not_started(flight, None)

    def _stop(self, action: StopRun) -> None:
        """Have the keeper stop it; what it was never told of needs no stopping."""
        flight = self.flights.get(action.token)
        if flight is not None and flight.phase is Phase.PREPARING:
            self._not_started(flight, None)
        else:
            self._link.send({"op": "stop", "token": action.token})

    def _not_started(self, flight: Flight, cause: str | None) -> None:
        """Nobody but this actor tells the keeper of a token: one that it did not send was never used."""
        self.flights.pop(flight.token, None)
        self._workshop.works.forget(flight)
        flight.phase = Phase.CONCLUDING
        self._scheduler.tell(i.NotStarted(flight.job_id, flight.token, cause))

    # -- what the keeper says -----------------------------------------------------------------------------

    def adopt(self, flight: Flight) -> None:
        """Take over a start that the keeper has from before."""
        flight.phase = Phase.SENT
        flight.connection = self._link.generation
        self.flights[flight.token] = flight

    def heard(self, flight: Flight, message: Mapping[str, Any]) -> None:
        """One message of the keeper about one of this pool's starts."""
        match message["op"]:
            case "started":
                self._scheduler.tell(self._workshop.spawned(flight, message))
            case "refused" if message["kind"] == "claimed":
                self.reap(flight)
            case "refused" | "ended":
                if flight.phase is not Phase.CONCLUDING:
                    flight.phase = Phase.CONCLUDING
                    self._tasks.start_soon(self._ended, flight, message)
            case "progress":
                progress = self._workshop.progressed(flight, message["progress"])
                if progress is not None:
                    self._scheduler.tell(progress)
            case _:
                log.debug("the keeper says", **message)

    def reap(self, flight: Flight) -> None:
        """Another keeper started this and is gone: have what is left of it stopped, then it is lost."""
        log.warning("its keeper died", job=flight.job_id)
        self._scheduler.tell(i.KeeperDied(flight.job_id, flight.token))
        self._link.send(self._workshop.reap(flight))

    async def _ended(self, flight: Flight, message: Mapping[str, Any]) -> None:
        outcome = message.get("outcome") or {"refused": message}
        await self.conclude_outcome(flight, outcome)

    async def conclude_outcome(self, flight: Flight, outcome: Mapping[str, Any]) -> None:
        """Make of the keeper's outcome what the scheduler saves; acknowledge once that is on disk."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                conclude = await self._workshop.conclusions.conclude(flight, outcome)
                break
            except (OSError, StoreUnavailable) as error:
                log.error("an outcome cannot be read", token=flight.token, cause=str(error))
                # Nobody tells when a folder can be read again: each try waits longer.
                await anyio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
            except Exception as fault:
                # The other place: an outcome that cannot be concluded would come back at every connection.
                log.exception("an outcome could not be concluded", token=flight.token)
                conclude = self._workshop.conclusions.failed(flight, outcome, fault)
                break
        await self._conclude(flight, conclude)

    async def _conclude(self, flight: Flight, conclude: Callable[[SchedulerActor], Any]) -> None:
        try:
            await conclude(self._scheduler)
        except Unavailable:
            log.warning("an outcome waits for the store", token=flight.token)
            return
        finally:
            self.flights.pop(flight.token, None)
        self._link.send({"op": "ack", "token": flight.token})
