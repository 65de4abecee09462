"""Why a job waits, in words: the obstacles of `admission`, with who or what each is and what clears it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lockside.documents.enums import Status
from locksided.core.admission import obstacles
from locksided.core.families import Container
from locksided.core.jobs import Job
from locksided.core.model import Condition, Program, Reason, ReasonKind
from locksided.core.parallelism import ParallelGate
from locksided.core.ranked import rank
from locksided.core.state import State

R = ReasonKind


@dataclass(frozen=True, slots=True)
class Explanation:
    """A live job as it stands now. `position` counts from 1 among those that stand in line for its pool."""

    status: Status
    reasons: tuple[Reason, ...]
    position: int | None


def explain(state: State, job: Job, *, count: bool = False) -> Explanation:
    """All reasons of a job that has not started; with `count` also how many stand before it.

    What keeps back a container above it keeps it back, too: those reasons follow, the nearest first.
    """
    if job.has_started:
        return Explanation(job.status, (), None)
    in_pool = count and job.stands_in_line and not isinstance(job, Container)
    ahead = _ahead_in_pool(state, job) if in_pool else None
    reasons = [_describe(state, job, kind, ahead) for kind in obstacles(state, job)]
    for above in waiting_containers(job):
        reasons += [_passed_on(state, job, above, kind) for kind in obstacles(state, above)]
    return Explanation(job.status, tuple(reasons), None if ahead is None else ahead + 1)


def waiting_containers(job: Job) -> Iterator[Container]:
    """The containers above it that have not started, the nearest first."""
    above = job.container
    while above is not None and not above.has_started:
        yield above
        above = above.container


def _passed_on(state: State, job: Job, above: Container, kind: ReasonKind) -> Reason:
    reason = _describe(state, above, kind, None)
    return replace(reason, via=above.id, since_us=max(reason.since_us, job.created_us))


def _ahead_in_pool(state: State, job: Job) -> int:
    """How many jobs that stand in line for the same pool come first in the order of all lines."""
    mine = rank(job)
    return sum(
        1
        for other in state.jobs.values()
        if other.pool is job.pool and not other.has_started and other.stands_in_line and rank(other) < mine
    )


def _describe(state: State, job: Job, kind: ReasonKind, ahead: int | None) -> Reason:
    match kind:
        case R.CONFIG_LOCK:
            return _config_lock(job)
        case R.PARALLELISM:
            return _parallelism(job)
        case R.DEPENDENCY:
            return _dependency(job)
        case R.PHASE:
            return _phase(state, job)
        case R.START_TIME | R.HELD:
            return _kept_back(job, kind)
        case R.POOL_FULL:
            return _pool_full(job, ahead)
        case R.POOL_PAUSED:
            return _pool_paused(job)
        case R.NO_EXECUTOR:
            return _no_executor(job)
        case R.DRAINING | R.STORE_UNAVAILABLE:
            return _nothing_starts(state, job, kind)
        case R.RECOVERY:
            raise AssertionError(f"job {job.id} waits for a recovery that nothing started")


def _kept_back(job: Job, kind: ReasonKind) -> Reason:
    if kind is R.START_TIME or job.held is None:
        message = "Its start time has not come."
        return Reason(R.START_TIME, _start_time_since(job), message, "time", {"at_us": job.start_at_us})
    message = f"{job.held.by or 'Somebody'} holds it back."
    since_us = max(job.held.since_us, job.created_us)
    return Reason(R.HELD, since_us, message, "its release", {"by": job.held.by})


def _no_executor(job: Job) -> Reason:
    if job.program is Program.SOUGHT:
        cause = "its program is being looked for"
        details = {"pool": job.pool.id, "cause": cause}
        return Reason(R.NO_EXECUTOR, job.came_us, "Its program is being looked for.", "a moment", details)
    assert job.pool.trouble is not None
    cause = job.pool.trouble.cause
    message = f"Pool '{job.pool.id}' cannot start processes: {cause}."
    details = {"pool": job.pool.id, "cause": cause}
    since_us = _later(job, job.pool.trouble.since_us)
    return Reason(R.NO_EXECUTOR, since_us, message, "it is tried again", details)


def _nothing_starts(state: State, job: Job, kind: ReasonKind) -> Reason:
    if kind is R.DRAINING and state.draining is not None:
        message = f"{state.draining.by} drains the daemon: no job starts."
        since_us = _later(job, state.draining.since_us)
        return Reason(kind, since_us, message, "the end of the drain", {})
    assert state.store_trouble is not None
    cause = state.store_trouble.cause
    message = f"The store cannot be written: {cause}."
    since_us = _later(job, state.store_trouble.since_us)
    cleared_by = state.store_trouble.remedy or "it is tried again by itself"
    return Reason(kind, since_us, message, cleared_by, {"cause": cause})


def _later(job: Job, cause_us: int) -> int:
    return max(job.came_us, cause_us)


def _start_time_since(job: Job) -> int:
    """A delay that counts from its container's start began then."""
    return job.came_us if job.container is not None else job.created_us


def _config_lock(job: Job) -> Reason:
    gate = job.gate
    assert gate is not None
    blocking = () if gate.admits(job) else gate.holders
    ahead = job.line.ahead(job) if job.line is not None else 0
    since_us = _closed_since(job, blocking)
    named = [f"{_name(holder)} holds the lock" for holder in blocking[:3]]
    if ahead:
        named.append(f"{_count(ahead, 'job')} of the same lock {'is' if ahead == 1 else 'are'} ahead of it")
    details = {"lock_key": gate.key, "holders": [holder.id for holder in blocking], "ahead": ahead}
    if any(holder.id in job.lineage for holder in blocking):
        details["ancestor"] = True
    unblock = "the end of " + (" and ".join(f"job {one.id}" for one in blocking[:3]) or "those before it")
    return Reason(R.CONFIG_LOCK, _later(job, since_us), _sentence(named), unblock, details)


def _closed_since(job: Job, blocking: Sequence[Job]) -> int:
    """When the one started that was too many: the first for an exclusive job, the N-th for `shared:N`."""
    starts = sorted(holder.run.start_us for holder in blocking if holder.run is not None)
    return starts[min(max(job.lock_share, 1), len(starts)) - 1] if starts else job.came_us


def _name(holder: Job) -> str:
    paused = holder.run is not None and holder.run.paused_since_us is not None
    left = holder.run is not None and holder.run.survivors
    return f"job {holder.id}{' (paused)' if paused else ''}{' (being cleaned up)' if left else ''}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sentence(parts: list[str]) -> str:
    text = " and ".join(parts) or "another job comes first"
    return text[0].upper() + text[1:] + "."


def _parallelism(job: Job) -> Reason:
    gate = job.gate
    assert isinstance(gate, ParallelGate)
    running = [child.id for child in gate.holders]
    ahead = job.line.ahead(job) if job.line is not None else 0
    starts = [child.run.start_us for child in gate.holders if child.run is not None]
    since_us = max(starts) if len(running) >= gate.limit else job.came_us
    container = f"container {gate.container.id}"
    is_full = len(running) >= gate.limit
    limit = f"{container} has reached its limit of {_count(gate.limit, 'running job')}"
    named = [limit] if is_full else []
    if ahead:
        named.append(f"{_count(ahead, 'sibling')} {'comes' if ahead == 1 else 'come'} first")
    details = {"container": gate.container.id, "limit": gate.limit, "running": running}
    unblock = f"the end of a job of {container}"
    return Reason(R.PARALLELISM, _later(job, since_us), _sentence(named), unblock, details)


def _phase(state: State, job: Job) -> Reason:
    """The phases that must be done first, and the jobs in them that are not."""
    phases = [state.jobs[other] for other in job.pending or ()]
    titles = [(phase.title if isinstance(phase, Container) else None) or str(phase.id) for phase in phases]
    jobs = [child.id for phase in phases if isinstance(phase, Container) for child in phase.children.values()]
    named = ", ".join(f"'{title}'" for title in titles[:3])
    more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
    noun = "phase" if len(titles) == 1 else "phases"
    message = f"{noun.capitalize()} {named}{more} must be done first."
    details = {"phases": titles, "jobs": jobs}
    return Reason(R.PHASE, job.created_us, message, f"the end of {noun} {named}{more}", details)


def _dependency(job: Job) -> Reason:
    pending = job.pending or {}
    wanted = [
        f"job {other} must end{' well' if condition is Condition.SUCCESS else ''}"
        for other, condition in list(pending.items())[:3]
    ]
    more = f" and {len(pending) - 3} more" if len(pending) > 3 else ""
    unblock = "the end of " + " and ".join(f"job {other}" for other in list(pending)[:3]) + more
    details = {"jobs": list(pending)}
    return Reason(R.DEPENDENCY, job.created_us, _sentence(wanted)[:-1] + more + ".", unblock, details)


def _pool_full(job: Job, ahead: int | None) -> Reason:
    pool = job.pool
    running = pool.takers
    first = f", and {_count(ahead, 'job')} {'comes' if ahead == 1 else 'come'} first" if ahead else ""
    message = (
        f"Pool '{pool.id}' runs {_count(len(running), 'job')} in {pool.slots} slot{'s' * (pool.slots != 1)}"
        f"{first}."
    )
    details = {"pool": pool.id, "slots": pool.slots, "running": running, "ahead": ahead}
    if running and all(one in job.lineage for one in running):
        details["ancestor"] = True
    since_us = _later(job, pool.full_since_us)
    return Reason(R.POOL_FULL, since_us, message, f"the end of a job in pool '{pool.id}'", details)


def _pool_paused(job: Job) -> Reason:
    pool = job.pool
    details = {"pool": pool.id, "by": pool.paused_by, "comment": pool.comment}
    since_us = _later(job, pool.paused_us)
    if pool.paused_by is None:
        message = f"Pool '{pool.id}' has 0 slots."
        return Reason(R.POOL_PAUSED, since_us, message, "more slots for the pool", details)
    comment = f": {pool.comment}" if pool.comment else ""
    message = f"{pool.paused_by} paused pool '{pool.id}'{comment}."
    return Reason(R.POOL_PAUSED, since_us, message, "the pool's resumption", details)


def all_reasons(state: State) -> Iterator[tuple[Job, tuple[Reason, ...]]]:
    """Every job that has not started with its reasons; for checks and views of the whole queue."""
    for job in state.jobs.values():
        if not job.has_started:
            yield job, explain(state, job).reasons
