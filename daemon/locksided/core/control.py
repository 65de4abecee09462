"""What people do to jobs, pools and the daemon besides terminating: hold, pause, priorities, slots, drain."""

from typing import Any

from lockside.documents.enums import Status
from locksided.core import dispatch
from locksided.core.actions import PauseRun, ResumeRun
from locksided.core.errors import Conflict, InvalidTransition
from locksided.core.families import Container
from locksided.core.inputs import (
    ChangePools,
    DeletePool,
    Drain,
    ExecutorDown,
    ExecutorUp,
    Hold,
    Pause,
    PausePool,
    PutPool,
    Release,
    Reprioritise,
    Resume,
    ResumePool,
    Undrain,
)
from locksided.core.jobs import Hold as Held
from locksided.core.jobs import Job
from locksided.core.pools import Pool, Trouble
from locksided.core.saves import DeletePool as ForgetPool
from locksided.core.saves import PutPool as SavePool
from locksided.core.saves import SetMeta
from locksided.core.termination import strong_descendants
from locksided.core.transitions import NOT_STARTED, refuse_unless
from locksided.core.turn import Turn

# -- jobs -------------------------------------------------------------------------------------------------


def hold(turn: Turn, asked: Hold) -> None:
    """Keep a job back that has not started. Holding it twice changes nothing."""
    job = turn.state.job(asked.job_id)
    refuse_unless(job.id, job.status, NOT_STARTED, "held")
    if job.held is not None:
        return
    dispatch.leave_line(turn, job)
    job.held = Held(asked.principal.user, turn.now_us)
    turn.update(job, held_by=job.held.by, held_us=turn.now_us)
    turn.event(job, "job.held")
    dispatch.restate(turn, job)


def release(turn: Turn, asked: Release) -> None:
    """Let a held job go. Releasing one that is not held changes nothing."""
    job = turn.state.job(asked.job_id)
    refuse_unless(job.id, job.status, NOT_STARTED, "released")
    if job.held is None:
        return
    job.held = None
    turn.update(job, held_by=None, held_us=None)
    turn.event(job, "job.released")
    dispatch.free(turn, job)


def reprioritise(turn: Turn, asked: Reprioritise) -> None:
    """Move a job that has not started, or what has not started of a container, to its new place in line."""
    job = turn.state.job(asked.job_id)
    jobs = [one for one in (job, *strong_descendants(job)) if not one.has_started]
    if not jobs:
        refuse_unless(job.id, job.status, NOT_STARTED, "given another priority")
    if job.has_started:
        jobs.append(job)  # a container: attempts to come have its priority
    for one in jobs:
        _give_priority(turn, one, asked.priority)


def _give_priority(turn: Turn, job: Job, priority: int) -> None:
    if job.priority == priority:
        return
    dispatch.leave_line(turn, job)
    before, job.priority = job.priority, priority
    turn.update(job, priority=priority)
    turn.event(job, "job.reprioritised", **{"from": before, "to": priority})
    if not job.has_started and job.stands_in_line:
        dispatch.enter_line(turn, job)


def pause(turn: Turn, asked: Pause) -> None:
    """Let a running job's processes stand still, its time limit and its duration with them.

    A step that is just being started is paused as soon as its process exists.
    """
    job = turn.state.job(asked.job_id)
    refuse_unless(job.id, job.status, frozenset({Status.PROCESSING}), "paused")
    _refuse_container(job, "paused")
    run = job.run
    assert run is not None
    assert run.token is not None
    if run.paused_since_us is not None:
        return
    run.paused_since_us = turn.now_us
    turn.update(job, paused_since_us=turn.now_us, paused_by=asked.principal.user)
    turn.event(job, "job.paused")
    if run.spawned:
        turn.actions.append(PauseRun(job.id, job.pool.id, run.token))


def _refuse_container(job: Job, action: str) -> None:
    if isinstance(job, Container):
        raise InvalidTransition(f"Job {job.id} is a container: only the jobs in it can be {action}.")


def resume(turn: Turn, asked: Resume) -> None:
    """Let a paused job go on."""
    job = turn.state.job(asked.job_id)
    refuse_unless(job.id, job.status, frozenset({Status.PROCESSING}), "resumed")
    _refuse_container(job, "resumed")
    run = job.run
    assert run is not None
    assert run.token is not None
    if run.paused_since_us is None:
        return
    run.end_pause(turn.now_us)
    turn.update(job, paused_since_us=None, paused_by=None, paused_us=run.paused_us)
    turn.event(job, "job.resumed")
    if run.spawned:
        turn.actions.append(ResumeRun(job.id, job.pool.id, run.token))


def time_passed(turn: Turn) -> None:
    """Let jobs stand in line whose start time has come, and pools try again whose pause is over."""
    for job in turn.state.due(turn.now_us):
        job.start_at_us = None
        dispatch.free(turn, job)
    for pool in turn.state.pools.values():
        trouble = pool.trouble
        if trouble is not None and trouble.retry_at_us is not None and trouble.retry_at_us <= turn.now_us:
            trouble.retry_at_us = None


# -- pools ------------------------------------------------------------------------------------------------


def put_pool(turn: Turn, asked: PutPool) -> None:
    """Make a pool, or give it other slots. Lowering them stops nobody."""
    pool = turn.state.pools.get(asked.pool_id)
    trouble = _trouble_of(turn, asked.executor)
    if pool is None:
        pool = turn.state.pools[asked.pool_id] = Pool(asked.pool_id, asked.slots, asked.executor)
        pool.paused_us = turn.now_us
        pool.trouble = trouble
    elif pool.executor != asked.executor:
        pool.executor = asked.executor
        pool.trouble = trouble
    _set_slots(turn, pool, asked.slots)
    pool.description = asked.description
    stamp = {
        "created_us": turn.now_us,
        "changed_us": turn.now_us,
        "changed_by": asked.principal.as_data(),
    }
    _save_pool(turn, pool, **stamp)
    turn.daemon_event("pool.put", pool=pool.id, slots=pool.slots)


def _trouble_of(turn: Turn, executor: str) -> Trouble | None:
    """What the pools of that executor know: that it cannot be reached."""
    others = (pool.trouble for pool in turn.state.pools.values() if pool.executor == executor)
    down = next((trouble for trouble in others if trouble is not None and trouble.until_told), None)
    return Trouble(down.cause, down.since_us) if down is not None else None


def _set_slots(turn: Turn, pool: Pool, slots: int | None) -> None:
    was_paused, was_full = pool.is_paused, pool.is_full
    pool.slots = slots
    if pool.is_paused and not was_paused:
        pool.paused_us = turn.now_us
    if pool.is_full and not was_full:
        pool.full_since_us = turn.now_us


def _save_pool(turn: Turn, pool: Pool, **stamp: Any) -> None:
    values = {
        **stamp,
        "slots": pool.slots,
        "executor": pool.executor,
        "description": pool.description,
        "paused": pool.paused_by is not None,
        "paused_by": pool.paused_by,
        "paused_us": pool.paused_us if pool.is_paused else None,
        "paused_comment": pool.comment,
    }
    turn.saves.append(SavePool(pool.id, values))


def delete_pool(turn: Turn, asked: DeletePool) -> None:
    """Remove a pool that no live job names."""
    pool = _deletable(turn, asked)
    del turn.state.pools[pool.id]
    turn.saves.append(ForgetPool(pool.id))
    turn.daemon_event("pool.deleted", pool=pool.id)


def change_pools(turn: Turn, asked: ChangePools) -> None:
    """Make, replace and remove pools; refused as a whole when one of them must stay."""
    for one in asked.deletes:
        _deletable(turn, one)
    for pool in asked.puts:
        put_pool(turn, pool)
    for one in asked.deletes:
        delete_pool(turn, one)


def _deletable(turn: Turn, asked: DeletePool) -> Pool:
    pool = turn.state.pool(asked.pool_id, "$.id")
    if pool.id == "default":
        raise Conflict("The pool 'default' always exists. Pause it, or set its slots to 0.")
    named = [job.id for job in turn.state.jobs.values() if pool_id_of(job) == pool.id]
    if named:
        raise Conflict(
            f"{len(named)} live jobs name the pool '{pool.id}', job {named[0]} among them: "
            "let them end or terminate them first.",
            jobs=[str(job_id) for job_id in named[:20]],
        )
    return pool


def pool_id_of(job: Job) -> str:
    """The pool that the job names: a container names one without taking a slot."""
    return job.pool_id if isinstance(job, Container) else job.pool.id


def pause_pool(turn: Turn, asked: PausePool) -> None:
    """Start nothing of this pool until it is resumed, also after a restart."""
    pool = turn.state.pool(asked.pool_id, "$.id")
    if pool.paused_by is None:
        pool.paused_us = turn.now_us
    pool.paused_by = asked.principal.user
    pool.comment = asked.comment
    _save_pool(turn, pool)
    turn.daemon_event("pool.paused", pool=pool.id, comment=asked.comment)


def resume_pool(turn: Turn, asked: ResumePool) -> None:
    """Let a paused pool start jobs again."""
    pool = turn.state.pool(asked.pool_id, "$.id")
    if pool.paused_by is None:
        return
    pool.paused_by = pool.comment = None
    _save_pool(turn, pool)
    turn.daemon_event("pool.resumed", pool=pool.id)


def executor_down(turn: Turn, report: ExecutorDown) -> None:
    """Nothing of these pools can be started until their executor is reached again."""
    for pool in turn.state.pools.values():
        if pool.executor != report.executor:
            continue
        if pool.trouble is not None and pool.trouble.until_told:
            pool.trouble.cause = report.cause
        else:
            pool.trouble = Trouble(report.cause, turn.now_us)


def executor_up(turn: Turn, report: ExecutorUp) -> None:
    """The executor of these pools can be asked again."""
    for pool in turn.state.pools.values():
        if pool.executor == report.executor:
            pool.trouble = None


# -- the daemon -------------------------------------------------------------------------------------------


def drain(turn: Turn, asked: Drain) -> None:
    """Start nothing any more, also after a restart; what runs goes on."""
    if turn.state.draining is None:
        turn.state.draining = Held(asked.principal.user, turn.now_us)
        turn.saves.append(SetMeta("draining", f"{turn.now_us} {asked.principal.user}"))
        turn.daemon_event("daemon.drained")


def undrain(turn: Turn, asked: Undrain) -> None:
    """Start jobs again."""
    if turn.state.draining is not None:
        turn.state.draining = None
        turn.saves.append(SetMeta("draining", None))
        turn.daemon_event("daemon.undrained", by=asked.principal.user)
