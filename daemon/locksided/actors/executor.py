"""The executor actor of one pool: has steps prepared, started, stopped and concluded, and reports.

It decides nothing about jobs. What a backend says of a token reaches it through `Executors`.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from anyio import Event
from anyio.abc import TaskGroup

from locksided import clock
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.starts import Phase, Start
from locksided.backends.base import Backend
from locksided.backends.messages import Message
from locksided.core import inputs as i
from locksided.core.actions import Action, CheckProgram, PauseRun, ResumeRun, StartStep, StopRun
from locksided.core.errors import Refused, Unavailable
from locksided.keeper import messages as m
from locksided.keeper.messages import Outcome, StartOrder
from locksided.runs.conclusions import Conclusion
from locksided.runs.runs import Runs
from locksided.store.errors import StoreUnavailable
from locksided.store.reads import Documents

log = structlog.get_logger("executor")

IN_ORDER_WITHIN_SECONDS = 0.5


def outcome_of(message: m.Ended | m.Refused) -> Outcome:
    """The outcome in an `Ended`; of a `Refused` one that says so."""
    if isinstance(message, m.Ended):
        return message.outcome
    return Outcome(message.token, refused=m.Refusal(message.kind, message.message, message.errno))


class Executor:
    """Carries out one pool's actions. Its starts are at most as many as the pool has slots."""

    def __init__(
        self, pool: str, backend: Backend, scheduler: SchedulerActor, runs: Runs, tasks: TaskGroup
    ) -> None:
        self.pool = pool
        self.starts: dict[str, Start] = {}
        self._backend = backend
        self._scheduler = scheduler
        self._runs = runs
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
                self._tasks.start_soon(self._check_program, action, before, self._last_told)
            case StopRun():
                self._stop(action)
            case PauseRun():
                self._backend.pause(action.token)
            case ResumeRun():
                self._backend.resume(action.token)

    async def _check_program(self, action: CheckProgram, before: Event, told: Event) -> None:
        """Check whether there is anything to start, and report that after the check `before`.

        Whoever stands ahead in the line starts first, however the threads come back; a check that hangs holds
        up the others for a moment only.
        """
        try:
            report = await self._checked(action)
            with clock.real_move_on_after(IN_ORDER_WITHIN_SECONDS):
                await before.wait()
            self._scheduler.tell(report)
        finally:
            told.set()

    async def _checked(self, action: CheckProgram) -> i.ProgramFound | i.CannotStart:
        """What was found; when that cannot be told, the start itself will show it."""
        try:
            return await self._runs.check_program(action.job_id)
        except (OSError, StoreUnavailable, Refused) as error:
            log.error("a program cannot be looked up", job=action.job_id, cause=str(error))
            return i.ProgramFound(action.job_id)

    # -- start and stop -----------------------------------------------------------------------------------

    def _begin(self, action: StartStep, documents: Documents) -> None:
        """Start it at once where nothing is to be prepared; else prepare it beside other work."""
        start = self.starts[action.token] = Start(action.job_id, action.token)
        try:
            order = self._runs.start_at_once(action, documents)
        except Exception:  # noqa: BLE001 - whatever it is, the careful way meets it again and says so
            order = None
        if order is None:
            self._tasks.start_soon(self._start, action)
            return
        start.is_simple = True
        self._send(start, order)

    def _send(self, start: Start, order: StartOrder) -> None:
        if self._backend.start(order):
            start.phase = Phase.SENT
        else:
            self._not_started(start, None)

    async def _start(self, action: StartStep) -> None:
        """Prepare the step's folder and start it; whatever goes wrong before that started nothing."""
        start = self.starts.get(action.token)
        if start is None:
            return  # it was stopped in the step that started it
        try:
            order = await self._runs.prepare(action)
        except Refused as refusal:
            await self._conclude(start, partial(self._never_started, action, refusal))
            return
        except (OSError, StoreUnavailable) as error:
            self._not_started(start, f"its folder cannot be made: {error}")
            return
        except Exception as fault:
            # One of two places here that take any fault: it must not end the daemon, nor start for ever.
            log.exception("a step could not be prepared", token=start.token)
            told = Refused(f"The daemon failed to prepare it ({type(fault).__name__}).")
            await self._conclude(start, partial(self._never_started, action, told))
            return
        if action.step:
            await self._backend.until_up()  # a run that has begun has no line to go back to
        if start.phase is not Phase.PREPARING:
            try:
                await self._runs.discard(start.token)
            except (OSError, StoreUnavailable) as error:
                log.warning("a folder cannot be tidied up", token=start.token, cause=str(error))
            return
        self._send(start, order)

    def _stop(self, action: StopRun) -> None:
        """Have it stopped; what no backend was told of needs no stopping."""
        start = self.starts.get(action.token)
        if start is not None and start.phase is Phase.PREPARING:
            self._not_started(start, None)
        else:
            self._backend.stop(action.token)

    def _not_started(self, start: Start, cause: str | None) -> None:
        """Nobody but this actor tells a backend of a token: one that it did not send was never used."""
        self.forget(start)
        self._runs.loader.forget(start.token)
        start.phase = Phase.CONCLUDING
        self._scheduler.tell(i.NotStarted(start.job_id, start.token, cause))

    # -- what the backend says ----------------------------------------------------------------------------

    def adopt(self, start: Start) -> None:
        """Take over a start from before."""
        start.phase = Phase.SENT
        self.starts[start.token] = start

    def forget(self, start: Start) -> None:
        """Nothing more is to be done for this start; one that was taken over anew meanwhile stays."""
        if self.starts.get(start.token) is start:
            del self.starts[start.token]

    def heard(self, start: Start, message: Message) -> None:
        """One message of the backend about one of this pool's starts."""
        match message:
            case m.Started():
                self._scheduler.tell_deferred(self._runs.spawned(*message))
            case m.Refused(kind="claimed"):
                self.reap(start)
            case m.Refused() | m.Ended():
                self.conclude_soon(start, outcome_of(message))
            case m.Progress():
                progress = self._runs.progressed(start.token, message.progress)
                if progress is not None:
                    self._scheduler.tell(progress)

    def reap(self, start: Start) -> None:
        """Its owner is gone: have what is left of it stopped, then it is lost."""
        log.warning("its keeper died", job=start.job_id)
        self._scheduler.tell(i.Orphaned(start.job_id, start.token))
        self._backend.reap(self._runs.reap_order(start.token))

    def conclude_soon(self, start: Start, outcome: Outcome) -> None:
        """Make of an outcome what the scheduler saves, at once where nothing is to be read."""
        if start.phase is Phase.CONCLUDING:
            return
        start.phase = Phase.CONCLUDING
        try:
            report = self._runs.conclude_at_once(start.token, outcome) if start.is_simple else None
        except Exception:  # noqa: BLE001 - as above
            report = None
        if report is None:
            self._tasks.start_soon(self._conclude, start, partial(self._concluded, start, outcome))
        else:
            self._scheduler.tell(report, partial(self._over, start))

    async def _never_started(self, action: StartStep, refusal: Refused) -> None:
        await self._report(self._runs.never_started(action, refusal))

    async def _concluded(self, start: Start, outcome: Outcome) -> None:
        try:
            concluding = self._runs.conclude(start.token, outcome, is_same_boot=start.is_of_this_boot)
            await self._report(concluding)
        except (OSError, StoreUnavailable, Unavailable):
            raise
        except Exception as fault:
            # The other place: an outcome that cannot be concluded would come back at every connection.
            log.exception("an outcome could not be concluded", token=start.token)
            await self._report(self._runs.failed(start.token, outcome, fault))

    async def _report(self, concluding: Awaitable[Conclusion]) -> None:
        """Tell the scheduler what a start came to, and wait until that is saved."""
        conclusion = await concluding
        await self._scheduler.ask(conclusion.report, also=conclusion.also)

    async def _conclude(self, start: Start, report: Callable[[], Awaitable[None]]) -> None:
        """Report what a start came to; acknowledge once that is saved."""
        is_saved = False
        try:
            await report()
            is_saved = True
        except Unavailable:
            log.warning("an outcome waits for the store", token=start.token)
        except (OSError, StoreUnavailable) as error:
            # Unacknowledged it is told again, by the backend or by what is on record, until it can be saved.
            log.error("an outcome cannot be concluded now", token=start.token, cause=str(error))
            self.forget(start)
            self._backend.reconnect_soon()
        finally:
            self._over(start, is_saved)

    def _over(self, start: Start, is_saved: bool) -> None:
        """Acknowledge an outcome that is on disk; else it is told again when the store is back."""
        self.forget(start)
        if is_saved:
            self._backend.acknowledge(start.token)
