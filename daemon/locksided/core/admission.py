"""The one rule of admission: what blocks a job from starting. `explanation` explains jobs by the same rule.

A job that has not started has at least one blocker; a job without one starts in the same step.
"""

from collections.abc import Iterator

from lockside.documents.enums import JobType, Status
from locksided.core.candidates import Walk, before
from locksided.core.jobs import Job
from locksided.core.model import BY_OTHER_JOBS, ReasonKind
from locksided.core.pools import Pool
from locksided.core.state import State

R = ReasonKind


def blockers(state: State, job: Job) -> Iterator[ReasonKind]:
    """Yield everything that blocks the job itself from starting now, its own causes first.

    The blockers of a container that has not started are not repeated for the jobs below it. A container's
    pool never blocks it.
    """
    yield from _blockers_before_pools(job)
    walk = before(state, job) if job.stands_in_line else None
    of_pools = dict.fromkeys(kind for kind, _ in pool_blockers(job, walk))
    if not job.program.is_settled:
        of_pools[R.NO_EXECUTOR] = None
    yield from of_pools
    if walk is not None and walk.short(job):
        yield R.RESOURCE
    if state.draining is not None:
        yield R.DRAINING
    if state.store_trouble is not None:
        yield R.STORE_UNAVAILABLE


def pool_blockers(job: Job, walk: Walk | None) -> list[tuple[ReasonKind, Pool]]:
    """Return what keeps the job out of each of its pools; an empty list when one of them would take it.

    `walk` is the result of `candidates.before`, None for a job that is not in a line.
    """
    found: list[tuple[ReasonKind, Pool]] = []
    for pool in job.demand.pools:
        holds = {
            R.POOL_FULL: walk is not None and not walk.has_slots(pool, job),
            R.POOL_PAUSED: pool.is_paused,
            R.NO_EXECUTOR: pool.is_troubled,
        }
        kinds = [kind for kind, does_hold in holds.items() if does_hold]
        if not kinds:
            return []
        found += [(kind, pool) for kind in kinds]
    return found


def _blockers_before_pools(job: Job) -> Iterator[ReasonKind]:
    """Yield the blockers that precede those of the pools: other jobs, and the job's own causes."""
    if job.pending:
        yield R.PHASE if job.type is JobType.PHASE else R.DEPENDENCY
    if job.start_at_us is not None:
        yield R.START_TIME
    if job.held is not None:
        yield R.HELD
    if job.block is not None:
        yield R.RECOVERY
    if job.stands_in_line and job.gate is not None and job.gate.blocks(job):
        yield job.gate.reason


def is_admitted(job: Job) -> bool:
    """Whether only its pools, its resources or the daemon as a whole can keep the job back."""
    return job.is_container_started and next(_blockers_before_pools(job), None) is None


def unstarted_status(job: Job) -> Status:
    """The status of a job that has not started: `waiting` when other jobs, or its container, block it."""
    if not job.is_container_started or not BY_OTHER_JOBS.isdisjoint(_blockers_before_pools(job)):
        return Status.WAITING
    return Status.CREATED
