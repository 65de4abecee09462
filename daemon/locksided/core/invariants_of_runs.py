"""Invariants of tables, of blocked jobs and of the next deadline; see `invariants`."""

from collections.abc import Iterator

from lockside.documents.enums import Status
from locksided.core.jobs import Job
from locksided.core.state import State
from locksided.core.transitions import STARTED


def check_tables(state: State) -> Iterator[str]:
    claims = {
        job.id: job.run.claim
        for job in state.jobs.values()
        if job.run and job.run.claim and job.status in STARTED
    }
    expected: dict[str, list[int]] = {}
    for job_id, claim in sorted(claims.items(), key=lambda one: one[1].serial):
        for table in claim.tables:
            expected.setdefault(table.lower(), []).append(job_id)
    if state.tables.claimants() != expected:
        yield f"the tables are claimed by {state.tables.claimants()} instead of {expected}"
    for job_id, claim in claims.items():
        run, is_first = state.jobs[job_id].run, all(expected[t.lower()][0] == job_id for t in claim.tables)
        if run is not None and is_first == run.waits_for_tables:
            yield f"job {job_id} {'waits for free tables' if is_first else 'took tables of others'}"


def check_recovery(state: State) -> Iterator[str]:
    """Check that every blocked job waits for the condition it names, and every condition has waiting jobs."""
    expected: dict[str, set[int]] = {}
    for job in state.jobs.values():
        if job.block is not None:
            expected.setdefault(job.block.terms.condition, set()).add(job.id)
            yield from _blocked(job)
    found = {name: set(condition.jobs) for name, condition in state.recoveries.conditions.items()}
    if found != expected:
        yield f"the conditions block {found} instead of {expected}"


def _blocked(job: Job) -> Iterator[str]:
    run, block = job.run, job.block
    if run is None or block is None:
        return
    if job.status is not Status.CREATED:
        yield f"job {job.id} is {job.status} and blocked"
    if run.blocked_count < 1 or run.blocked_us is None or run.blocked_us > block.since_us:
        yield f"job {job.id} was blocked {run.blocked_count} times, first at {run.blocked_us}"
    if run.blocked_us is not None and block.expires_us != run.blocked_us + block.terms.expiry_us:
        yield f"job {job.id} expires at {block.expires_us}"
    if job.line is not None or job.id in job.pool.running:
        yield f"job {job.id} is blocked and takes a place"


def check_deadline(state: State) -> Iterator[str]:
    moments = [job.start_at_us for job in state.jobs.values() if job.start_at_us is not None]
    troubles = [pool.trouble for pool in state.pools.values() if pool.trouble is not None]
    moments += [trouble.retry_at_us for trouble in troubles if trouble.retry_at_us is not None]
    since = state.waiting_since.values() if state.reserve_us is not None else ()
    due = [since_us + (state.reserve_us or 0) for since_us in since]
    moments += [due_us for due_us in due if due_us > state.renewed_us]
    moments += [job.block.expires_us for job in state.jobs.values() if job.block is not None]
    conditions = () if state.draining is not None else state.recoveries.conditions.values()
    moments += [one.next_check_us for one in conditions if not one.is_checking]
    expected, found = min(moments, default=None), state.next_deadline_us()
    if found != expected:
        yield f"the next deadline is {found} instead of {expected}"
