"""What a terminate would lead to, told beforehand. It changes nothing and promises nothing.

It is done for real, to a copy of all that is known, as if everything that is stopped ended at once. So it is
right for parents, children and dependants, and looks one step ahead.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lockside.documents.enums import Status
from locksided.core import lifecycle, settling, termination
from locksided.core.actions import StartStep, StopRun
from locksided.core.copies import copied
from locksided.core.families import Container
from locksided.core.inputs import Finished, Terminate
from locksided.core.jobs import Job
from locksided.core.model import Principal
from locksided.core.saves import UpdateJob
from locksided.core.state import State
from locksided.core.turn import Turn

NOBODY = Principal(0, "")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a terminate would do, by id: who is stopped, cancelled and started; which keys are freed.

    `ended` has the containers that would end with it, and how: those that are terminated, and their parents.
    """

    stopped: tuple[int, ...]
    cancelled: tuple[int, ...]
    freed: tuple[str, ...]
    started: tuple[int, ...]
    ended: tuple[tuple[int, Status], ...] = ()


def forecast(state: State, job: Job, now_us: int) -> Forecast:
    """What terminating it now would do."""
    twin = copied(state, now_us)
    turn = Turn(twin, now_us)
    termination.terminate(turn, Terminate(job.id, NOBODY))
    stops = [action for action in turn.actions if isinstance(action, StopRun)]
    for stop in stops:
        lifecycle.finished(turn, Finished(stop.job_id, stop.token, Status.SUCCESS, {}))
    settling.settle(turn)
    gone = [state.jobs[job_id] for job_id in twin.ended if job_id in state.jobs]
    return Forecast(
        stopped=tuple(stop.job_id for stop in stops),
        cancelled=tuple(one.id for one in gone if not one.has_started),
        freed=tuple(_freed(gone)),
        started=tuple(_started(turn)),
        ended=tuple((one.id, twin.ended[one.id]) for one in gone if _is_ending(one)),
    )


def _is_ending(job: Job) -> bool:
    return isinstance(job, Container) and job.has_started


def _freed(gone: Iterable[Job]) -> list[str]:
    """The keys that those who are gone held, and that nobody holds besides."""
    jobs = {job.id: job for job in gone if job.has_started}
    gates = dict.fromkeys(job.gate for job in jobs.values() if job.gate is not None)
    return [gate.key for gate in gates if gate.lock_key and all(one.id in jobs for one in gate.holders)]


def _started(turn: Turn) -> list[int]:
    """Who would start, in that order; containers too."""
    processing = [
        save.id
        for save in turn.saves
        if isinstance(save, UpdateJob) and save.changes.get("status") is Status.PROCESSING
    ]
    told = {action.job_id for action in turn.actions if isinstance(action, StartStep)}
    return [job_id for job_id in processing if job_id in told or job_id in turn.state.jobs]
