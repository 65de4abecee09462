"""The starts that are under way, of jobs and of others: each from its order to its saved outcome."""

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
    """How far a start got, as far as this daemon knows."""

    PREPARING = auto()
    """Its folder is being made; no backend was told. Only a burnt claim stops it for sure."""
    SENT = auto()
    """A backend was told, or has it from before."""
    CONCLUDING = auto()
    """Its outcome is known and on its way to the store."""


@dataclass(slots=True)
class Start:
    """One start. `job_id` is 0 for what is no job's."""

    job_id: int
    token: str
    phase: StartPhase = StartPhase.PREPARING
    is_simple: bool = False
    """Whether the keeper makes and removes all its folders."""
    is_one_step: bool = False
    """Whether the run ends with it: then its start may be reported with its end."""
    untold: m.Started | None = None
    """That its processes exist, while that is not reported."""
    is_of_this_boot: bool = True
    """Whether it may live: not when the machine on which it ran has booted since."""
    elsewhere: Backend | None = None
    """The backend that has it, when that is not the actor's own."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A start that the store knows of, as needed to find out what became of it."""

    job_id: int
    token: str
    stop_asked: bool = False
    paused: bool = False


def outcome_of(message: m.Ended | m.Refused) -> Outcome:
    """The outcome in an `Ended`; of a `Refused` one that says so."""
    if isinstance(message, m.Ended):
        return message.outcome
    return Outcome(message.token, refused=m.Refusal(message.kind, message.message, message.errno))


class Starts(ABC):
    """The starts that one actor answers for. What they are for is the actor's matter."""

    def __init__(self, backend: Backend, scheduler: SchedulerActor, tasks: TaskGroup) -> None:
        self.starts: dict[str, Start] = {}
        self._backend = backend
        self._scheduler = scheduler
        self._tasks = tasks

    # -- what the actor says ------------------------------------------------------------------------------

    @abstractmethod
    def reap_order(self, token: str) -> ReapOrder:
        """How what is left of an orphan is stopped, and where its control folder is."""

    @abstractmethod
    async def conclude(self, start: Start, outcome: Outcome) -> None:
        """Return when what the outcome comes to is saved. Raises Unavailable, StoreUnavailable, OSError."""

    @abstractmethod
    async def give_up(self, start: Start, outcome: Outcome, fault: Exception) -> None:
        """The same when `conclude` failed in another way, which it would do again."""

    @abstractmethod
    def never_started(self, start: Start) -> None:
        """Nothing came of it and nothing will."""

    def conclude_at_once(self, start: Start, outcome: Outcome) -> Input | None:
        """The report on what ended and left nothing to be read; None where `conclude` has to look."""
        return None

    # -- what becomes of a start --------------------------------------------------------------------------

    def backend_of(self, start: Start) -> Backend:
        """Who has it, or is to have it."""
        return start.elsewhere or self._backend

    def send(self, start: Start, order: StartOrder, place: Place | None = None) -> bool:
        """Have it started; False when nobody was told."""
        if not self.backend_of(start).start(order, place):
            return False
        start.phase = StartPhase.SENT
        return True

    def adopt(self, start: Start) -> None:
        """Take over a start from before."""
        start.phase = StartPhase.SENT
        self.starts[start.token] = start

    def forget(self, start: Start) -> None:
        """Nothing more is to be done for this start; one that was taken over anew meanwhile stays."""
        if self.starts.get(start.token) is start:
            del self.starts[start.token]

    def heard(self, start: Start, message: Message) -> None:
        """One message of the backend about one of these starts."""
        match message:
            case m.Refused(kind="claimed"):
                self.reap(start)
            case m.Refused() | m.Ended():
                self.conclude_soon(start, outcome_of(message))

    def reap(self, start: Start) -> None:
        """Its owner is gone: have what is left of it stopped, then it is lost."""
        log.warning("its keeper died", token=start.token)
        self.backend_of(start).reap(self.reap_order(start.token), self.place_of(start))

    def place_of(self, _start: Start) -> Place | None:
        """Where it runs, when that is not this machine."""
        return None

    def conclude_soon(self, start: Start, outcome: Outcome) -> None:
        """Save what an outcome comes to, beside other work where something is to be read."""
        if start.phase is StartPhase.CONCLUDING:
            return
        start.phase = StartPhase.CONCLUDING
        try:
            report = self.conclude_at_once(start, outcome)
        except Exception:  # noqa: BLE001 - whatever it is, the careful way meets it again and says so
            report = None
        if report is None:
            self._tasks.start_soon(self.settle, start, partial(self._concluded, start, outcome))
        else:
            self._scheduler.tell(report, partial(self._over, start))

    async def _concluded(self, start: Start, outcome: Outcome) -> None:
        try:
            await self.conclude(start, outcome)
        except (OSError, StoreUnavailable, Unavailable):
            raise
        except Exception as fault:
            # One of two places that take any fault: this outcome would come back at every connection.
            log.exception("an outcome could not be concluded", token=start.token)
            await self.give_up(start, outcome, fault)

    async def settle(self, start: Start, save: Callable[[], Awaitable[None]]) -> None:
        """Save what a start came to; acknowledge it then."""
        is_saved = False
        try:
            await save()
            is_saved = True
        except Unavailable:
            log.warning("an outcome waits for the store", token=start.token)
        except (OSError, StoreUnavailable) as error:
            # Unacknowledged it is told again, by the backend or by what is on record, until it can be saved.
            log.error("an outcome cannot be concluded now", token=start.token, cause=str(error))
            self.forget(start)
            self.backend_of(start).reconnect_soon()
        finally:
            self._over(start, is_saved)

    def _over(self, start: Start, is_saved: bool) -> None:
        """Acknowledge an outcome that is on disk; else it is told again when the store is back."""
        self.forget(start)
        if is_saved:
            self.backend_of(start).acknowledge(start.token)
