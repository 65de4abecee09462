"""The effects of a submission or a termination, computed without doing it. It looks one step ahead."""

from collections.abc import Iterable
from dataclasses import dataclass

from lockside.documents.enums import JobType, Status
from locksided.core import lifecycle, propagation, termination
from locksided.core.actions import StartStep, StopRun
from locksided.core.admission import unstarted_status
from locksided.core.containers import Container
from locksided.core.explanation import explain
from locksided.core.inputs import Finished, Terminate
from locksided.core.jobs import HeldBy, Job, terms
from locksided.core.model import Draft, Principal
from locksided.core.reasons import Explanation
from locksided.core.saves import UpdateJob
from locksided.core.snapshot import snapshot_of
from locksided.core.state import State
from locksided.core.turn import Turn

NOBODY = Principal(0, "")


@dataclass(frozen=True, slots=True)
class TerminationPreview:
    """The jobs that would be stopped, cancelled and started (ids), and the lock keys that would be freed.

    `ended` has the jobs without processes that would end, and how: containers that were terminated, their
    parents, and jobs that wait for tables.
    """

    stopped: tuple[int, ...]
    cancelled: tuple[int, ...]
    freed: tuple[str, ...]
    started: tuple[int, ...]
    ended: tuple[tuple[int, Status], ...] = ()


def preview_termination(state: State, job: Job, now_us: int) -> TerminationPreview:
    """Terminate the job in a copy of the state, as if every stopped process ended at once."""
    trial = snapshot_of(state, now_us)
    turn = Turn(trial, now_us)
    termination.terminate(turn, Terminate(job.id, NOBODY))
    stops = [action for action in turn.actions if isinstance(action, StopRun)]
    for stop in stops:
        lifecycle.finished(turn, Finished(stop.job_id, stop.token, Status.SUCCESS, {}))
    propagation.propagate(turn)
    gone = [state.jobs[job_id] for job_id in trial.ended if job_id in state.jobs]
    return TerminationPreview(
        stopped=tuple(stop.job_id for stop in stops),
        cancelled=tuple(one.id for one in gone if not one.has_started),
        freed=tuple(_freed_keys(gone)),
        started=tuple(_started(turn)),
        ended=tuple((one.id, trial.ended[one.id]) for one in gone if _is_ending(one)),
    )


def _is_ending(job: Job) -> bool:
    is_waiting = job.run is not None and job.run.waits_for_tables
    return (isinstance(job, Container) and job.has_started) or is_waiting


def _freed_keys(gone: Iterable[Job]) -> list[str]:
    """Return the keys that only these jobs hold."""
    jobs = {job.id: job for job in gone if job.has_started}
    gates = dict.fromkeys(job.gate for job in jobs.values() if job.gate is not None)
    return [gate.key for gate in gates if gate.lock_key and all(one.id in jobs for one in gate.holders)]


def _started(turn: Turn) -> list[int]:
    """Return the jobs that would start, including containers, in that order."""
    processing = [
        save.id
        for save in turn.saves
        if isinstance(save, UpdateJob) and save.changes.get("status") is Status.PROCESSING
    ]
    sent = {action.job_id for action in turn.actions if isinstance(action, StartStep)}
    return [job_id for job_id in processing if job_id in sent or job_id in turn.state.jobs]


def preview_submission(state: State, draft: Draft, now_us: int) -> Explanation:
    """Return the status and reasons the outermost job of a draft would have; no reasons if it would start.

    The job is put into its line and removed again before anyone sees it. Other drafts of the same call are
    ignored.
    """
    job = _job_of(state, draft, now_us)
    line = state.line_of(job) if job.stands_in_line else None
    if line is not None:
        line.add(job)  # heads are offered to the pool only at the end of a step
    job.status = unstarted_status(job)
    explanation = explain(state, job)
    if line is not None:
        line.remove(job)
        if line.head is None and line.gate is not None:
            line.gate.forget(line)
    return explanation


def _job_of(state: State, draft: Draft, now_us: int) -> Job:
    demand = state.no_demand
    if draft.type is JobType.STANDARD:
        demand = state.demand_of(draft.project, draft.pools or (draft.pool,), draft.needs)
    job = Job(state.next_id, draft.project, draft.owner_uid, demand, now_us)
    job.priority = draft.priority
    job.terms = terms(draft.lock_share, draft.on_lost, draft.on_error)
    job.pending = {one.job_id: one.condition for one in draft.depends_on if one.job_id in state.jobs} or None
    if draft.lock_key is not None:
        job.gate = state.gates.get(draft.project, {}).get(draft.lock_key)
    if draft.start_at_us is not None and draft.start_at_us > now_us:
        job.start_at_us = draft.start_at_us
    if draft.held:
        job.held = HeldBy("", now_us)
    parent = state.jobs.get(draft.parent_id) if draft.parent_id is not None else None
    if parent is not None:
        job.lineage = (*parent.lineage, parent.id)
    return job
