"""Lines and starts: jobs come to their place, leave it, and start from it; statuses follow.

Who is next and when all is settled is for `settling` to say.
"""

from lockside.documents.enums import Status
from locksided.core.actions import SeekProgram, StartStep
from locksided.core.admission import standing
from locksided.core.jobs import DoubtedJob, Job, Run
from locksided.core.model import Program
from locksided.core.pools import Pool
from locksided.core.turn import Turn


def enter_line(turn: Turn, job: Job) -> None:
    """Let a job stand in line, when nothing of its own keeps it back."""
    line = turn.state.line_of(job)
    covered = line.head
    line.add(job)
    turn.touch(line)
    turn.uncertain[job] = None
    if covered is not None and covered is not line.head:
        turn.uncertain[covered] = None


def leave_line(turn: Turn, job: Job) -> None:
    """Take a job out of its line, if it stands in one, before it starts, ends or is kept back."""
    line = job.line
    if line is not None:
        line.remove(job)
        turn.touch(line)


def free(turn: Turn, job: Job) -> None:
    """One of the job's own causes to wait is gone: it stands in line when that was the last.

    A clock that was set back does not bring a start time back that had come.
    """
    job.entered_us = max(job.entered_us, turn.now_us)
    turn.update(job, ready_us=job.entered_us)
    turn.uncertain[job] = None
    if job.stands_in_line:
        enter_line(turn, job)


def restate(turn: Turn, job: Job) -> None:
    """Let the status of a job that has not started follow its obstacles."""
    status = standing(turn.state, job)
    if status is not job.status:
        cause = "other_jobs" if status is Status.WAITING else "platform"
        turn.move(job, status, cause)


def refresh_touched(turn: Turn) -> None:
    """Offer the heads that their gates admit now to their pools; the statuses of heads may have changed."""
    while turn.touched:
        line, _ = turn.touched.popitem()
        line.offer_head()
        turn.uncertain.update(dict.fromkeys(line.unsettled()))
        if line.head is None and line.gate is not None:
            line.gate.forget(line)


def start_run(turn: Turn, job: Job) -> None:
    """Save a standard job as processing with its token, and have its first step started after that."""
    pool = job.pool
    leave_line(turn, job)
    run = job.run = job.run or Run()
    run.launches += 1
    run.step = 0
    run.token = f"{job.id}-{run.launches}-0"
    run.spawned = False
    run.start_us = turn.now_us
    run.paused_us = 0
    run.stages = job.first_stages
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
    )
    turn.update(job, **turn.reach(job, {"preparing": turn.now_us}))
    take_place(turn, job)
    turn.actions.append(StartStep(job.id, pool.id, run.token, run.launches, 0))


def seek_program(turn: Turn, job: DoubtedJob) -> None:
    """Have the program looked for of a job that would start now; it keeps its slot, but takes no lock."""
    leave_line(turn, job)
    pool = job.pool
    was_full = pool.is_full
    job.program = Program.SOUGHT
    pool.sought[job.id] = job
    _note_whether_full(turn, pool, was_full)
    turn.uncertain[job] = None
    turn.actions.append(SeekProgram(job.id, job.pool.id))


def take_place(turn: Turn, job: Job) -> None:
    """Let a job that has just started hold its lock and its slot."""
    was_full = job.pool.is_full
    turn.state.occupy(job)
    _note_whether_full(turn, job.pool, was_full)
    turn.touch_gate(job)


def _note_whether_full(turn: Turn, pool: Pool, was_full: bool) -> None:
    if pool.is_full and not was_full:
        pool.full_since_us = turn.now_us
