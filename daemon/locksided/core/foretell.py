"""What would keep a job back if it were accepted now. It is tried on and taken off again; nothing changes.

Jobs that would be accepted beside it are not thought of.
"""

from lockside.documents.enums import JobType
from locksided.core.admission import standing
from locksided.core.explain import Explanation, explain
from locksided.core.jobs import Hold, Job, terms
from locksided.core.model import Draft
from locksided.core.state import State


def foretell(state: State, draft: Draft, now_us: int) -> Explanation:
    """The reasons that the outermost job of a draft would have, and their status; none if it would start."""
    job = _would_be(state, draft, now_us)
    line = state.line_of(job) if job.stands_in_line else None
    if line is not None:
        line.add(job)  # nobody is offered a slot meanwhile, so nobody notices
    job.status = standing(state, job)
    told = explain(state, job)
    if line is not None:
        line.remove(job)
        if line.head is None and line.gate is not None:
            line.gate.forget(line)
    return told


def _would_be(state: State, draft: Draft, now_us: int) -> Job:
    pool = state.pool(draft.pool) if draft.type is JobType.STANDARD else state.no_pool
    job = Job(state.next_id, draft.project, draft.owner_uid, pool, now_us)
    job.priority = draft.priority
    job.terms = terms(draft.lock_share, draft.on_lost, draft.on_error)
    job.pending = {one.job_id: one.condition for one in draft.depends_on if one.job_id in state.jobs} or None
    if draft.lock_key is not None:
        job.gate = state.gates.get(draft.project, {}).get(draft.lock_key)
    if draft.start_at_us is not None and draft.start_at_us > now_us:
        job.start_at_us = draft.start_at_us
    if draft.held:
        job.held = Hold("", now_us)
    parent = state.jobs.get(draft.parent_id) if draft.parent_id is not None else None
    if parent is not None:
        job.lineage = (*parent.lineage, parent.id)
    return job
