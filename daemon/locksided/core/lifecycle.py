"""A job's way from its acceptance to its end, as far as the daemon goes by itself.

What callers ask for on that way (terminate, hold, pause …) is in `termination` and `control`.
"""

from collections.abc import Mapping
from typing import Any

from locksided.core import dispatch
from locksided.core.actions import PauseRun, StartStep
from locksided.core.errors import Conflict, Forbidden, NotFound
from locksided.core.inputs import (
    Finished,
    KeeperDied,
    Lost,
    NotStarted,
    Progressed,
    Spawned,
    StageReached,
    StepEnded,
    Submit,
)
from locksided.core.jobs import Hold, Job, Run
from locksided.core.model import Condition, Dependency, Draft, OnLost, Status
from locksided.core.pools import Trouble
from locksided.core.saves import InsertDependency, InsertJob, PutSpec
from locksided.core.turn import Turn

# -- acceptance -------------------------------------------------------------------------------------------


def submit(turn: Turn, asked: Submit) -> list[int]:
    """Accept all drafts or refuse all; answers the new ids."""
    parents = [_check_draft(turn, draft, asked.final) for draft in asked.drafts]
    return [
        _accept(turn, draft, parent, asked.final) for draft, parent in zip(asked.drafts, parents, strict=True)
    ]


def _check_draft(turn: Turn, draft: Draft, final: Mapping[int, Status]) -> Job | None:
    turn.state.pool(draft.pool)
    parent = _parent_of(turn, draft)
    lineage = () if parent is None else (*parent.lineage, parent.id)
    for index, dependency in enumerate(draft.depends_on):
        path = f"{draft.path}.dependsOn[{index}].job"
        if dependency.job_id in lineage:
            circle = " -> ".join(map(str, (*lineage[lineage.index(dependency.job_id) :], "the new job")))
            raise Conflict(
                f"A job cannot depend on its own ancestor {dependency.job_id} ({circle}).", path=path
            )
        if _status_of(turn, dependency.job_id, final) is None:
            raise NotFound(f"There is no job {dependency.job_id} to depend on.", path=path)
    return parent


def _status_of(turn: Turn, job_id: int, final: Mapping[int, Status]) -> Status | None:
    job = turn.state.jobs.get(job_id)
    return job.status if job is not None else turn.state.ended.get(job_id) or final.get(job_id)


def _parent_of(turn: Turn, draft: Draft) -> Job | None:
    if draft.parent_id is None:
        return None
    parent = turn.state.jobs.get(draft.parent_id)
    if parent is None or parent.status is not Status.PROCESSING:
        raise Conflict(
            f"Job {draft.parent_id} cannot be a parent: only a job that is processing can.",
            path=f"{draft.path}.parentRunId",
        )
    if parent.owner_uid != draft.owner_uid:
        raise Forbidden(f"Job {parent.id} belongs to another user.", path=f"{draft.path}.parentRunId")
    return parent


def _accept(turn: Turn, draft: Draft, parent: Job | None, final: Mapping[int, Status]) -> int:
    job = _new_job(turn, draft, parent)
    wanted = _strictest(draft.depends_on)
    unmet, failed = _sort_dependencies(turn, wanted, final)
    job.pending = unmet or None
    if failed is not None:
        job.pending = {failed.job_id: failed.condition}
    turn.state.add(job)
    _save_new(turn, job, draft, wanted)
    if failed is not None:
        cancel_for_dependency(turn, job, failed)
    elif job.stands_in_line:
        dispatch.enter_line(turn, job)
    else:
        dispatch.restate(turn, job)
    return job.id


def _new_job(turn: Turn, draft: Draft, parent: Job | None) -> Job:
    state = turn.state
    job = Job(state.next_id, draft.project, draft.owner_uid, state.pool(draft.pool), turn.now_us)
    state.next_id += 1
    job.priority = draft.priority
    job.on_lost = draft.on_lost
    if draft.lock_key is not None:
        job.gate = state.gate(draft.project, draft.lock_key)
        job.lock_share = draft.lock_share
    if parent is not None:
        job.lineage = (*parent.lineage, parent.id)
    if draft.start_at_us is not None and draft.start_at_us > turn.now_us:
        job.start_at_us = draft.start_at_us
    if draft.held:
        job.held = Hold(turn.principal.user if turn.principal is not None else "", turn.now_us)
    return job


def _strictest(dependencies: tuple[Dependency, ...]) -> dict[int, Condition]:
    """What is asked of each job; who names one twice means both."""
    wanted: dict[int, Condition] = {}
    for dependency in dependencies:
        if wanted.get(dependency.job_id) is not Condition.SUCCESS:
            wanted[dependency.job_id] = dependency.condition
    return wanted


def _sort_dependencies(
    turn: Turn, wanted: Mapping[int, Condition], final: Mapping[int, Status]
) -> tuple[dict[int, Condition], Dependency | None]:
    """Those still to wait for, and the first that can no longer be met."""
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


def _save_new(turn: Turn, job: Job, draft: Draft, depends_on: Mapping[int, Condition]) -> None:
    now_us = turn.now_us
    values: dict[str, Any] = {
        **draft.values,
        "project": job.project,
        "run_id": job.run_id,
        "parent_id": job.lineage[-1] if job.lineage else None,
        "relation": "weak" if job.lineage else None,
        "type": job.type,
        "status": job.status,
        "pool": job.pool.id,
        "priority": job.priority,
        "line_order": job.order,
        "owner_uid": job.owner_uid,
        "lock_key": job.gate.key if job.gate is not None else None,
        "lock_policy": policy_text(job),
        "start_at_us": draft.start_at_us,
        "held_by": job.held.by if job.held is not None else None,
        "held_us": job.held.since_us if job.held is not None else None,
        "on_lost": job.on_lost,
        "stage": "validated",
        "stages": job.first_stages,
        "created_us": now_us,
        "updated_us": now_us,
        "ready_us": now_us,
    }
    turn.saves.extend(PutSpec(*blob) for blob in draft.blobs)
    turn.saves.append(InsertJob(job.id, values))
    turn.saves.extend(InsertDependency(job.id, on_id, when) for on_id, when in depends_on.items())
    turn.event(job, "job.created", component=values.get("component"), config=values.get("config"))


def policy_text(job: Job) -> str:
    """The lock policy in the wire's words."""
    if job.gate is None:
        return "none"
    return f"shared:{job.lock_share}" if job.lock_share else "exclusive"


# -- while it runs ----------------------------------------------------------------------------------------


def current_run(turn: Turn, job_id: int, token: str) -> tuple[Job, Run] | None:
    """The job and its run, when the report is about what runs now; one of an old token is nothing."""
    job = turn.state.jobs.get(job_id)
    if job is None or job.run is None or job.run.token != token:
        return None
    return job, job.run


def spawned(turn: Turn, report: Spawned) -> None:
    """The process exists: count the start, and pause it when that was asked for meanwhile."""
    found = current_run(turn, report.job_id, report.token)
    if found is None or found[1].spawned:
        return
    job, run = found
    _count_start(job, run)
    stage = turn.reach(job, {"running": turn.now_us})
    turn.update(job, starts=run.starts, spawned=True, process=dict(report.process), **stage)
    _judge_trial(job, run)
    if run.paused_since_us is not None:
        turn.actions.append(PauseRun(job.id, job.pool.id, report.token))


def _count_start(job: Job, run: Run) -> None:
    run.spawned = True
    if run.step == 0:
        run.starts += 1
    assert run.starts <= run.launches, f"job {job.id} started more often than it was told to"


def _judge_trial(job: Job, run: Run) -> None:
    """End the pool's trouble when this was its trial and a process came of it; else another is tried."""
    trouble = job.pool.trouble
    if trouble is None or trouble.trial_id != job.id:
        return
    trouble.trial_id = None
    if run.spawned:
        job.pool.trouble = None


def stage_reached(turn: Turn, report: StageReached) -> None:
    """Note a finer stage of a running job."""
    found = current_run(turn, report.job_id, report.token)
    if found is not None:
        turn.update(found[0], **turn.reach(found[0], {report.stage: turn.now_us}))


def progressed(turn: Turn, report: Progressed) -> None:
    """Note how far a running job is. It never sets a status."""
    found = current_run(turn, report.job_id, report.token)
    if found is not None:
        given = {"progress": report.progress, "message": report.message}
        turn.update(found[0], **{key: value for key, value in given.items() if value is not None})


def step_ended(turn: Turn, report: StepEnded) -> None:
    """Go on with the next step of the run, under a token of its own; unless it was asked to terminate."""
    found = current_run(turn, report.job_id, report.token)
    if found is None:
        return
    job, run = found
    if not run.spawned:
        _count_start(job, run)
        turn.update(job, starts=run.starts)
    _judge_trial(job, run)
    if run.stop_asked:
        end(turn, job, Status.TERMINATED, "terminated")
        return
    run.step += 1
    _begin_step(turn, job, run)


def _begin_step(turn: Turn, job: Job, run: Run) -> None:
    """Have the run's present step started, under a token that was never used."""
    run.token = f"{job.id}-{run.launches}-{run.step}"
    run.spawned = False
    turn.update(job, launches=run.launches, step=run.step, start_token=run.token, spawned=False)
    turn.actions.append(StartStep(job.id, job.pool.id, run.token, run.launches, run.step))


# -- its end ----------------------------------------------------------------------------------------------


def finished(turn: Turn, report: Finished) -> Status | None:
    """The run is over: the outcome decides, unless the job was asked to terminate. Answers the status."""
    found = current_run(turn, report.job_id, report.token)
    if found is None:
        return None
    job, run = found
    if report.started and not run.spawned:
        _count_start(job, run)
    _judge_trial(job, run)
    values = {**report.values, "starts": run.starts}
    if report.stages:
        values |= turn.reach(job, report.stages)
    status, cause = report.status, "outcome"
    if run.stop_asked:
        status, cause = (Status.TERMINATED if run.starts else Status.CANCELLED), "terminated"
    end(turn, job, status, cause, **values)
    return status


def not_started(turn: Turn, report: NotStarted) -> None:
    """Nothing ran under this token: the job goes back to its place, or ends when that was asked for.

    Steps before this one are not run again for it: the step alone is told to start once more. When the
    machine refuses a later step, the run that began is lost.
    """
    found = current_run(turn, report.job_id, report.token)
    if found is None:
        return
    job, run = found
    if report.cause is not None:
        _distrust(turn, job, report.cause)
    _judge_trial(job, run)
    if run.stop_asked:
        status = Status.TERMINATED if run.starts else Status.CANCELLED
        end(turn, job, status, "terminated")
    elif run.step == 0:
        requeue(turn, job, "not_started")
    elif report.cause is None:
        run.launches += 1
        _begin_step(turn, job, run)
    else:
        _go_by_on_lost(turn, job, run, {"result": _refused_step(run, report.cause)})


def _refused_step(run: Run, cause: str) -> dict[str, Any]:
    message = f"The system refused to start step {run.step}: {cause}."
    error = {"type": "application", "kind": "spawn", "exitCode": None, "signal": None, "message": message}
    return {"message": message, "error": error}


def _distrust(turn: Turn, job: Job, cause: str) -> None:
    """Start nothing in the job's pool for a while, longer each time that the trial is refused, too."""
    pool = job.pool
    if pool.trouble is None:
        pool.trouble = Trouble(cause, turn.now_us)
    elif pool.trouble.until_told:
        return  # its executor is down anyway
    if pool.trouble.trial_id in (None, job.id) and pool.trouble.retry_at_us is None:
        pool.trouble.wait_longer(turn.now_us)
    pool.trouble.cause = cause
    turn.daemon_event("pool.trouble", pool=pool.id, cause=cause)


def keeper_died(turn: Turn, report: KeeperDied) -> None:
    """Say why the job still holds its lock and slot: its tree is not proved empty yet."""
    found = current_run(turn, report.job_id, report.token)
    if found is not None:
        found[1].survivors = True
        turn.update(found[0], message="Its keeper died; what may be left of it is being stopped.")


def lost(turn: Turn, report: Lost) -> None:
    """The machine or the keeper died under the job: it goes by its `onLost`, at most so often."""
    found = current_run(turn, report.job_id, report.token)
    if found is None:
        return
    job, run = found
    if not run.spawned:
        _count_start(job, run)
    _judge_trial(job, run)
    turn.update(job, starts=run.starts)
    if run.stop_asked:
        end(turn, job, Status.TERMINATED, "terminated", **report.values)
    else:
        _go_by_on_lost(turn, job, run, report.values)


def _go_by_on_lost(turn: Turn, job: Job, run: Run, values: Mapping[str, Any]) -> None:
    if job.on_lost is OnLost.REQUEUE and run.lost_count < turn.state.max_requeues:
        run.lost_count += 1
        turn.update(job, lost_count=run.lost_count)
        requeue(turn, job, "lost")
    else:
        end(turn, job, Status.ERROR, "lost", **values)


def requeue(turn: Turn, job: Job, cause: str) -> None:
    """Back to `created` at its old place in line: the machine failed, not the job."""
    run = job.run
    assert run is not None
    times = _leave_run(turn, job)
    run.token = None
    run.spawned = run.survivors = False
    run.paused_us = 0
    run.stages = job.first_stages
    job.entered_us = turn.now_us
    values = {
        **times,
        "start_token": None,
        "spawned": False,
        "paused_us": 0,
        "stage": "validated",
        "stages": job.first_stages,
        "progress": None,
        "message": None,
        "ready_us": turn.now_us,
    }
    turn.move(job, Status.CREATED, cause, **values)
    dispatch.enter_line(turn, job)


def end(turn: Turn, job: Job, status: Status, cause: str, **values: Any) -> None:
    """Make a job final, free what it held, and let those that depended on it follow."""
    dispatch.leave_line(turn, job)
    if job.has_started:
        values |= _leave_run(turn, job)
        values["start_token"] = None
    _close(turn, job, status, cause, **values)


def _close(turn: Turn, job: Job, status: Status, cause: str, **values: Any) -> None:
    values |= turn.reach(job, {"done": turn.now_us})
    if job.run is not None:  # there may be a folder, which is kept for a while
        values["expires_us"] = turn.now_us + turn.state.retention_us
    turn.move(job, status, cause, **values)
    turn.aftermath.extend((dependant, job.id, status) for dependant in turn.state.discard(job, status))


def _leave_run(turn: Turn, job: Job) -> dict[str, Any]:
    """Give lock and slot back and close the books of the run's time; answers the columns to save."""
    assert job.run is not None
    turn.state.vacate(job)
    turn.touch_gate(job)
    return job.run.end_processing(turn.now_us) if job.status is Status.PROCESSING else {}


def tell_dependants(turn: Turn) -> None:
    """Let everybody follow who depended on a job that ended in this step, and so on down."""
    while turn.aftermath:
        job, other_id, status = turn.aftermath.popleft()
        if job.pending and turn.state.jobs.get(job.id) is job:
            _tell_dependant(turn, job, job.pending, other_id, status)


def _tell_dependant(
    turn: Turn, job: Job, pending: dict[int, Condition], other_id: int, status: Status
) -> None:
    condition = pending[other_id]
    if not condition.met_by(status):
        cancel_for_dependency(turn, job, Dependency(other_id, condition), status)
        return
    del pending[other_id]
    if not pending:
        job.pending = None
        dispatch.free(turn, job)


def cancel_for_dependency(turn: Turn, job: Job, dependency: Dependency, status: Status | None = None) -> None:
    """Cancel a job whose dependency can no longer be met; those that depend on it follow."""
    ended = f" ended as {status}" if status is not None else " had already ended otherwise"
    message = f"Job {dependency.job_id}, on whose {dependency.condition} this job depends,{ended}."
    error = {"type": "user", "kind": "dependency", "exitCode": None, "signal": None, "message": message}
    result = {"message": message, "error": error}
    end_unstarted(turn, job, "dependency", result=result)


def end_unstarted(turn: Turn, job: Job, cause: str, **values: Any) -> None:
    """Cancel a job that has not started: `cancelled` when nothing of it ever ran, else `terminated`."""
    if job.starts == 0:
        end(turn, job, Status.CANCELLED, cause, **values)
        return
    dispatch.leave_line(turn, job)
    turn.move(job, Status.TERMINATING, cause, **{**values, "desired_status": Status.TERMINATING})
    _close(turn, job, Status.TERMINATED, cause)
