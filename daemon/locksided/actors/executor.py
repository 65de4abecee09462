"""The executor actor of one pool: prepares, starts, stops and concludes steps, and reports on them.

It decides nothing about jobs. Messages of backends reach it through `Executors`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import structlog
from anyio import Event
from anyio.abc import TaskGroup

from locksided import clock
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.sites import Sites
from locksided.actors.starts import Start, StartPhase, Starts
from locksided.backends.base import Backend, Place
from locksided.backends.messages import Message
from locksided.core import inputs as i
from locksided.core.actions import CheckProgram, JobAction, PauseRun, ResumeRun, StartStep, StopRun
from locksided.core.errors import Refused
from locksided.core.pools import Site
from locksided.keeper.messages import (
    Ended,
    Leftovers,
    Outcome,
    Progress,
    ReapOrder,
    Remote,
    Started,
    StartOrder,
)
from locksided.runs import reports
from locksided.runs.conclusions import Conclusion
from locksided.runs.runs import Runs, TablesMissing
from locksided.store.errors import StoreUnavailable
from locksided.store.reads import Documents

log = structlog.get_logger("executor")

IN_ORDER_WITHIN_SECONDS = 0.5
REPORT_WITHIN_SECONDS = 0.008
"""The end of a process that ends sooner is reported together with its start."""


class Executor(Starts):
    """Carries out one pool's actions. It has at most as many starts as the pool has slots."""

    def __init__(self, sites: Sites, scheduler: SchedulerActor, runs: Runs, tasks: TaskGroup) -> None:
        super().__init__(sites.local, scheduler, tasks)
        self._sites = sites
        self._runs = runs
        self._last_reported = Event()
        self._last_reported.set()
        self._unreported: list[Start] = []

    def perform(self, action: JobAction, documents: Documents) -> None:
        """Carry out one action; `documents` are the stored documents of the jobs to start."""
        match action:
            case StartStep():
                self._begin(action, documents)
            case CheckProgram(site=Site()):
                self._scheduler.tell(i.ProgramFound(action.job_id))  # not checked here: the start shows it
            case CheckProgram():
                before, self._last_reported = self._last_reported, Event()
                self._tasks.start_soon(self._check_program, action, before, self._last_reported)
            case StopRun():
                self._stop(action)
            case PauseRun():
                for backend in self._possible_backends(action.token):
                    backend.pause(action.token)
            case ResumeRun():
                for backend in self._possible_backends(action.token):
                    backend.resume(action.token)

    def _possible_backends(self, token: str) -> Sequence[Backend]:
        """Return the backend that has a start; if unknown, all backends that could have it."""
        start = self.starts.get(token)
        return [self._backend, *self._sites] if start is None else [self.backend_of(start)]

    async def _check_program(self, action: CheckProgram, before: Event, reported: Event) -> None:
        """Check whether there is a program to start, and report that after the check `before`.

        Jobs start in the order of their line, in whatever order the threads return; a check that hangs delays
        the others only briefly.
        """

        def awaits(cause: str) -> None:
            self._scheduler.tell(i.ProgramAwaited(action.job_id, cause))
            reported.set()

        try:
            report = await self._checked(action, awaits)
            with clock.real_move_on_after(IN_ORDER_WITHIN_SECONDS):
                await before.wait()
            self._scheduler.tell(report)
        finally:
            reported.set()

    async def _checked(
        self, action: CheckProgram, awaits: Callable[[str], None]
    ) -> i.ProgramFound | i.CannotStart:
        """Return the result of a check; if it cannot be made, the start itself shows what is missing."""
        try:
            return await self._runs.check_program(action.job_id, awaits)
        except (OSError, StoreUnavailable, Refused) as error:
            log.error("a program cannot be looked up", job=action.job_id, cause=str(error))
            return i.ProgramFound(action.job_id)

    # -- starting and stopping ----------------------------------------------------------------------------

    def _begin(self, action: StartStep, documents: Documents) -> None:
        """Start a step at once if nothing must be prepared; otherwise prepare it in a task of its own."""
        start = self.starts[action.token] = Start(action.job_id, action.token)
        try:
            order = self._runs.start_at_once(action, documents) if action.site is None else None
        except Exception:  # noqa: BLE001 - the slow path meets the same error and reports it
            order = None
        if order is None:
            self._tasks.start_soon(self._start, action)
            return
        start.is_simple = start.is_one_step = True
        self._send(start, order)

    def _send(self, start: Start, order: StartOrder, place: Place | None = None) -> None:
        if not self.send(start, order, place):
            self._not_started(start, None)

    async def _start(self, action: StartStep) -> None:
        """Prepare the step's folder and start it; if preparing fails, nothing was started."""
        start = self.starts.get(action.token)
        if start is None:
            return  # it was stopped in the step that started it
        try:
            order, place = await self._runs.prepare(action), None
            if start.phase is StartPhase.PREPARING:  # otherwise it was ended meanwhile and is unknown
                order, place = self._runs.placed(action, order)
        except TablesMissing as need:
            self._needs_tables(start, need)
            return
        except Refused as refusal:
            await self.settle(start, partial(self._never_started, action, refusal))
            return
        except (OSError, StoreUnavailable) as error:
            self._not_started(start, f"its folder cannot be made: {error}")
            return
        except Exception as fault:
            # The other place that catches every exception: it must not end the daemon, nor repeat the start
            # for ever.
            log.exception("a step could not be prepared", token=start.token)
            refused = Refused(f"The daemon failed to prepare it ({type(fault).__name__}).")
            await self.settle(start, partial(self._never_started, action, refused))
            return
        start.elsewhere = None if place is None else self._sites.of(action.site)
        if action.step:
            await self.backend_of(start).until_up()  # a run in progress cannot return to a line
        if start.phase is not StartPhase.PREPARING:
            try:
                await self._runs.discard(start.token)
            except (OSError, StoreUnavailable) as error:
                log.warning("a folder cannot be tidied up", token=start.token, cause=str(error))
            return
        start.is_one_step = order.noted_late
        self._send(start, order, place)

    def _needs_tables(self, start: Start, need: TablesMissing) -> None:
        """Report that nothing started; the scheduler starts it again when the job holds the tables."""
        if start.phase is StartPhase.PREPARING:
            self.forget(start)
            self._runs.loader.forget(start.token)
            self._scheduler.tell(i.TablesNeeded(start.job_id, start.token, need.tables, need.stage))

    def _stop(self, action: StopRun) -> None:
        """Stop a start; one that was not sent to a backend needs no stopping."""
        start = self.starts.get(action.token)
        if start is not None and start.phase is StartPhase.PREPARING:
            self._not_started(start, None)
        else:
            for backend in self._possible_backends(action.token):
                backend.stop(action.token)

    def _not_started(self, start: Start, cause: str | None) -> None:
        """Report a start that did not happen: this actor did not send its token, and no one else can."""
        self.forget(start)
        self._runs.loader.forget(start.token)
        start.phase = StartPhase.CONCLUDING
        self._scheduler.tell(i.NotStarted(start.job_id, start.token, cause))

    # -- the end of a start -------------------------------------------------------------------------------

    def reap_order(self, token: str) -> ReapOrder:
        return self._runs.reap_order(token)

    def place_of(self, start: Start) -> Place | None:
        return None if start.elsewhere is None else self._runs.place_of(start.token)

    def never_started(self, start: Start) -> None:
        self.forget(start)
        self._scheduler.tell(i.NotStarted(start.job_id, start.token))

    def heard(self, start: Start, message: Message) -> None:
        if isinstance(message, Started):
            self._report_soon(start, message)
            return
        if not (start.is_one_step and isinstance(message, Ended)):
            self._report_started(start)
        match message:
            case Leftovers(pid=int()):  # an older keeper does not say how the program ended
                self._scheduler.tell(reports.leader_ended(message))
            case Progress():
                report = self._runs.progressed(message)
                if report is not None:
                    self._scheduler.tell(report)
            case Remote():
                self._scheduler.tell(reports.remote_told(message))
            case _:
                super().heard(start, message)

    def _report_soon(self, start: Start, message: Started) -> None:
        start.unreported = message
        if not self._unreported:
            clock.real_call_later(REPORT_WITHIN_SECONDS, self._report_pending)
        self._unreported.append(start)

    def _report_pending(self) -> None:
        pending, self._unreported = self._unreported, []
        for start in pending:
            self._report_started(start)

    def _report_started(self, start: Start) -> None:
        message, start.unreported = start.unreported, None
        if message is not None:
            self._scheduler.tell(self._runs.spawned(message))

    def reap(self, start: Start) -> None:
        self._scheduler.tell(i.Orphaned(start.job_id, start.token))
        super().reap(start)

    def conclude_at_once(self, start: Start, outcome: Outcome) -> i.Finished | None:
        if not start.is_simple:
            return None
        report = self._runs.conclude_at_once(start.token, outcome, is_new=start.unreported is not None)
        if report is None:
            self._report_started(start)
        start.unreported = None
        return report

    async def conclude(self, start: Start, outcome: Outcome) -> None:
        spawned = None if start.unreported is None else self._runs.spawned(start.unreported)
        conclusion = await self._runs.conclude(start.token, outcome, is_same_boot=start.is_of_this_boot)
        if spawned is not None and start.unreported is not None:
            start.unreported = None
            conclusion = self._with_start(conclusion, spawned, outcome)
        await self._save(conclusion)

    def _with_start(self, conclusion: Conclusion, spawned: i.Spawned, outcome: Outcome) -> Conclusion:
        """Return a conclusion that also reports the start, which was not reported before."""
        report = conclusion.report
        if not (isinstance(report, i.Finished) and report.started and outcome.spawn_time):
            self._scheduler.tell(spawned)
            return conclusion
        stages = {spawned.stage: clock.seen_us(outcome.spawn_time), **report.stages}
        return replace(conclusion, report=replace(report, stages=stages))

    async def give_up(self, start: Start, outcome: Outcome, fault: Exception) -> None:
        await self._save(await self._runs.failed(start.token, outcome, fault))

    async def _never_started(self, action: StartStep, refusal: Refused) -> None:
        await self._save(await self._runs.never_started(action, refusal))

    async def _save(self, conclusion: Conclusion) -> None:
        """Report the conclusion of a start to the scheduler, and wait until it is saved."""
        await self._scheduler.ask(conclusion.report, also=conclusion.also)
        if conclusion.then is not None:
            await conclusion.then()
