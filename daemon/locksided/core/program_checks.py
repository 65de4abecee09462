"""The results of program checks of jobs that have not started."""

from lockside.documents.enums import Status
from locksided.core import dispatch, lifecycle
from locksided.core.inputs import CannotStart, ProgramAwaited, ProgramFound
from locksided.core.jobs import UnverifiedJob
from locksided.core.model import Program
from locksided.core.turn import Turn


def program_found(turn: Turn, report: ProgramFound) -> None:
    """Return the job to its line: its program exists."""
    job = _checked_job(turn, report.job_id)
    if job is None:
        return
    job.program, job.awaits = Program.PRESENT, None
    dispatch.end_check(job)
    turn.dirty_jobs[job] = None
    if job.stands_in_line:
        dispatch.enter_line(turn, job)


def program_awaited(turn: Turn, report: ProgramAwaited) -> None:
    """Free the job's slots while its program is being fetched."""
    job = _checked_job(turn, report.job_id)
    if job is None:
        return
    job.program, job.awaits = Program.AWAITED, report.cause
    dispatch.end_check(job)
    turn.dirty_jobs[job] = None


def cannot_start(turn: Turn, report: CannotStart) -> None:
    """End a job that can never start."""
    job = _checked_job(turn, report.job_id)
    if job is not None:
        lifecycle.end(turn, job, Status.ERROR, "cannot_start", report.failure, **report.values)


def _checked_job(turn: Turn, job_id: int) -> UnverifiedJob | None:
    """Return the job if its program is still being checked or fetched."""
    job = turn.state.jobs.get(job_id)
    return job if isinstance(job, UnverifiedJob) and not job.program.is_settled else None
