"""The core's one door: every input goes through `Scheduler.handle` and comes out as saves and actions.

Rules of this package. No clock, no I/O, no randomness: the time is told with each input. An input is refused
before anything changes, or it is done whole. The caller saves what comes out in one transaction, then does
the actions, then answers; when the save fails it throws this object away and loads another from the store.

How it works. A job that has not started stands in the line of its gate (its lock key) and its pool, unless
something of its own keeps it back: a start time, a hold, a dependency. Only heads of lines may start, when
their gate admits them and their pool has room. Whatever happens touches some lines; at the end of every step
`settling` looks at those, starts who may start, and lets the statuses of the heads follow. Who holds a
lock or a slot is never counted: it is the set of jobs that are processing or terminating.

A container is such a job too. It stands in the line of its key and of no pool, and starts by letting its
children stand in line; a child's end is counted by its container in the same step, and may end it. Rows of a
container have its parallelism for a gate. Attempts, phases and rows are policies over these few things.

What could be nicer: `explain` counts the jobs ahead in a pool by looking at all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import Status
from locksided.core import acceptance, amending, clockset, control, lifecycle, settling, termination, waits
from locksided.core import inputs as i
from locksided.core.actions import Action
from locksided.core.forecast import Forecast, forecast
from locksided.core.jobs import Job
from locksided.core.saves import Save
from locksided.core.state import State
from locksided.core.turn import Turn


@dataclass(frozen=True, slots=True)
class Step:
    """What one input led to: what must be saved, what is to be done after that, and the answer."""

    saves: list[Save]
    actions: list[Action]
    answer: Any = None


class Scheduler:
    """The state and the one function that changes it."""

    def __init__(self, state: State, late: Sequence[Save] = ()) -> None:
        """`late` are saves that a step before the last end of the daemon owes; the next step brings them."""
        self.state = state
        self._late = list(late)

    def handle(self, asked: i.Input, now_us: int) -> Step:
        """Take one input at that time (microseconds since the epoch).

        Raises Refused, with nothing changed, when the caller asks for what cannot be.
        """
        turn = Turn(self.state, now_us, getattr(asked, "principal", None))
        answer = _apply(turn, asked)
        settling.settle(turn)
        saves, self._late = (self._late + turn.saves if self._late else turn.saves), []
        return Step(saves, turn.actions, answer)

    def saved(self) -> None:
        """Everything so far is on disk: final jobs are the store's alone from here on."""
        self.state.ended.clear()

    def next_deadline_us(self) -> int | None:
        """When to hand in `TimePassed`; None when time alone changes nothing."""
        return self.state.next_deadline_us()

    def forecast(self, job_id: int, now_us: int) -> Forecast:
        """What terminating that job would do."""
        return forecast(self.state, self.state.job(job_id), now_us)

    def started_jobs(self) -> list[Job]:
        """The standard jobs that are processing or terminating: those that have processes."""
        return [job for pool in self.state.pools.values() for job in pool.running.values()]


def _apply(turn: Turn, asked: i.Input) -> Any:
    match asked:
        case i.Submit():
            return acceptance.submit(turn, asked)
        case i.Terminate():
            return termination.terminate(turn, asked)
        case i.Amend():
            return amending.amend(turn, asked)
        case i.Wait():
            return waits.begin(turn.state, asked)
        case i.StopWaiting():
            return waits.end(turn.state, asked)
        case i.TimePassed():
            return control.time_passed(turn)
        case i.ClockSet():
            return clockset.clock_set(turn, asked)
        case i.Hold() | i.Release() | i.Pause() | i.Resume() | i.Reprioritise():
            return _apply_to_job(turn, asked)
        case i.PutPool() | i.DeletePool() | i.ChangePools() | i.PausePool() | i.ResumePool():
            return _apply_to_pools(turn, asked)
        case i.Drain():
            return control.drain(turn, asked)
        case i.Undrain():
            return control.undrain(turn, asked)
        case _:
            return _apply_report(turn, asked)


def _apply_to_job(turn: Turn, asked: i.Hold | i.Release | i.Pause | i.Resume | i.Reprioritise) -> None:
    match asked:
        case i.Hold():
            control.hold(turn, asked)
        case i.Release():
            control.release(turn, asked)
        case i.Pause():
            control.pause(turn, asked)
        case i.Resume():
            control.resume(turn, asked)
        case i.Reprioritise():
            control.reprioritise(turn, asked)


def _apply_to_pools(
    turn: Turn, asked: i.PutPool | i.DeletePool | i.ChangePools | i.PausePool | i.ResumePool
) -> None:
    match asked:
        case i.PutPool():
            control.put_pool(turn, asked)
        case i.DeletePool():
            control.delete_pool(turn, asked)
        case i.ChangePools():
            control.change_pools(turn, asked)
        case i.PausePool():
            control.pause_pool(turn, asked)
        case i.ResumePool():
            control.resume_pool(turn, asked)


def _apply_report(turn: Turn, report: i.Report) -> Status | None:
    match report:
        case i.StageReached():
            lifecycle.stage_reached(turn, report)
        case i.Spawned():
            lifecycle.spawned(turn, report)
        case i.Progressed():
            lifecycle.progressed(turn, report)
        case i.StepEnded():
            lifecycle.step_ended(turn, report)
        case i.Finished():
            return lifecycle.finished(turn, report)
        case i.NotStarted():
            lifecycle.not_started(turn, report)
        case i.ProgramFound() | i.CannotStart():
            lifecycle.program_sought(turn, report)
        case i.KeeperDied():
            lifecycle.keeper_died(turn, report)
        case i.Lost():
            lifecycle.lost(turn, report)
        case i.ExecutorDown():
            control.executor_down(turn, report)
        case i.ExecutorUp():
            control.executor_up(turn, report)
    return None
