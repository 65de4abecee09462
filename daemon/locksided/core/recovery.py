"""Recovery: a failed job is blocked until an external condition is met or its recovery is given up.

A blocked job is `created`, is in no line and takes no slot; it keeps its lock only if its policy says so. The
reporter of a failure decides which policy matches it; checks are in `recovery_checks`.
"""

from collections.abc import Mapping
from typing import Any

from lockside.documents.enums import FailureClass, RecoveryEnd
from lockside.documents.times import time_text
from locksided.core.jobs import Job, Run
from locksided.core.recoveries import Block, RecoveryCondition, RecoveryTerms
from locksided.core.saves import PutCondition
from locksided.core.turn import Turn

MOST_CONDITIONS = 1000
"""Per project."""


def end_of_recovery(turn: Turn, job: Job, run: Run, terms: RecoveryTerms) -> RecoveryEnd | None:
    """Return why a job that failed is not blocked once more; None when it is."""
    if run.blocked_count >= terms.max_blocks:
        return RecoveryEnd.MAX_BLOCKS
    if run.blocked_us is not None and turn.now_us >= run.blocked_us + terms.expiry_us:
        return RecoveryEnd.EXPIRED
    conditions = turn.state.recoveries.conditions
    if terms.condition not in conditions and len(conditions) >= MOST_CONDITIONS:
        of_project = sum(one.project == job.project for one in conditions.values())
        return RecoveryEnd.LIMIT if of_project >= MOST_CONDITIONS else None
    return None


def block(
    turn: Turn, run: Run, terms: RecoveryTerms, failure: FailureClass | None, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Block a job whose run failed with these values; returns the columns to save.

    The caller must free the job's slot and then call `wait`.
    """
    now_us = turn.now_us
    run.blocked_count += 1
    run.blocked_us = now_us if run.blocked_us is None else run.blocked_us
    run.block = Block(
        terms=terms,
        since_us=now_us,
        not_before_us=now_us + max(terms.interval_us, terms.retry_after_us),
        expires_us=run.blocked_us + terms.expiry_us,
        failure=failure,
        result=values.get("result"),
        message=values.get("message"),
    )
    return {
        "block": run.block.as_data(),
        "blocked_count": run.blocked_count,
        "blocked_us": run.blocked_us,
    }


def wait(turn: Turn, job: Job, run: Run) -> None:
    """Let a job that was just blocked wait for its condition."""
    assert run.block is not None
    terms = run.block.terms
    condition = turn.state.recoveries.join(job)
    save(turn, condition)
    turn.event(
        job,
        "job.blocked",
        policy=terms.policy,
        condition=terms.condition,
        blockedCount=run.blocked_count,
        nextCheckTime=time_text(condition.next_check_us),
    )


def leave(turn: Turn, job: Job) -> dict[str, Any]:
    """End the wait of a blocked job, whatever follows; returns the columns to save.

    A condition without waiting jobs is deleted.
    """
    run = job.run
    assert run is not None
    assert run.block is not None
    if job.keeps_lock and job.gate is not None:
        job.gate.leave(job)
        turn.mark_gate(job)
    conditions = turn.state.recoveries.conditions
    condition = conditions[run.block.terms.condition]
    del condition.jobs[job.id]
    if not condition.jobs:
        del conditions[condition.id]
        turn.saves.append(PutCondition(condition.id, None))
    run.block = None
    return {"block": None}


def save(turn: Turn, condition: RecoveryCondition) -> None:
    """Save the current values of a condition."""
    turn.saves.append(PutCondition(condition.id, condition.values()))


def given_up(
    turn: Turn, run: Run, terms: RecoveryTerms, cause: RecoveryEnd, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of a failure whose recovery was given up, with the reason in its error."""
    condition = turn.state.recoveries.conditions.get(terms.condition)
    last = None if condition is None else condition.last
    details = {
        "cause": cause.value,
        "blocks": run.blocked_count,
        "since": None if run.blocked_us is None else time_text(run.blocked_us),
        "lastMessage": None if last is None else last.message,
    }
    result = dict(values.get("result") or {})
    result["error"] = {**(result.get("error") or {}), "recovery": details}
    return {**values, "result": result}


def block_of(job: Job) -> Block:
    """Return the block of a blocked job."""
    assert job.block is not None, f"job {job.id} is not blocked"
    return job.block


def moved(run: Run, by_us: int) -> dict[str, Any]:
    """Move the times of a run that was blocked with the clock; returns the columns to save."""
    assert run.blocked_us is not None
    run.blocked_us += by_us
    if run.block is None:
        return {"blocked_us": run.blocked_us}
    run.block = run.block.moved(by_us)
    return {"blocked_us": run.blocked_us, "block": run.block.as_data()}
