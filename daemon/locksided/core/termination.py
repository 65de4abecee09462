"""Terminate: cancel what has not started, stop what runs, and tell beforehand what would happen."""

from dataclasses import dataclass

from locksided.core import lifecycle
from locksided.core.actions import StopRun
from locksided.core.inputs import Terminate
from locksided.core.jobs import Job
from locksided.core.lines import Line
from locksided.core.model import Status
from locksided.core.ranked import rank
from locksided.core.turn import Turn


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a terminate would do: who is stopped, cancelled and started, by id; which keys are freed."""

    stopped: tuple[int, ...]
    cancelled: tuple[int, ...]
    freed: tuple[str, ...]
    started: tuple[int, ...]


def family(turn: Turn, job: Job) -> list[Job]:
    """The job and its live descendants, deepest last."""
    below = turn.state.descendants.get(job.id, {})
    return [job, *sorted(below.values(), key=lambda one: (len(one.lineage), one.id))]


def terminate(turn: Turn, asked: Terminate) -> None:
    """Stop the job and everything below it, in one step; those that were asked before stay as they are.

    What has not started goes first, so that nothing below is set free by an end above it.
    """
    family_jobs = family(turn, turn.state.job(asked.job_id))
    jobs = [job for job in family_jobs if job.status is not Status.TERMINATING]
    for job in jobs:
        turn.event(job, "job.terminateRequested")
    for job in jobs:
        if not job.has_started and turn.state.jobs.get(job.id) is job:
            lifecycle.end_unstarted(turn, job, "terminated", desired_status=Status.TERMINATING)
    for job in jobs:
        if job.status is Status.PROCESSING:
            _stop(turn, job)


def _stop(turn: Turn, job: Job) -> None:
    run = job.run
    assert run is not None
    assert run.token is not None
    times = run.end_processing(turn.now_us)
    run.stop_asked = True
    turn.move(job, Status.TERMINATING, "terminated", desired_status=Status.TERMINATING, **times)
    turn.actions.append(StopRun(job.id, job.pool.id, run.token))


def forecast(turn: Turn, job: Job) -> Forecast:
    """What terminating it now would do; changes nothing."""
    jobs = family(turn, job)
    gone = {one.id for one in jobs}
    ending = [one for one in jobs if one.has_started]
    gates = dict.fromkeys(one.gate for one in ending if one.gate is not None)
    return Forecast(
        stopped=tuple(one.id for one in jobs if one.status is Status.PROCESSING),
        cancelled=tuple(one.id for one in jobs if not one.has_started),
        freed=tuple(gate.key for gate in gates if all(holder.id in gone for holder in gate.holders)),
        started=tuple(one.id for one in _successors(turn, ending, gone)),
    )


def _successors(turn: Turn, ending: list[Job], gone: set[int]) -> list[Job]:
    """Who takes the locks and slots that become free, in the order in which they start."""
    if turn.state.draining is not None or turn.state.store_trouble is not None:
        return []
    lines = {line: None for one in ending if one.gate is not None for line in one.gate.lines}
    lines |= {turn.state.line_of(head): None for one in ending for head in one.pool.heads}
    heads = [head for line in lines if (head := _first_left(line, gone)) is not None]
    taken: dict[str, int] = {}
    gates: set[int] = set()
    started = []
    for head in sorted(heads, key=rank):
        pool, gate = head.pool, head.gate
        running = sum(1 for one in pool.running if one not in gone) + taken.get(pool.id, 0)
        has_slot = pool.slots is None or running < pool.slots
        is_free = gate is None or (id(gate) not in gates and gate.admits(head, without=gone))
        if has_slot and is_free and not pool.is_paused and not pool.is_troubled:
            taken[pool.id] = taken.get(pool.id, 0) + 1
            gates.add(id(gate))
            started.append(head)
    return started


def _first_left(line: Line, gone: set[int]) -> Job | None:
    return next((one for one in line.jobs() if one.id not in gone), None)
