"""Inputs about the daemon as a whole: start and stop, draining, the passage of time, changes of the clock."""

from heapq import heappush

from lockside.documents.enums import Status
from locksided.core import dispatch, recovery_checks
from locksided.core.inputs import (
    ClockSet,
    DaemonStarted,
    DaemonStopping,
    Drain,
    StoreRecovered,
    TimePassed,
    Undrain,
)
from locksided.core.jobs import HeldBy, Job
from locksided.core.pools import PoolSnapshot
from locksided.core.saves import SetMeta
from locksided.core.turn import Turn


def started(turn: Turn, report: DaemonStarted) -> None:
    """Record the start, with the state of all pools, including those that exist only in the settings."""
    facts = {"version": report.version, "pid": report.pid, "bootId": report.boot_id}
    turn.daemon_event("daemon.started", **facts, pools=_pools(turn))


def stopping(turn: Turn, report: DaemonStopping) -> None:
    """Record why the daemon stops. A daemon that is killed leaves no such event."""
    turn.daemon_event("daemon.stopped", why=report.why, onStop=report.on_stop)


def store_recovered(turn: Turn, report: StoreRecovered) -> None:
    """Record for how long the store could not be written, and the state of all pools after that."""
    seconds = (turn.now_us - report.since_us) / 1e6
    turn.daemon_event("daemon.storeRecovered", cause=report.cause, seconds=seconds, pools=_pools(turn))


def _pools(turn: Turn) -> list[PoolSnapshot]:
    return [pool.snapshot() for _, pool in sorted(turn.state.pools.items())]


def drain(turn: Turn, request: Drain) -> None:
    """Start no more jobs, even after a restart. Running jobs continue."""
    if turn.state.draining is None:
        turn.state.draining = HeldBy(request.principal.user, turn.now_us)
        turn.saves.append(SetMeta("draining", f"{turn.now_us} {request.principal.user}"))
        turn.daemon_event("daemon.drained")


def undrain(turn: Turn, request: Undrain) -> None:
    """End the drain: jobs start again."""
    if turn.state.draining is not None:
        turn.state.draining = None
        turn.saves.append(SetMeta("draining", None))
        turn.daemon_event("daemon.undrained", by=request.principal.user)


def time_passed(turn: Turn, _asked: TimePassed) -> None:
    """Queue jobs whose start time has come, and allow a trial start in pools whose pause is over."""
    for job in turn.state.due(turn.now_us):
        job.start_at_us = None
        dispatch.unblock(turn, job)
    recovery_checks.time_passed(turn)
    for pool in turn.state.pools.values():
        trouble = pool.trouble
        if trouble is not None and trouble.retry_at_us is not None and trouble.retry_at_us <= turn.now_us:
            trouble.retry_at_us = None


def clock_set(turn: Turn, request: ClockSet) -> None:
    """Move pauses and delays with the clock, and exclude the jump from the duration of runs."""
    by_us = request.by_us
    for job in turn.state.jobs.values():
        if job.status is Status.PROCESSING:
            _exclude_jump(turn, job, by_us)
        elif job.start_at_us is not None and turn.state.is_start_relative(job):
            _move_start(turn, job, job.start_at_us + by_us, by_us)
    for pool in turn.state.pools.values():
        if pool.trouble is not None and pool.trouble.retry_at_us is not None:
            pool.trouble.retry_at_us += by_us
    recovery_checks.clock_set(turn, by_us)
    waiting = turn.state.waiting_since
    turn.state.waiting_since = {job: since_us + by_us for job, since_us in waiting.items()}
    turn.daemon_event("daemon.clockSet", seconds=by_us / 1e6)


def _exclude_jump(turn: Turn, job: Job, by_us: int) -> None:
    assert job.run is not None
    turn.update(job, **job.run.exclude_jump(by_us))


def _move_start(turn: Turn, job: Job, start_at_us: int, by_us: int) -> None:
    """Move a start time, and with it the time since which the job waits."""
    job.start_at_us = start_at_us
    job.ready_us += by_us
    heappush(turn.state.timers, (start_at_us, job.id))
    turn.update(job, start_at_us=start_at_us, ready_us=job.ready_us)
