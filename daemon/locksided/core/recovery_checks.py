"""Checks of conditions: when they are made, which jobs a good one releases, and when recovery is given up."""

from lockside.documents.enums import CheckOutcome, RecoveryEnd, Status
from locksided.core import dispatch, lifecycle, recovery
from locksided.core.actions import CheckCondition
from locksided.core.errors import InvalidTransition, NotFound, Unavailable
from locksided.core.jobs import Job
from locksided.core.recoveries import CheckResult, RecoveryCondition, RecoveryTerms
from locksided.core.recovery import block_of
from locksided.core.recovery_inputs import Checked, CheckLost, CheckNow, Unblock
from locksided.core.sorted_jobs import sort_key
from locksided.core.turn import Turn

BY_CHECK = "recovery"
"""The `by` of an event about a job that a check unblocked."""


def time_passed(turn: Turn) -> None:
    """End the jobs that have expired and start the checks that are due; none is made while draining."""
    recoveries = turn.state.recoveries
    for job_id in recoveries.expiries.due(turn.now_us):
        give_up(turn, turn.state.jobs[job_id], RecoveryEnd.EXPIRED)
    if turn.state.draining is None:
        for condition_id in recoveries.checks.due(turn.now_us):
            _begin_check(turn, recoveries.conditions[condition_id])


def _begin_check(turn: Turn, condition: RecoveryCondition) -> None:
    """Test a condition as the user of its first job; without a tester the result is good."""
    if not condition.asks:
        _conclude(turn, condition, CheckResult(turn.now_us, CheckOutcome.WELL))
        return
    condition.is_checking = True
    first = min(condition.jobs.values(), key=sort_key)
    turn.actions.append(
        CheckCondition(condition.id, condition.checks, first.id, block_of(first).terms.policy)
    )


def check_now(turn: Turn, request: CheckNow) -> None:
    """Check a condition now; a check that is already running is not repeated."""
    condition = turn.state.recoveries.conditions.get(request.condition)
    if condition is None:
        raise NotFound(
            f"There is no condition {request.condition}: `recovery.list` has those that jobs wait for.",
            path="$.condition",
        )
    if turn.state.draining is not None:
        raise Unavailable("The daemon is being drained: nothing is tested until `daemon.undrain`.")
    condition.by_hand = True
    if not condition.is_checking:
        _begin_check(turn, condition)


def checked(turn: Turn, report: Checked) -> None:
    """Apply the result of a check; a repeated report changes nothing."""
    condition = turn.state.recoveries.conditions.get(report.condition)
    if condition is not None and condition.checks == report.number:
        _conclude(turn, condition, CheckResult(turn.now_us, report.outcome, report.message))


def check_lost(turn: Turn, report: CheckLost) -> None:
    """Repeat a check whose result is lost."""
    condition = turn.state.recoveries.conditions.get(report.condition)
    if condition is not None and condition.checks == report.number:
        condition.is_checking = False
        turn.state.recoveries.schedule(condition, turn.now_us)
        recovery.save(turn, condition)


def _conclude(turn: Turn, condition: RecoveryCondition, result: CheckResult) -> None:
    before = sorted(condition.jobs.values(), key=sort_key)
    terms = block_of(before[0]).terms
    ready = [job for job in before if condition.by_hand or block_of(job).not_before_us <= turn.now_us]
    released = ready[: terms.release] if result.outcome is CheckOutcome.WELL else []
    condition.is_checking = condition.by_hand = False
    condition.checks += 1
    condition.last = result
    _note(turn, condition, result, jobs=len(before), released=len(released))
    for job in released:
        let_go(turn, job, BY_CHECK)
    if result.outcome is CheckOutcome.HOPELESS:
        for job in before:
            give_up(turn, job, RecoveryEnd.HOPELESS)
    if condition.jobs:
        _plan_next(turn, condition, terms, result.outcome, is_batch_over=len(ready) == len(released))


def _plan_next(
    turn: Turn,
    condition: RecoveryCondition,
    terms: RecoveryTerms,
    outcome: CheckOutcome,
    *,
    is_batch_over: bool,
) -> None:
    """Schedule the next check of a condition with blocked jobs: not before the first end of a pause."""
    is_not_yet = outcome is CheckOutcome.NOT_YET
    condition.pause_us = terms.longer_pause_us(condition.pause_us) if is_not_yet else terms.interval_us
    is_free = is_batch_over and not condition.asks
    earliest_us = turn.now_us + (0 if is_free else condition.pause_us)
    not_before_us = min(block_of(job).not_before_us for job in condition.jobs.values())
    turn.state.recoveries.schedule(condition, max(earliest_us, not_before_us))
    recovery.save(turn, condition)


def _note(turn: Turn, condition: RecoveryCondition, result: CheckResult, *, jobs: int, released: int) -> None:
    turn.project_event(
        "recovery.checked",
        condition.project,
        condition=condition.id,
        tester=condition.tester,
        outcome=result.outcome.value,
        message=result.message,
        checks=condition.checks,
        jobs=jobs,
        released=released,
    )


def unblock(turn: Turn, request: Unblock) -> None:
    """Release a blocked job without testing its condition."""
    job = turn.state.job(request.job_id)
    if job.block is None:
        raise InvalidTransition(
            f"Job {job.id} is {job.status}: only a job that recovery blocks can be unblocked.",
            status=job.status.value,
        )
    let_go(turn, job, request.principal.user)


def let_go(turn: Turn, job: Job, by: str) -> None:
    """Let a blocked job start again, from the beginning and at its old place in line."""
    columns = recovery.leave(turn, job)
    turn.update(job, **columns, result=None, message=None, usage=None, metrics=None, kill_report=None)
    turn.event(job, "job.unblocked", by=by)
    dispatch.unblock(turn, job)


def give_up(turn: Turn, job: Job, cause: RecoveryEnd) -> None:
    """End a blocked job with its last error."""
    run, block = job.run, block_of(job)
    assert run is not None
    columns = recovery.given_up(
        turn, run, block.terms, cause, {"result": block.result, "message": block.message}
    )
    lifecycle.end(turn, job, Status.ERROR, "recovery", block.failure, **columns)


def clock_set(turn: Turn, by_us: int) -> None:
    """Move all times that were derived from durations with the clock."""
    recoveries = turn.state.recoveries
    for condition in recoveries.conditions.values():
        recoveries.schedule(condition, condition.next_check_us + by_us)
        recovery.save(turn, condition)
    for job in turn.state.jobs.values():
        if job.run is not None and job.run.blocked_us is not None:
            turn.update(job, **recovery.moved(job.run, by_us))
            if job.block is not None:
                recoveries.expiries.add(job.block.expires_us, job.id)
