"""Queueing and starting: jobs enter and leave lines, and start from them.

`candidates` decides which job is next, `propagation` applies all consequences.
"""

from typing import Any

from lockside.documents.enums import Status
from locksided.core.actions import CheckProgram, StartStep
from locksided.core.admission import unstarted_status
from locksided.core.jobs import Job, Run, UnverifiedJob
from locksided.core.model import Program
from locksided.core.pools import Pool
from locksided.core.saves import PinTables
from locksided.core.turn import Turn


def enter_line(turn: Turn, job: Job) -> None:
    """Put a job that has no blocker of its own into its line."""
    line = turn.state.line_of(job)
    covered = line.head
    line.add(job)
    turn.mark_line(line)
    turn.dirty_jobs[job] = None
    if covered is not None and covered is not line.head:
        turn.dirty_jobs[covered] = None


def leave_line(turn: Turn, job: Job) -> None:
    """Remove a job from its line, if it is in one."""
    line = job.line
    if line is not None:
        line.remove(job)
        turn.mark_line(line)


def unblock(turn: Turn, job: Job) -> None:
    """Remove one of the job's own blockers; the job enters its line if that was the last.

    `ready_us` never moves back: a clock that was set back does not restore a start time that had come.
    """
    job.ready_us = max(job.ready_us, turn.now_us)
    turn.update(job, ready_us=job.ready_us)
    turn.dirty_jobs[job] = None
    if job.stands_in_line:
        enter_line(turn, job)


def update_status(turn: Turn, job: Job) -> None:
    """Update the status of a job that has not started to match its blockers."""
    status = unstarted_status(job)
    if status is not job.status:
        cause = "other_jobs" if status is Status.WAITING else "platform"
        turn.move(job, status, cause)


def refresh_dirty_lines(turn: Turn) -> None:
    """Offer the heads that their gates admit to their pools, and mark the heads for a status update."""
    while turn.dirty_lines:
        line, _ = turn.dirty_lines.popitem()
        line.offer_head()
        turn.dirty_jobs.update(dict.fromkeys(line.possibly_changed()))
        if line.head is None and line.gate is not None:
            line.gate.forget(line)


def start_run(turn: Turn, job: Job, pool: Pool) -> None:
    """Start a run in the pool: save the job as processing with its token, and start its first step.

    The run's share of each resource is chosen here.
    """
    leave_line(turn, job)
    job.pool = pool
    run = job.run = job.run or Run()
    run.launches += 1
    run.step = 0
    run.token = f"{job.id}-{run.launches}-0"
    run.spawned = False
    run.start_us = turn.now_us
    run.paused_us = 0
    run.stages = job.first_stages
    run.shares = {one.id: one.share(amount) for one, amount in job.demand.resources}
    if pool.trouble is not None:
        pool.trouble.trial_id = job.id
    turn.move(
        job,
        Status.PROCESSING,
        "admitted",
        start_us=turn.now_us,
        launches=run.launches,
        step=0,
        start_token=run.token,
        spawned=False,
        paused_us=0,
        message=None,
        **_place_columns(job, run),
    )
    turn.update(job, **turn.record_stages(job, {"preparing": turn.now_us}))
    if job.terms.reads_tables:
        turn.saves.append(PinTables(job.id))
    take_place(turn, job)
    turn.actions.append(StartStep(job.id, pool.id, run.token, run.launches, 0, pool.site))


def _place_columns(job: Job, run: Run) -> dict[str, Any]:
    """Return the columns for the pool, folder and resources of the run, where not known before the start."""
    columns: dict[str, Any] = {"pool": job.pool.id} if len(job.demand.pools) > 1 else {}
    if job.pool.site is not None:
        columns["work_root"] = job.pool.site.work_root
    elif any(pool.site is not None for pool in job.demand.pools):
        columns["work_root"] = None
    if job.demand.resources:
        columns["resources"] = {name: share.as_data() for name, share in run.shares.items()} or None
    return columns


def give_up_place(job: Job, run: Run) -> dict[str, Any]:
    """Reset the choice of pool and resources of a job that is requeued; returns the columns to save."""
    job.pool = job.demand.pools[0]
    run.shares = {}
    return _place_columns(job, run)


def begin_step(turn: Turn, job: Job, run: Run) -> None:
    """Start the current step of the run under a token that was never used."""
    run.token = f"{job.id}-{run.launches}-{run.step}"
    run.spawned = False
    turn.update(job, launches=run.launches, step=run.step, start_token=run.token, spawned=False)
    turn.actions.append(StartStep(job.id, job.pool.id, run.token, run.launches, run.step, job.pool.site))


def check_program(turn: Turn, job: UnverifiedJob, pool: Pool) -> None:
    """Check the program of a job that would start now. Meanwhile the job takes its slots and nothing else."""
    leave_line(turn, job)
    job.pool = pool
    was_full = pool.is_full
    job.program = Program.CHECKING
    pool.check(job)
    _note_whether_full(turn, pool, was_full)
    turn.dirty_jobs[job] = None
    turn.actions.append(CheckProgram(job.id, pool.id, pool.site))


def end_check(job: UnverifiedJob) -> None:
    """Free the slots that a job took while its program was being checked."""
    job.pool.release(job)
    job.pool = job.demand.pools[0]


def take_place(turn: Turn, job: Job) -> None:
    """Give a job that has just started its lock, slots and resources."""
    was_full = job.pool.is_full
    turn.state.occupy(job)
    _note_whether_full(turn, job.pool, was_full)
    turn.mark_gate(job)


def _note_whether_full(turn: Turn, pool: Pool, was_full: bool) -> None:
    if pool.is_full and not was_full:
        pool.full_since_us = turn.now_us
