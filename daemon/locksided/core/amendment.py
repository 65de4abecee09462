"""Amending: a job that never started is replaced by another that takes its place in line.

The jobs and the container that wait for it wait for its successor instead. Only then it is cancelled, and is
not counted. The caller checks and moves what depends on stored facts (rows, deduplication ids).
"""

from dataclasses import replace

from lockside.documents.enums import JobType
from locksided.core import acceptance, dispatch, lifecycle
from locksided.core.acceptance import Parentage, strictest_conditions
from locksided.core.containers import Container
from locksided.core.errors import Conflict, InvalidTransition
from locksided.core.inputs import Amend
from locksided.core.jobs import Job
from locksided.core.saves import DeleteDependency, InsertDependency
from locksided.core.transitions import NOT_STARTED, refuse_unless
from locksided.core.turn import Turn


def amend(turn: Turn, request: Amend) -> int:
    """Replace the job; returns the successor's id."""
    job = turn.state.job(request.job_id)
    _refuse(turn, job, request)
    on_error = request.draft.on_error or job.terms.on_error
    draft = replace(request.draft, depends_on=(), parent_id=None, delay_us=None, on_error=on_error)
    if request.keep_start_time:
        draft = replace(draft, start_at_us=job.start_at_us)
    if request.keep_hold:
        draft = replace(draft, held=False)
    successor = acceptance.make_successor(turn, draft, Parentage(job.lineage, job.container, job.order))
    if request.keep_hold and job.held is not None:
        successor.held = job.held
        turn.update(successor, held_by=job.held.by, held_us=job.held.since_us)
    _move_waits(turn, job, successor, request)
    _move_delay(turn, job, successor)
    lifecycle.cancel_tree(turn, job, "amended", message=f"Amended: job {successor.id} takes its place.")
    turn.dirty_jobs[successor] = None
    if successor.stands_in_line:
        dispatch.enter_line(turn, successor)
    return successor.id


def _refuse(turn: Turn, job: Job, request: Amend) -> None:
    refuse_unless(job.id, job.status, NOT_STARTED, "amended")
    if job.starts:
        raise InvalidTransition(
            f"Job {job.id} ran before and is to run again: terminate it and resubmit it with the changes.",
            status=job.status.value,
        )
    container = job.container
    if container is not None and isinstance(job, Container):
        raise Conflict(f"Job {job.id} is a container in a container: amend job {job.lineage[0]} as a whole.")
    if container is not None and container.type is not JobType.PHASE:
        what = "An attempt" if container.type is JobType.RETRY else "A row of a container"
        raise Conflict(f"{what} cannot be amended: amend job {job.lineage[0]} as a whole, before it starts.")
    wanted = strictest_conditions(request.draft.depends_on)
    live = {job_id: condition for job_id, condition in wanted.items() if job_id in turn.state.jobs}
    if live != (job.pending or {}):
        raise Conflict(
            f"Job {job.id} cannot be amended to depend on other jobs: resubmit it with another dependsOn.",
            path="$.with.dependsOn",
        )
    acceptance.check(turn, replace(request.draft, depends_on=()), Parentage(job.lineage, container), {})


def _move_waits(turn: Turn, job: Job, successor: Job, request: Amend) -> None:
    """Move the dependencies of the job, and the dependencies of others on it, to its successor."""
    state = turn.state
    if job.pending:
        successor.pending = dict(job.pending)
        state.index_dependencies(successor)
    for other_id, condition in strictest_conditions(request.draft.depends_on).items():
        turn.saves.append(InsertDependency(successor.id, other_id, condition))
    for dependant in state.dependants.pop(job.id, {}).values():
        assert dependant.pending is not None
        condition = dependant.pending.pop(job.id)
        dependant.pending[successor.id] = condition
        state.index_dependencies(dependant)
        turn.saves.append(DeleteDependency(dependant.id, job.id))
        turn.saves.append(InsertDependency(dependant.id, successor.id, condition))


def _move_delay(turn: Turn, job: Job, successor: Job) -> None:
    """Move a delay that counts from the start of the container, when that has not started."""
    if job.container is None:
        return
    delay_us = job.container.delays.pop(job.id, None)
    if delay_us is not None:
        job.container.delays[successor.id] = delay_us
        turn.update(successor, delay_us=delay_us)
