"""The wall clock was set: whatever counts from a moment goes on as if it had not been.

Start times that people name are moments of the wall clock and stay. It costs as much as there are live jobs.
"""

from heapq import heappush

from lockside.documents.enums import Status
from locksided.core.inputs import ClockSet
from locksided.core.jobs import Job
from locksided.core.turn import Turn


def clock_set(turn: Turn, asked: ClockSet) -> None:
    """Move pauses and delays with the clock; a run's time in `processing` leaves the jump out."""
    by_us = asked.by_us
    for job in turn.state.jobs.values():
        if job.status is Status.PROCESSING:
            _leave_out(turn, job, by_us)
        elif job.start_at_us is not None and turn.state.is_start_relative(job):
            _move_start(turn, job, job.start_at_us + by_us, by_us)
    for pool in turn.state.pools.values():
        if pool.trouble is not None and pool.trouble.retry_at_us is not None:
            pool.trouble.retry_at_us += by_us
    turn.daemon_event("daemon.clockSet", seconds=by_us / 1e6)


def _leave_out(turn: Turn, job: Job, by_us: int) -> None:
    assert job.run is not None
    turn.update(job, **job.run.leave_out(by_us))


def _move_start(turn: Turn, job: Job, start_at_us: int, by_us: int) -> None:
    """Its place in line counts from its entry, which therefore moves with it."""
    job.start_at_us = start_at_us
    job.entered_us += by_us
    heappush(turn.state.timers, (start_at_us, job.id))
    turn.update(job, start_at_us=start_at_us, ready_us=job.entered_us)
