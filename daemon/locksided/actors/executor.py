"""The executor actor of one pool: has steps prepared, started, stopped and concluded, and reports.

It decides nothing about jobs. What the keeper says of a token reaches it through `Executors`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from anyio import Event
from anyio.abc import TaskGroup

from locksided import clock
from locksided.actors.flights import Flight, Phase
from locksided.actors.keeper_link import KeeperLink
from locksided.actors.keepers import Keepers
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.workshop import Workshop
from locksided.core import inputs as i
from locksided.core.actions import Action, CheckProgram, PauseRun, ResumeRun, StartStep, StopRun
from locksided.core.errors import Refused, Unavailable
from locksided.store.errors import StoreUnavailable
from locksided.store.reads import Documents

log = structlog.get_logger("executor")

IN_ORDER_WITHIN_SECONDS = 0.5


def outcome_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The outcome in an `ended`; a `refused` is one itself."""
    outcome: Mapping[str, Any] = message["outcome"] if message["op"] == "ended" else {"refused": message}
    return outcome


class Executor:
    """Carries out one pool's actions. Its flights are at most as many as the pool has slots."""

    def __init__(
        self, pool: str, keepers: Keepers, scheduler: SchedulerActor, workshop: Workshop, tasks: TaskGroup
    ) -> None:
        self.pool = pool
        self.flights: dict[str, Flight] = {}
        self._keepers = keepers
        self._scheduler = scheduler
        self._workshop = workshop
        self._tasks = tasks
        self._last_told = Event()
        self._last_told.set()

    def perform(self, action: Action, documents: Documents) -> None:
        """Take one action; `documents` are what was read of the jobs that are to be started."""
        match action:
            case StartStep():
                self._begin(action, documents)
            case CheckProgram():
                before, self._last_told = self._last_told, Event()
                self._tasks.start_soon(self._seek, action, before, self._last_told)
            case StopRun():
                self._stop(action)
            case PauseRun():
                self._tell("pause", action.token)
            case ResumeRun():
                self._tell("resume", action.token)

    def _tell(self, op: str, token: str) -> None:
        """Tell the keeper that has it; before that is known, all of them."""
        flight = self.flights.get(token)
        if flight is not None and flight.link is not None:
            flight.link.send({"op": op, "token": token})
        else:
            self._keepers.send_to_all({"op": op, "token": token})

    async def _seek(self, action: CheckProgram, before: Event, told: Event) -> None:
        """See whether there is anything to start, and tell that after what was asked `before`.

        Whoever stands ahead in the line starts first, however the threads come back; one whose search hangs
        holds up the others for a moment only.
        """
        try:
            report = await self._sought(action)
            with clock.real_move_on_after(IN_ORDER_WITHIN_SECONDS):
                await before.wait()
            self._scheduler.tell(report)
        finally:
            told.set()

    async def _sought(self, action: CheckProgram) -> i.ProgramFound | i.CannotStart:
        """What is there; when that cannot be told, the start itself will show it."""
        try:
            return await self._workshop.programs.sought(action.job_id)
        except (OSError, StoreUnavailable, Refused) as error:
            log.error("a program cannot be looked for", job=action.job_id, cause=str(error))
            return i.ProgramFound(action.job_id)

    # -- start and stop -----------------------------------------------------------------------------------

    def _begin(self, action: StartStep, documents: Documents) -> None:
        """Tell the keeper at once where nothing is to be prepared; else prepare it beside other work."""
        flight = self.flights[action.token] = Flight(action.job_id, self.pool, action.token)
        try:
            message = self._workshop.start_at_once(action, documents)
        except Exception:  # noqa: BLE001 - whatever it is, the careful way meets it again and says so
            message = None
        if message is None:
            self._tasks.start_soon(self._start, action)
            return
        flight.is_simple = True
        self._send(flight, message)

    def _send(self, flight: Flight, message: dict[str, Any]) -> None:
        current = self._keepers.current
        if current is None or not current.send(message):
            self._not_started(flight, None)
            return
        flight.given_to(current)

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
        if action.step:
            await self._keepers.until_current()  # a run that has begun has no line to go back to
        if flight.phase is not Phase.PREPARING:
            try:
                await self._workshop.conclusions.discard(flight)
            except (OSError, StoreUnavailable) as error:
                log.warning("a folder cannot be tidied up", token=flight.token, cause=str(error))
            return
        self._send(flight, message)

    def _stop(self, action: StopRun) -> None:
        """Have the keeper stop it; what it was never told of needs no stopping."""
        flight = self.flights.get(action.token)
        if flight is not None and flight.phase is Phase.PREPARING:
            self._not_started(flight, None)
        else:
            self._tell("stop", action.token)

    def _not_started(self, flight: Flight, cause: str | None) -> None:
        """Nobody but this actor tells the keeper of a token: one that it did not send was never used."""
        self.forget(flight)
        self._workshop.works.forget(flight)
        flight.phase = Phase.CONCLUDING
        self._scheduler.tell(i.NotStarted(flight.job_id, flight.token, cause))

    # -- what the keeper says -----------------------------------------------------------------------------

    def adopt(self, flight: Flight, link: KeeperLink) -> None:
        """Take over a start that a keeper has from before, or that it is to find out about."""
        flight.given_to(link)
        self.flights[flight.token] = flight

    def forget(self, flight: Flight) -> None:
        """Nothing more is to be done for this start; one that was taken over anew meanwhile stays."""
        if self.flights.get(flight.token) is flight:
            del self.flights[flight.token]

    def heard(self, flight: Flight, message: Mapping[str, Any]) -> None:
        """One message of the keeper about one of this pool's starts."""
        match message["op"]:
            case "started":
                self._scheduler.mention(self._workshop.spawned(flight, message))
            case "refused" if message["kind"] == "claimed":
                self.reap(flight)
            case "refused" | "ended":
                if flight.phase is not Phase.CONCLUDING:
                    flight.phase = Phase.CONCLUDING
                    self._conclude_soon(flight, message)
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
        self._keepers.send(self._workshop.reap(flight))

    def _conclude_soon(self, flight: Flight, message: Mapping[str, Any]) -> None:
        outcome = outcome_of(message)
        try:
            report = self._workshop.conclusions.at_once(flight, outcome)
        except Exception:  # noqa: BLE001 - as above
            report = None
        if report is None:
            self._tasks.start_soon(self.conclude_outcome, flight, outcome)
        else:
            self._scheduler.tell(report, partial(self._over, flight))

    def _over(self, flight: Flight, is_saved: bool) -> None:
        """Acknowledge an outcome that is on disk; else the keeper tells it again when the store is back."""
        self.forget(flight)
        if is_saved and flight.link is not None:
            flight.link.acknowledge(flight.token)

    async def conclude_outcome(self, flight: Flight, outcome: Mapping[str, Any]) -> None:
        """Make of the keeper's outcome what the scheduler saves; acknowledge once that is on disk."""
        await self._conclude(flight, partial(self._concluded, flight, outcome))

    async def _concluded(self, flight: Flight, outcome: Mapping[str, Any], scheduler: SchedulerActor) -> None:
        conclusions = self._workshop.conclusions
        try:
            conclude = await conclusions.conclude(flight, outcome)
            await conclude(scheduler)
        except (OSError, StoreUnavailable, Unavailable):
            raise
        except Exception as fault:
            # The other place: an outcome that cannot be concluded would come back at every connection.
            log.exception("an outcome could not be concluded", token=flight.token)
            await conclusions.failed(flight, outcome, fault)(scheduler)

    async def _conclude(self, flight: Flight, conclude: Callable[[SchedulerActor], Any]) -> None:
        is_saved = False
        try:
            await conclude(self._scheduler)
            is_saved = True
        except Unavailable:
            log.warning("an outcome waits for the store", token=flight.token)
        except (OSError, StoreUnavailable) as error:
            self._leave_for_later(flight, error)
        finally:
            self._over(flight, is_saved)

    def _leave_for_later(self, flight: Flight, error: Exception) -> None:
        """Unacknowledged it is told again, by the keeper or by what it wrote down, until it can be saved."""
        log.error("an outcome cannot be concluded now", token=flight.token, cause=str(error))
        self.forget(flight)
        self._keepers.reconnect_soon()
