"""Dependencies: the effect of the end of a job on the jobs that depend on it."""

from locksided.core import dispatch, lifecycle
from locksided.core.containers import Container
from locksided.core.jobs import Job
from locksided.core.model import Condition, Dependency
from locksided.core.turn import Ending, Turn


def resolve_dependency(turn: Turn, job: Job, ending: Ending) -> None:
    """Apply the end of a job to a job that depends on it."""
    pending = job.pending
    if not pending or turn.state.jobs.get(job.id) is not job:
        return
    condition = pending[ending.job.id]
    if not condition.met_by(ending.status, ending.job.terms.on_error):
        cancel_for_dependency(turn, job, Dependency(ending.job.id, condition), ending)
        return
    del pending[ending.job.id]
    if not pending:
        job.pending = None
        dispatch.unblock(turn, job)


def cancel_for_dependency(turn: Turn, job: Job, dependency: Dependency, ending: Ending | None = None) -> None:
    """Cancel a job whose dependency can no longer be met."""
    ended = f"ended with status {ending.status}" if ending is not None else "had already ended otherwise"
    cause = "dependency"
    wanted = "failure" if dependency.condition is Condition.FAILED else dependency.condition
    message = f"Job {dependency.job_id} {ended}; this job depends on its {wanted}."
    if dependency.condition is Condition.PHASE and ending is not None:
        cause, message = "phase", f"{_phase_name(ending.job)} {ended}."
    error = {"type": "user", "kind": "dependency", "exitCode": None, "signal": None, "message": message}
    lifecycle.cancel_tree(turn, job, cause, result={"message": message, "error": error})


def _phase_name(job: Job) -> str:
    title = job.title if isinstance(job, Container) else None
    return f"Phase '{title}' (job {job.id})" if title else f"The phase of job {job.id}"
