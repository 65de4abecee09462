"""Pools that cannot start anything: since when and why, when a start is tried again, and recovery."""

from locksided.core.inputs import ExecutorDown, ExecutorUp
from locksided.core.jobs import Job, Run
from locksided.core.pools import Pool, Trouble
from locksided.core.saves import PutPool
from locksided.core.turn import Turn


def executor_down(turn: Turn, report: ExecutorDown) -> None:
    """Start nothing in these pools until their executor is available again."""
    for pool in turn.state.pools.values():
        trouble = pool.trouble
        is_meant = pool.executor == report.executor and (not report.pools or pool.id in report.pools)
        if not is_meant or (trouble is not None and trouble.until_told and trouble.cause == report.cause):
            continue
        if trouble is None or not trouble.until_told:
            pool.trouble = trouble = Trouble(report.cause, turn.now_us)
        trouble.cause = report.cause
        turn.pool_event("pool.trouble", pool)


def executor_up(turn: Turn, report: ExecutorUp) -> None:
    """Recover the pools of an executor that is available again."""
    for pool in turn.state.pools.values():
        if pool.executor == report.executor:
            if report.capabilities is not None and report.capabilities != pool.capabilities:
                pool.capabilities = report.capabilities
                turn.saves.append(PutPool(pool.id, {"capabilities": sorted(report.capabilities)}))
            _recover(turn, pool)


def trouble_of_executor(turn: Turn, pool: Pool) -> Trouble | None:
    """Return the trouble a new pool starts with: that of its executor, when that is not available.

    An executor that no other pool uses has to be started first.
    """
    others = [one for one in turn.state.pools.values() if one.executor == pool.executor and one is not pool]
    if not others and pool.site is not None:
        return Trouble(f"the executor {pool.executor} is being started", turn.now_us)
    troubles = (one.trouble for one in others)
    down = next((trouble for trouble in troubles if trouble is not None and trouble.until_told), None)
    return Trouble(down.cause, down.since_us) if down is not None else None


def start_refused(turn: Turn, job: Job, cause: str) -> None:
    """A start was refused by the system: pause the job's pool; each failed trial doubles the pause."""
    pool = job.pool
    if pool.trouble is None:
        pool.trouble = Trouble(cause, turn.now_us)
    elif pool.trouble.until_told:
        return  # its executor is down anyway
    if pool.trouble.trial_id in (None, job.id) and pool.trouble.retry_at_us is None:
        pool.trouble.wait_longer(turn.now_us)
    pool.trouble.cause = cause
    turn.pool_event("pool.trouble", pool)


def conclude_trial(turn: Turn, job: Job, run: Run) -> None:
    """End the pool's trouble if this job was its trial and its process exists; else allow another trial."""
    trouble = job.pool.trouble
    if trouble is None or trouble.trial_id != job.id:
        return
    trouble.trial_id = None
    if run.spawned:
        _recover(turn, job.pool)


def _recover(turn: Turn, pool: Pool) -> None:
    if pool.trouble is not None:
        pool.trouble = None
        turn.pool_event("pool.recovered", pool)
