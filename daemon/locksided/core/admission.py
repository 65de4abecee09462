"""The one rule of admission: what blocks a job from starting. `reasons` explains jobs by the same rule.

A job that has not started has at least one obstacle; a job without one starts in the same step.
"""

from collections.abc import Iterator

from lockside.documents.enums import JobType, Status
from locksided.core.jobs import Job
from locksided.core.model import BY_OTHER_JOBS, ReasonKind
from locksided.core.state import State

R = ReasonKind


def blockers(state: State, job: Job) -> Iterator[ReasonKind]:
    """Everything that blocks the job itself from starting now, its own causes first.

    What keeps back a container that has not started is not repeated for those below it. The pool of a
    container never keeps it back.
    """
    if job.pending:
        yield R.PHASE if job.type is JobType.PHASE else R.DEPENDENCY
    if job.start_at_us is not None:
        yield R.START_TIME
    if job.held is not None:
        yield R.HELD
    if job.block is not None:
        yield R.RECOVERY
    if job.stands_in_line:
        if job.gate is not None and job.gate.blocks(job):
            yield job.gate.reason
        if job.pool.is_full:
            yield R.POOL_FULL
    if job.pool.is_paused:
        yield R.POOL_PAUSED
    if job.pool.is_troubled or not job.program.is_settled:
        yield R.NO_EXECUTOR
    if state.draining is not None:
        yield R.DRAINING
    if state.store_trouble is not None:
        yield R.STORE_UNAVAILABLE


def may_start(state: State, job: Job) -> bool:
    """Whether nothing blocks the job."""
    return job.is_container_started and next(blockers(state, job), None) is None


def unstarted_status(state: State, job: Job) -> Status:
    """The status of a job that has not started: `waiting` when other jobs, or its container, block it."""
    if not job.is_container_started:
        return Status.WAITING
    return Status.WAITING if any(kind in BY_OTHER_JOBS for kind in blockers(state, job)) else Status.CREATED
