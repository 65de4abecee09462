"""The core: `Scheduler.handle(input, now) -> Step` is the only way in which jobs and pools change.

Rules of this package
---------------------

- No clock, no I/O, no randomness. The time comes with each input; the same inputs give the same steps.
- An input is refused (`errors.Refused`) before anything has changed, or it is carried out completely. Any
  other exception is a fault of this package: it carries the story of the job, and the caller must discard
  the core.
- The caller saves what a step returns in one transaction, then carries out the actions, then answers. If
  the save fails it discards the core and loads a new one from the store.
- Statuses change in `Turn.move` and nowhere else, along the arrows of `transitions.TRANSITIONS`.
- Locks, slots and resources are not counted. Their holders are the jobs that are processing or
  terminating. Every other index in `State` is derived from the jobs, too, and `invariants` recomputes all
  of them.

Theory of operation
-------------------

A job that has not started stands in a line, one per gate (a lock key) and list of pools, unless a start
time, a hold or a dependency of its own keeps it back. Only the head of a line can start, when its gate admits
it, one of its pools has room and its resources are free: `candidates` looks at the heads in their order.
`admission.blockers` is the one rule that decides this, and `reasons` explains a job by the same rule.

A step is one `Turn`. The function in `HANDLERS` changes the state and marks the lines and jobs that this
may affect; then `propagation` applies the consequences until there are none left: dependants follow a job
that ended, containers end with their last child, heads that may start do, and the other statuses are
brought up to date. The cost depends on what a step starts, ends or unblocks, never on the number of jobs
that keep waiting.

A container is a job without a pool. Starting it lets its children stand in line; the end of a child is
counted in the same step and may end the container. Rows use the container's `parallelism` as their gate.
Retries, phases, rows and chunks are policies on top of this.

Where to read on
----------------

`model`, `jobs` and `demands` (the words and the data), `transitions`, `candidates`, `admission`, `dispatch`,
`propagation`, `lifecycle` (a run from start to end), `losses`, `recoveries` and `recovery` (jobs that wait
for the world outside); then `acceptance`, `termination`, `container_lifecycle`, `retries` and the
`*_control` modules (what callers ask for); `loading`, `snapshot`, `preview`, `deadlocks` and `invariants`
(with `expected`) stand beside them.

What could be nicer: counting the jobs ahead in a pool looks at all live jobs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from locksided.core import (
    acceptance,
    amendment,
    chunks,
    daemon_control,
    deadlocks,
    job_control,
    lifecycle,
    losses,
    pool_control,
    pool_trouble,
    program_checks,
    recovery_checks,
)
from locksided.core import inputs as i
from locksided.core import recovery_inputs as r
from locksided.core.actions import Action
from locksided.core.errors import Refused
from locksided.core.jobs import Job
from locksided.core.preview import TerminationPreview, preview_termination
from locksided.core.propagation import propagate
from locksided.core.resources import ResourceChanged
from locksided.core.saves import Save
from locksided.core.state import State
from locksided.core.termination import terminate
from locksided.core.transitions import IllegalTransition
from locksided.core.turn import Turn


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one input: the changes to save, the actions after that, and the answer."""

    saves: list[Save]
    actions: list[Action]
    answer: Any = None


class Scheduler:
    """The state and the only function that changes it.

    `load_saves` are corrections found while loading the state; the first step saves them.
    """

    def __init__(self, state: State, load_saves: Sequence[Save] = ()) -> None:
        self.state = state
        self._load_saves = list(load_saves)

    def handle(self, input_: i.Input, now_us: int) -> Step:
        """Handle one input at that time (microseconds since the epoch).

        Raises Refused, with nothing changed, when the request is not possible. Any other exception is a fault
        of the core; it has the story of the job as a note.
        """
        self.state.history.add_input(now_us, input_)
        turn = Turn(self.state, now_us, getattr(input_, "principal", None))
        try:
            answer = HANDLERS[type(input_)](turn, input_)
            propagate(turn)
        except (Refused, IllegalTransition):
            raise
        except Exception as fault:
            self._add_history(fault, input_, now_us)
            raise
        saves, self._load_saves = (self._load_saves + turn.saves if self._load_saves else turn.saves), []
        return Step(saves, turn.actions, answer)

    def _add_history(self, fault: Exception, input_: i.Input, now_us: int) -> None:
        history, job = self.state.history, self.state.jobs.get(getattr(input_, "job_id", 0))
        story = history.story(job, now_us) if job is not None else ()
        fault.add_note("\n  ".join((f"during {history.last_input()}", *story)))

    def saved(self) -> None:
        """Note that all steps so far are on disk: from now on the store answers for jobs that ended."""
        self.state.ended.clear()

    def next_deadline_us(self) -> int | None:
        """Return when `TimePassed` is due; None when time alone changes nothing."""
        return self.state.next_deadline_us()

    def preview_termination(self, job_id: int, now_us: int) -> TerminationPreview:
        """Return what terminating that job would do."""
        return preview_termination(self.state, self.state.job(job_id), now_us)

    def started_jobs(self) -> list[Job]:
        """Return the standard jobs that are processing or terminating: those that have processes."""
        return [job for pool in self.state.pools.values() for job in pool.running.values()]

    def jobs_in_flight(self) -> list[Job]:
        """Return the started jobs with a step under way; a job that waits for tables has none."""
        return [job for job in self.started_jobs() if job.run is not None and job.run.token is not None]


HANDLERS: Final[dict[type, Callable[[Turn, Any], Any]]] = {
    i.Submit: acceptance.submit,
    i.Amend: amendment.amend,
    i.Terminate: terminate,
    i.Hold: job_control.hold,
    i.Release: job_control.release,
    i.Pause: job_control.pause,
    i.Resume: job_control.resume,
    i.Reprioritise: job_control.reprioritise,
    i.Wait: deadlocks.begin_wait,
    i.StopWaiting: deadlocks.end_wait,
    i.PutPool: pool_control.put_pool,
    i.DeletePool: pool_control.delete_pool,
    i.ChangePools: pool_control.change_pools,
    i.PausePool: pool_control.pause_pool,
    i.ResumePool: pool_control.resume_pool,
    i.ExecutorDown: pool_trouble.executor_down,
    i.ExecutorUp: pool_trouble.executor_up,
    ResourceChanged: pool_control.resource_changed,
    i.DaemonStarted: daemon_control.started,
    i.DaemonStopping: daemon_control.stopping,
    i.StoreRecovered: daemon_control.store_recovered,
    i.Drain: daemon_control.drain,
    i.Undrain: daemon_control.undrain,
    i.TimePassed: daemon_control.time_passed,
    i.ClockSet: daemon_control.clock_set,
    i.ProgramAwaited: program_checks.program_awaited,
    i.ProgramFound: program_checks.program_found,
    i.CannotStart: program_checks.cannot_start,
    i.StageReached: lifecycle.stage_reached,
    i.LeaderEnded: lifecycle.leader_ended,
    i.Spawned: lifecycle.spawned,
    i.Progressed: lifecycle.progressed,
    i.RemoteTold: lifecycle.remote_told,
    i.StepEnded: lifecycle.step_ended,
    i.TablesNeeded: lifecycle.tables_needed,
    i.Finished: chunks.finished,
    i.NotStarted: losses.not_started,
    i.Orphaned: losses.orphaned,
    i.StepLost: losses.step_lost,
    i.Lost: losses.lost,
    r.Unblock: recovery_checks.unblock,
    r.CheckNow: recovery_checks.check_now,
    r.Checked: recovery_checks.checked,
    r.CheckLost: recovery_checks.check_lost,
}
"""The function of each input; a test compares it with `inputs.Input`."""
