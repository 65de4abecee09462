"""Retry containers: when a failed attempt is followed by another, and how the last one ends the container.

The jitter of a pause is computed from the ids alone: the same history gives the same pauses.
"""

from typing import Any

from lockside.documents.enums import Backoff, Status
from locksided.core import dispatch, lifecycle
from locksided.core.containers import Container
from locksided.core.jobs import Job, terms
from locksided.core.model import RetryPolicy
from locksided.core.saves import CloneJob
from locksided.core.turn import Ending, Turn

LONGEST_DOUBLING = 40
SCALE = 1 << 64


def attempt_ended(turn: Turn, container: Container, ending: Ending) -> None:
    """Create the next attempt, or end the container with the outcome of its last attempt."""
    policy = container.policy
    assert policy is not None
    if container.status is Status.PROCESSING and _is_tried_again(policy, container.attempts, ending):
        _try_again(turn, container, policy, ending.job)
    else:
        _end_with(turn, container, ending)


def _is_tried_again(policy: RetryPolicy, attempts: int, ending: Ending) -> bool:
    """Return whether the failure is retried and attempts are left. A terminated attempt is never retried."""
    return ending.status is Status.ERROR and ending.failure in policy.on and attempts < policy.max_attempts


def _end_with(turn: Turn, container: Container, ending: Ending) -> None:
    values = _result_columns(container, ending)
    stopped = ending.status in (Status.CANCELLED, Status.TERMINATED)
    if not container.has_started:
        lifecycle.end_unstarted(turn, container, "children", **values)
        return
    assert container.run is not None
    if stopped and container.status is Status.PROCESSING:
        times = container.run.end_processing(turn.now_us)
        turn.move(container, Status.TERMINATING, "children", desired_status=Status.TERMINATING, **times)
    status = ending.status
    if container.status is Status.TERMINATING:
        status = Status.TERMINATED if container.run.starts else Status.CANCELLED
    cause = "terminated" if container.run.stop_asked else "children"
    lifecycle.end(turn, container, status, cause, **values)


def _result_columns(container: Container, ending: Ending) -> dict[str, Any]:
    """Return the result of the last attempt; the messages say which attempt it was."""
    result = dict(ending.result or {})
    text = result.get("message") or f"It ended with status {ending.status}."
    suffix = f" (attempt {container.attempts})" if container.attempts > 1 else ""
    return {"result": {**result, "message": text + suffix}, "message": (ending.message or text) + suffix}


def _try_again(turn: Turn, container: Container, policy: RetryPolicy, last: Job) -> None:
    """Create an attempt like the last one; it enters the end of its line after the pause."""
    job = _next_attempt(turn, container, last)
    pause_us = pause_before(policy, container.attempts, container.id)
    if pause_us:
        job.start_at_us = turn.now_us + pause_us
    turn.state.add(job)
    _save_attempt(turn, container, job, last)
    container.attempts += 1
    turn.dirty_jobs[job] = None
    if job.stands_in_line:
        dispatch.enter_line(turn, job)


def _next_attempt(turn: Turn, container: Container, last: Job) -> Job:
    state = turn.state
    job = Job(state.next_id, last.project, last.owner_uid, last.demand, turn.now_us)
    state.next_id += 1
    job.priority = container.priority
    job.terms = terms(last.lock_share, last.terms.on_lost, None, reads_tables=last.terms.reads_tables)
    job.lineage = container.child_lineage
    job.container = container
    if last.gate is not None:
        job.gate = state.gate(last.project, last.gate.key)
    return job


def _save_attempt(turn: Turn, container: Container, job: Job, last: Job) -> None:
    values: dict[str, Any] = {
        "run_id": job.run_id,
        "pool": job.pool.id,
        "status": job.status,
        "attempt": container.attempts,
        "priority": job.priority,
        "line_order": job.order,
        "start_at_us": job.start_at_us,
        "stage": "validated",
        "stages": job.first_stages,
        "created_us": turn.now_us,
        "updated_us": turn.now_us,
        "ready_us": turn.now_us,
    }
    turn.saves.append(CloneJob(job.id, last.id, values))
    turn.event(job, "job.created", **container.about, attempt=container.attempts)


def pause_before(policy: RetryPolicy, attempt: int, container_id: int) -> int:
    """Return the pause before that attempt (1 is the second run), in microseconds."""
    pause_us = policy.delay_us
    if policy.backoff == Backoff.EXPONENTIAL:
        pause_us <<= min(attempt - 1, LONGEST_DOUBLING)
    longest_us = pause_us if policy.max_delay_us is None else policy.max_delay_us
    spread = 1 + policy.jitter * (2 * _random_fraction(container_id, attempt) - 1)
    pause_us = round(min(pause_us, longest_us) * spread)
    return pause_us if policy.max_delay_us is None else min(pause_us, longest_us)


def _random_fraction(container_id: int, attempt: int) -> float:
    """A pseudo-random number from 0 to 1 that depends on the arguments alone."""
    mixed = (container_id * 0x9E3779B97F4A7C15 + attempt * 0xD1B54A32D192ED03) % SCALE
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % SCALE
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % SCALE
    return (mixed ^ (mixed >> 31)) / SCALE
