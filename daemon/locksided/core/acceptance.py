"""Acceptance: a request becomes a live job; a container is created together with all its children.

Nothing starts here. A request is refused before anything changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import JobType, Status
from locksided.core import dependencies, dispatch
from locksided.core.containers import Container
from locksided.core.errors import Conflict, Forbidden, Invalid, NotFound
from locksided.core.inputs import Submit, Terminate
from locksided.core.jobs import HeldBy, Job, UnverifiedJob, terms
from locksided.core.model import NO_NEEDS, Condition, Dependency, Draft
from locksided.core.saves import InsertDependency, InsertJob, PutSpec
from locksided.core.termination import terminate
from locksided.core.turn import Turn


@dataclass(frozen=True, slots=True)
class Parentage:
    """A new job's ancestors, its container if it is a strong child, and the line order of a successor."""

    lineage: tuple[int, ...] = ()
    container: Container | None = None
    order: int | None = None


def submit(turn: Turn, request: Submit) -> list[int]:
    """Accept all drafts or refuse all; returns the id of the outermost job of each draft."""
    places = [_parentage_of(turn, draft) for draft in request.drafts]
    for draft, place in zip(request.drafts, places, strict=True):
        check(turn, draft, place, request.final)
    for job_id in request.instead_of:
        if job_id in turn.state.jobs:
            terminate(turn, Terminate(job_id, request.principal))
    return [
        accept(turn, draft, place, request.final).id
        for draft, place in zip(request.drafts, places, strict=True)
    ]


# -- refusals ---------------------------------------------------------------------------------------------


def _parentage_of(turn: Turn, draft: Draft) -> Parentage:
    if draft.parent_id is None:
        return Parentage()
    parent = turn.state.jobs.get(draft.parent_id)
    if parent is None or parent.status is not Status.PROCESSING:
        raise Conflict(
            f"Job {draft.parent_id} cannot be a parent: only a job that is processing can.",
            path=f"{draft.path}.parentRunId",
        )
    if parent.owner_uid != draft.owner_uid:
        raise Forbidden(f"Job {parent.id} belongs to another user.", path=f"{draft.path}.parentRunId")
    return Parentage((*parent.lineage, parent.id))


def check(turn: Turn, draft: Draft, place: Parentage, final: Mapping[int, Status]) -> None:
    """Raise Refused when the draft, or a job below it, cannot be accepted."""
    _check_tree(turn, draft)
    for index, dependency in enumerate(draft.depends_on):
        path = f"{draft.path}.dependsOn[{index}].job"
        lineage = place.lineage
        if dependency.job_id in lineage:
            circle = " -> ".join(map(str, (*lineage[lineage.index(dependency.job_id) :], "the new job")))
            raise Conflict(
                f"A job cannot depend on its own ancestor {dependency.job_id} ({circle}).", path=path
            )
        if _status_of(turn, dependency.job_id, final) is None:
            raise NotFound(f"There is no job {dependency.job_id} to depend on.", path=path)


def _check_tree(turn: Turn, draft: Draft) -> None:
    turn.state.demand_of(draft.project, draft.pools or (draft.pool,), draft.needs)
    assert draft.type is not JobType.STANDARD or not draft.children, "a standard job has no children"
    assert (draft.type is JobType.RETRY) == (draft.retry is not None), "retries go by a policy"
    assert draft.type is not JobType.RETRY or len(draft.children) == 1, "a retry container has one template"
    _check_order(draft.children)
    for child in draft.children:
        assert not child.depends_on, "only the outermost job depends on others"
        _check_tree(turn, child)


def _check_order(phases: tuple[Draft, ...]) -> None:
    """Refuse phases that depend on each other in a cycle."""
    unmet = {place: set(phase.after) for place, phase in enumerate(phases) if phase.after}
    done = [place for place in range(len(phases)) if place not in unmet] if unmet else []
    followers: dict[int, list[int]] = {}
    for place, others in unmet.items():
        for other in others:
            followers.setdefault(other, []).append(place)
    while done:
        other = done.pop()
        for place in followers.get(other, ()):
            unmet[place].discard(other)
            if not unmet[place]:
                del unmet[place]
                done.append(place)
    if unmet:
        names = ", ".join(str(phases[place].values.get("name") or place) for place in unmet)
        raise Invalid(f"These phases wait for each other in a circle: {names}.", path="$.phases")


def _status_of(turn: Turn, job_id: int, final: Mapping[int, Status]) -> Status | None:
    job = turn.state.jobs.get(job_id)
    return job.status if job is not None else turn.state.ended.get(job_id) or final.get(job_id)


# -- creation ---------------------------------------------------------------------------------------------


def accept(turn: Turn, draft: Draft, place: Parentage, final: Mapping[int, Status]) -> Job:
    """Create the job and everything below it. The job enters its line unless it has a blocker of its own."""
    wanted = strictest_conditions(draft.depends_on)
    unmet, failed = _sort_dependencies(turn, wanted, final)
    if failed is not None:
        unmet = {failed.job_id: failed.condition}
    job = _make(turn, draft, place, unmet, wanted)
    if failed is not None:
        dependencies.cancel_for_dependency(turn, job, failed)
    elif job.stands_in_line:
        dispatch.enter_line(turn, job)
    else:
        dispatch.update_status(turn, job)
    return job


def make_successor(turn: Turn, draft: Draft, place: Parentage) -> Job:
    """Create a job that replaces another. It has no dependencies and is not in a line yet."""
    return _make(turn, draft, place, {}, {})


def strictest_conditions(dependencies: tuple[Dependency, ...]) -> dict[int, Condition]:
    """Return the condition for each job; of two conditions for the same job the stricter one holds."""
    wanted: dict[int, Condition] = {}
    for dependency in dependencies:
        if wanted.get(dependency.job_id) in (None, Condition.FINAL):
            wanted[dependency.job_id] = dependency.condition
    return wanted


def _sort_dependencies(
    turn: Turn, wanted: Mapping[int, Condition], final: Mapping[int, Status]
) -> tuple[dict[int, Condition], Dependency | None]:
    """Return the dependencies that are still open, and the first one that can no longer be met."""
    unmet: dict[int, Condition] = {}
    failed = None
    for job_id, condition in wanted.items():
        if job_id in turn.state.jobs:
            unmet[job_id] = condition
            continue
        status = _status_of(turn, job_id, final)
        if status is not None and not condition.met_by(status):
            failed = failed or Dependency(job_id, condition)
    return unmet, failed


def _make(
    turn: Turn, draft: Draft, place: Parentage, pending: dict[int, Condition], wanted: Mapping[int, Condition]
) -> Job:
    """Create the job and everything below it. A container gets a lower id than its children."""
    job = _new_job(turn, draft, place)
    job.pending = pending or None
    turn.state.add(job)
    _save_new(turn, job, draft, wanted)
    if isinstance(job, Container):
        make_children(turn, job, draft.children)
    return job


def make_children(turn: Turn, container: Container, drafts: Sequence[Draft]) -> None:
    """Create all strong children in their order, then the dependencies between phases."""
    place = Parentage(container.child_lineage, container)
    children = [_make(turn, child, place, {}, {}) for child in drafts]
    for child, wishes in zip(children, drafts, strict=True):
        turn.dirty_jobs[child] = None
        if wishes.delay_us:
            container.delays[child.id] = wishes.delay_us
        if wishes.after:
            child.pending = {children[other].id: Condition.PHASE for other in wishes.after}
            turn.state.index_dependencies(child)
            turn.saves.extend(InsertDependency(child.id, on, Condition.PHASE) for on in child.pending)


def _new_job(turn: Turn, draft: Draft, place: Parentage) -> Job:
    job = _blank_job(turn, draft)
    turn.state.next_id += 1
    job.priority = draft.priority
    share = draft.lock_share if draft.lock_key is not None else 0
    job.terms = terms(
        share,
        draft.on_lost,
        draft.on_error,
        reads_tables=bool(draft.reads) and draft.type is JobType.STANDARD,
    )
    job.lineage = place.lineage
    job.container = place.container
    job.order = place.order or job.id
    if isinstance(job, Container):
        job.child_lineage = (*job.lineage, job.id)
    if draft.lock_key is not None:
        job.gate = turn.state.gate(draft.project, draft.lock_key)
    elif place.container is not None:
        job.gate = place.container.rows
    if draft.start_at_us is not None and draft.start_at_us > turn.now_us:
        job.start_at_us = draft.start_at_us
        if draft.delay_us is not None:
            turn.state.delayed.add(job.id)
    if draft.held:
        job.held = HeldBy(turn.principal.user if turn.principal is not None else "", turn.now_us)
    return job


def _blank_job(turn: Turn, draft: Draft) -> Job:
    state = turn.state
    if draft.type is JobType.STANDARD:
        kind = UnverifiedJob if draft.is_program_missing else Job
        demand = state.demand_of(draft.project, draft.pools or (draft.pool,), draft.needs)
        return kind(state.next_id, draft.project, draft.owner_uid, demand, turn.now_us)
    container = Container(
        state.next_id, draft.project, draft.owner_uid, state.no_demand, turn.now_us, draft.type
    )
    container.pool_id = draft.pool
    container.limit_to(draft.parallelism)
    container.title = draft.values.get("name") if draft.type is JobType.PHASE else None
    container.result = draft.values.get("result")
    if draft.retry is not None:
        container.policy = draft.retry
        container.attempts = 1
        container.about = {name: draft.values.get(name) for name in ("component", "config")}
    return container


def _save_new(turn: Turn, job: Job, draft: Draft, depends_on: Mapping[int, Condition]) -> None:
    now_us = turn.now_us
    values: dict[str, Any] = {
        **draft.values,
        **_family_columns(job, draft),
        "project": job.project,
        "run_id": job.run_id,
        "type": job.type,
        "status": job.status,
        "pool": draft.pool,
        "pools": list(draft.pools) if len(draft.pools) > 1 else None,
        "needs": draft.needs.as_data() if draft.needs != NO_NEEDS else None,
        "priority": job.priority,
        "line_order": job.order,
        "owner_uid": job.owner_uid,
        "lock_key": job.gate.lock_key if job.gate is not None else None,
        "lock_policy": policy_text(job),
        "start_at_us": draft.start_at_us,
        "held_by": job.held.by if job.held is not None else None,
        "held_us": job.held.since_us if job.held is not None else None,
        "on_lost": job.terms.on_lost,
        "reads": list(draft.reads) or None,
        "stage": "validated",
        "stages": job.first_stages,
        "created_us": now_us,
        "updated_us": now_us,
        "ready_us": now_us,
    }
    turn.saves.extend(PutSpec(*blob) for blob in draft.blobs)
    turn.saves.append(InsertJob(job.id, values))
    turn.saves.extend(InsertDependency(job.id, on_id, when) for on_id, when in depends_on.items())
    about = {name: values.get(name) for name in ("component", "config")}
    if values.get("schedule_id") is not None:
        about["schedule"] = values["schedule_id"]
    if values.get("notifies"):
        about["notifies"] = True
    turn.event(job, "job.created", **about)


def _family_columns(job: Job, draft: Draft) -> dict[str, Any]:
    relation = None
    if job.lineage:
        relation = "weak" if job.container is None else "strong"
    columns = {
        "parent_id": job.lineage[-1] if job.lineage else None,
        "relation": relation,
        "behavior_on_error": draft.on_error,
        "delay_us": draft.delay_us,
        "retry": draft.retry.as_data() if draft.retry is not None else None,
    }
    if draft.type is JobType.CONTAINER or draft.parallelism is not None:
        columns["parallelism"] = "infinity" if draft.parallelism is None else draft.parallelism
    return columns


def policy_text(job: Job) -> str:
    """Return the lock policy as it is spelled on the wire."""
    if job.gate is None or job.gate.lock_key is None:
        return "none"
    return f"shared:{job.lock_share}" if job.lock_share else "exclusive"
