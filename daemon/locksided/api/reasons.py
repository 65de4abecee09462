"""Why a job waits, on the wire and in sentences. This is the one place that puts reasons into words."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from lockside.protocol import reasons as wire
from locksided import clock
from locksided.core import reasons as core
from locksided.core.model import Condition
from locksided.runs.lock_keys import wire_lock_key
from locksided.runs.message_text import moment
from locksided.tables.names import table_id

_LOOKED_FOR = "its program is being looked for"
NAMED = 3
"""How many jobs or phases a sentence names; the details have all of them."""


def reason_view(reason: core.Reason) -> wire.Reason:
    """One reason as the wire has it, with its sentences."""
    message, unblock = sentences(reason)
    common: dict[str, Any] = {
        "since": clock.to_text(reason.since_us),
        "via": None if reason.via is None else str(reason.via),
        "message": message,
        "unblock": unblock,
    }
    match reason:
        case core.ConfigLock(holder_ids=holders, ahead=ahead, has_ancestor=ancestor):
            key = wire_lock_key(reason.lock_key) or ""
            return wire.ConfigLockReason(
                lock_key=key, holders=_ids(holders), ahead=ahead, ancestor=ancestor, **common
            )
        case core.Parallelism(container=container, limit=limit, running=running):
            return wire.ParallelismReason(
                container=str(container), limit=limit, running=_ids(running), **common
            )
        case core.PhaseOrder():
            return wire.PhaseReason(phases=list(reason.phases), jobs=_ids(reason.jobs), **common)
        case core.Dependencies(jobs=jobs):
            return wire.DependencyReason(jobs=_ids(one.job_id for one in jobs), **common)
        case core.PoolFull() | core.PoolPaused() | core.ResourceShort():
            return _place_view(reason, common)
        case core.StartTime() | core.Held() | core.Recovery():
            return _own_view(reason, common)
        case core.NoExecutor(cause=cause) | core.NoProgram(cause=cause):
            return wire.NoExecutorReason(pool=reason.pool, cause=cause or _LOOKED_FOR, **common)
        case core.Draining():
            return wire.DrainingReason(**common)
        case core.TableLock(holders=holders, ahead=ahead):
            return wire.TableLockReason(
                tables=[table_id(key) for key in reason.tables], holders=_ids(holders), ahead=ahead, **common
            )
        case core.EngineQueue():
            return wire.EngineQueueReason(
                pool=reason.pool,
                engine=reason.engine,
                scheduler_job_id=reason.scheduler_job_id,
                state=reason.state,
                engine_reason=reason.engine_reason,
                estimated_start=reason.estimated_start,
                **common,
            )
        case core.StoreUnavailable():
            return wire.StoreUnavailableReason(cause=reason.cause, **common)
    raise AssertionError(f"no wire form for {reason}")


_OfPlace = core.PoolFull | core.PoolPaused | core.ResourceShort


def _place_view(reason: _OfPlace, common: dict[str, Any]) -> wire.Reason:
    if isinstance(reason, core.ResourceShort):
        return _resource_view(reason, common)
    if isinstance(reason, core.PoolPaused):
        return wire.PoolPausedReason(pool=reason.pool, by=reason.by, comment=reason.comment, **common)
    slots: int | Literal["infinity"] = "infinity" if reason.slots is None else reason.slots
    return wire.PoolFullReason(
        pool=reason.pool,
        slots=slots,
        running=_ids(reason.running),
        ahead=reason.ahead,
        ancestor=reason.has_ancestor,
        **common,
    )


def _own_view(reason: core.StartTime | core.Held | core.Recovery, common: dict[str, Any]) -> wire.Reason:
    """What keeps the job back by itself, whoever else there is."""
    if isinstance(reason, core.StartTime):
        return wire.StartTimeReason(at=clock.to_text(reason.at_us) or "", **common)
    if isinstance(reason, core.Held):
        return wire.HeldReason(by=reason.by, **common)
    return wire.RecoveryReason(
        policy=reason.policy,
        condition=reason.condition,
        tester=reason.tester,
        next_check_time=clock.to_text(reason.next_check_us) or "",
        blocked_count=reason.blocked_count,
        expires_time=clock.to_text(reason.expires_us) or "",
        last_message=None if reason.last is None else reason.last.message,
        **common,
    )


def _resource_view(reason: core.ResourceShort, common: dict[str, Any]) -> wire.Reason:
    return wire.ResourceReason(
        resource=reason.resource,
        capacity="infinity" if reason.capacity is None else reason.capacity,
        need=reason.need,
        free="infinity" if reason.free is None else reason.free,
        holders=_ids(reason.holders),
        ahead=reason.ahead,
        is_reserved=reason.reserved_for is not None,
        **common,
    )


def sentences(reason: core.Reason) -> tuple[str, str]:
    """What keeps the job back, and what would clear that."""
    match reason:
        case core.ConfigLock():
            return _config_lock(reason)
        case core.Parallelism():
            return _parallelism(reason)
        case core.PhaseOrder():
            return _phases(reason)
        case core.Dependencies():
            return _dependencies(reason)
        case core.PoolFull() | core.PoolPaused() | core.ResourceShort():
            return _of_place(reason)
        case core.StartTime() | core.Held() | core.Recovery():
            return _own(reason)
        case core.NoExecutor() | core.NoProgram():
            return _no_executor(reason)
        case core.Draining(by=by):
            return _draining(by), "the end of the drain"
        case core.TableLock():
            return _table_lock(reason)
        case core.EngineQueue():
            return _engine_queue(reason), "a machine that is free"
        case core.StoreUnavailable(cause=cause, remedy=remedy):
            return f"The store cannot be written: {cause}.", remedy or "it is tried again by itself"
    raise AssertionError(f"no sentence for {reason}")


def _own(reason: core.StartTime | core.Held | core.Recovery) -> tuple[str, str]:
    if isinstance(reason, core.StartTime):
        return f"It starts at {moment(reason.at_us)}.", "time"
    if isinstance(reason, core.Held):
        return f"{reason.by or 'Somebody'} holds it back.", "its release"
    return _recovery(reason)


def _recovery(reason: core.Recovery) -> tuple[str, str]:
    times = "" if reason.blocked_count == 1 else f" {reason.blocked_count} times"
    said = f"It failed{times} and waits until {reason.tester}"
    if reason.last is not None and reason.last.message:
        said += f" (last test: {reason.last.message})"
    return f"{said}.", f"a good test, or `job.unblock`; it gives up at {moment(reason.expires_us)}"


def _config_lock(reason: core.ConfigLock) -> tuple[str, str]:
    named = [f"{_holder(one)} holds the lock" for one in reason.holders[:NAMED]]
    ahead = reason.ahead
    if ahead:
        named.append(f"{_count(ahead, 'job')} of the same lock {'is' if ahead == 1 else 'are'} ahead of it")
    ends = " and ".join(f"job {job_id}" for job_id in reason.holder_ids[:NAMED])
    return _sentence(named or ["another job comes first"]), f"the end of {ends or 'those before it'}"


def _holder(holder: core.Holder) -> str:
    paused = " (paused)" if holder.is_paused else ""
    return f"job {holder.job_id}{paused}{' (being cleaned up)' if holder.has_survivors else ''}"


def _parallelism(reason: core.Parallelism) -> tuple[str, str]:
    container = f"container {reason.container}"
    limit = f"{container} has reached its limit of {_count(reason.limit, 'running job')}"
    named = [limit] if len(reason.running) >= reason.limit else []
    if reason.ahead:
        named.append(f"{_count(reason.ahead, 'sibling')} {'comes' if reason.ahead == 1 else 'come'} first")
    return _sentence(named), f"the end of a job of {container}"


def _phases(reason: core.PhaseOrder) -> tuple[str, str]:
    named = ", ".join(f"'{title}'" for title in reason.phases[:NAMED]) + _more(reason.phases)
    noun = "phase" if len(reason.phases) == 1 else "phases"
    return f"{noun.capitalize()} {named} must be done first.", f"the end of {noun} {named}"


_ENDS = {Condition.SUCCESS: "end well", Condition.FAILED: "fail"}


def _dependencies(reason: core.Dependencies) -> tuple[str, str]:
    wanted = [f"job {one.job_id} must {_ENDS.get(one.condition, 'end')}" for one in reason.jobs[:NAMED]]
    ends = " and ".join(f"job {one.job_id}" for one in reason.jobs[:NAMED])
    more = _more(reason.jobs)
    return _sentence(wanted)[:-1] + more + ".", f"the end of {ends}{more}"


def _of_place(reason: _OfPlace) -> tuple[str, str]:
    if isinstance(reason, core.ResourceShort):
        return _resource(reason)
    return _pool_full(reason) if isinstance(reason, core.PoolFull) else _pool_paused(reason)


def _pool_full(reason: core.PoolFull) -> tuple[str, str]:
    slots = f"{reason.slots} slot{'s' * (reason.slots != 1)}"
    first = _come_first(reason.ahead, "job")
    message = f"Pool '{reason.pool}' runs {_count(len(reason.running), 'job')} in {slots}{first}."
    return message, f"the end of a job in pool '{reason.pool}'"


def _resource(reason: core.ResourceShort) -> tuple[str, str]:
    name = f"resource '{reason.resource}'"
    if reason.capacity is not None and reason.need > reason.capacity:
        text = f"It needs {reason.need} of {name}, of which there is no more than {reason.capacity}."
        return text, f"a larger capacity of {name}"
    free = "all" if reason.free is None else reason.free
    first = _come_first(reason.ahead, "job")
    reserved = f", reserved for job {reason.reserved_for}" if reason.reserved_for is not None else ""
    text = f"It needs {reason.need} of {name}; {free} of {reason.capacity} are free{reserved}{first}."
    ends = " or ".join(f"job {job_id}" for job_id in reason.holders[:NAMED]) + _more(reason.holders)
    return text, f"the end of {ends or 'those before it'}"


def _pool_paused(reason: core.PoolPaused) -> tuple[str, str]:
    if reason.by is None:
        return f"Pool '{reason.pool}' has 0 slots.", "more slots for the pool"
    comment = f": {reason.comment}" if reason.comment else ""
    return f"{reason.by} paused pool '{reason.pool}'{comment}.", "the pool's resumption"


def _no_executor(reason: core.NoExecutor | core.NoProgram) -> tuple[str, str]:
    if isinstance(reason, core.NoExecutor):
        return f"Pool '{reason.pool}' cannot start processes: {reason.cause}.", "it is tried again"
    return _sentence([reason.cause or _LOOKED_FOR]), "a moment"


def _engine_queue(reason: core.EngineQueue) -> str:
    if reason.scheduler_job_id is None:
        return f"It is being handed to {reason.engine}."
    why = f": {reason.engine_reason}" if reason.engine_reason else ""
    return f"It waits in {reason.engine} as {reason.scheduler_job_id}, {reason.state or 'queued'}{why}."


def _draining(by: str) -> str:
    if by == "restore":
        return "A backup was restored: no job starts before the drain ends."
    return f"{by} drains the daemon: no job starts."


def _table_lock(reason: core.TableLock) -> tuple[str, str]:
    tables = ", ".join(table_id(key) for key in reason.tables[:NAMED]) + _more(reason.tables)
    ends = " and ".join(f"job {job_id}" for job_id in reason.holders[:NAMED]) or "those before it"
    first = _come_first(reason.ahead, "job")
    return f"Another job writes {tables}{first}.", f"the end of {ends}{_more(reason.holders)}"


def _come_first(ahead: int | None, noun: str) -> str:
    return f", and {_count(ahead, noun)} {'comes' if ahead == 1 else 'come'} first" if ahead else ""


def _more(all_of_them: Sequence[object]) -> str:
    return f" and {len(all_of_them) - NAMED} more" if len(all_of_them) > NAMED else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sentence(parts: Sequence[str]) -> str:
    text = " and ".join(parts)
    return text[0].upper() + text[1:] + "."


def _ids(job_ids: Iterable[int]) -> list[str]:
    return [str(job_id) for job_id in job_ids]
