"""The starts in progress, of jobs and asides: each from its order to its saved outcome."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

import structlog
from anyio.abc import TaskGroup

from locksided.actors.scheduler import SchedulerActor
from locksided.backends.base import Backend, Place
from locksided.backends.messages import Message
from locksided.core.errors import Unavailable
from locksided.core.inputs import Input
from locksided.keeper import messages as m
from locksided.keeper.messages import Outcome, ReapOrder, StartOrder
from locksided.store.errors import StoreUnavailable

log = structlog.get_logger("executor")


class StartPhase(Enum):
    """The progress of a start, as far as this daemon knows."""

    PREPARING = auto()
    """Its folder is being prepared; no backend knows it. Only a burnt claim stops it for certain."""
    SENT = auto()
    """It was sent to a backend, or taken over from before."""
    CONCLUDING = auto()
    """Its outcome is known and is being saved."""


@dataclass(slots=True)
class Start:
    """One start. `job_id` is 0 if it belongs to no job."""

    job_id: int
    token: str
    phase: StartPhase = StartPhase.PREPARING
    is_simple: bool = False
    """Whether the keeper makes and removes all its folders."""
    is_one_step: bool = False
    """Whether it is the whole run: then its start may be reported with its end."""
    unreported: m.Started | None = None
    """The report that its processes exist, until it is passed on."""
    is_of_this_boot: bool = True
    """Whether it may be alive: False if its machine has booted since."""
    elsewhere: Backend | None = None
    """The backend that has it, if that is not the actor's own."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A start that the store knows of, with what is needed to find out its fate."""

    job_id: int
    token: str
    stop_asked: bool = False
    paused: bool = False


def outcome_of(message: m.Ended | m.Refused) -> Outcome:
    """Return the outcome in an `Ended`, or the refusal in a `Refused` as an outcome."""
    if isinstance(message, m.Ended):
        return message.outcome
    return Outcome(message.token, refused=m.Refusal(message.kind, message.message, message.errno))


class Starts(ABC):
    """The starts of one actor. The subclass decides what they are for."""

    def __init__(self, backend: Backend, scheduler: SchedulerActor, tasks: TaskGroup) -> None:
        self.starts: dict[str, Start] = {}
        self._backend = backend
        self._scheduler = scheduler
        self._tasks = tasks

    # -- to be implemented by the actor -------------------------------------------------------------------

    @abstractmethod
    def reap_order(self, token: str) -> ReapOrder:
        """Return how the remains of an orphan are stopped, and where its control folder is."""

    @abstractmethod
    async def conclude(self, start: Start, outcome: Outcome) -> None:
        """Save the result of the outcome. Raises Unavailable, StoreUnavailable, OSError."""

    @abstractmethod
    async def give_up(self, start: Start, outcome: Outcome, fault: Exception) -> None:
        """The same after `conclude` failed in another way, which would happen again."""

    @abstractmethod
    def never_started(self, start: Start) -> None:
        """Report that the start did not happen and never will."""

    def conclude_at_once(self, start: Start, outcome: Outcome) -> Input | None:
        """Return the report on an end that left nothing to be read; None if `conclude` is needed."""
        return None

    # -- the course of a start ----------------------------------------------------------------------------

    def backend_of(self, start: Start) -> Backend:
        """Return the backend that has, or will get, the start."""
        return start.elsewhere or self._backend

    def send(self, start: Start, order: StartOrder, place: Place | None = None) -> bool:
        """Send a start to its backend; returns False if it could not be sent."""
        if not self.backend_of(start).start(order, place):
            return False
        start.phase = StartPhase.SENT
        return True

    def adopt(self, start: Start) -> None:
        """Take over a start of an earlier daemon or connection."""
        start.phase = StartPhase.SENT
        self.starts[start.token] = start

    def forget(self, start: Start) -> None:
        """Forget a start; one that was taken over again meanwhile stays."""
        if self.starts.get(start.token) is start:
            del self.starts[start.token]

    def heard(self, start: Start, message: Message) -> None:
        """Handle one message of the backend about a start."""
        match message:
            case m.Refused(kind="claimed"):
                self.reap(start)
            case m.Refused() | m.Ended():
                self.conclude_soon(start, outcome_of(message))

    def reap(self, start: Start) -> None:
        """Stop what is left of a start whose owner is gone; then it is lost."""
        log.warning("its keeper died", token=start.token)
        self.backend_of(start).reap(self.reap_order(start.token), self.place_of(start))

    def place_of(self, _start: Start) -> Place | None:
        """Return where it runs, if that is not this machine."""
        return None

    def conclude_soon(self, start: Start, outcome: Outcome) -> None:
        """Save the result of an outcome, in a task of its own if something must be read."""
        if start.phase is StartPhase.CONCLUDING:
            return
        start.phase = StartPhase.CONCLUDING
        try:
            report = self.conclude_at_once(start, outcome)
        except Exception:  # noqa: BLE001 - the slow path meets the same error and reports it
            report = None
        if report is None:
            self._tasks.start_soon(self.settle, start, partial(self._concluded, start, outcome))
        else:
            self._scheduler.tell(report, partial(self._acknowledge, start))

    async def _concluded(self, start: Start, outcome: Outcome) -> None:
        try:
            await self.conclude(start, outcome)
        except (OSError, StoreUnavailable, Unavailable):
            raise
        except Exception as fault:
            # One of two places that catch every exception: this outcome would return with every connection.
            log.exception("an outcome could not be concluded", token=start.token)
            await self.give_up(start, outcome, fault)

    async def settle(self, start: Start, save: Callable[[], Awaitable[None]]) -> None:
        """Save the result of a start; acknowledge it then."""
        is_saved = False
        try:
            await save()
            is_saved = True
        except Unavailable:
            log.warning("an outcome waits for the store", token=start.token)
        except (OSError, StoreUnavailable) as error:
            # It is reported again, by the backend or from its files, until it can be saved and acknowledged.
            log.error("an outcome cannot be concluded now", token=start.token, cause=str(error))
            self.forget(start)
            self.backend_of(start).reconnect_soon()
        finally:
            self._acknowledge(start, is_saved)

    def _acknowledge(self, start: Start, is_saved: bool) -> None:
        """Acknowledge an outcome that is on disk; otherwise it is reported again after the store recovers."""
        self.forget(start)
        if is_saved:
            self.backend_of(start).acknowledge(start.token)
