"""Why a job waits, in wire form and in sentences. Only this module puts reasons into words."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from lockside.protocol import reasons as wire
from locksided import clock
from locksided.core import reasons as core
from locksided.core.model import Condition
from locksided.runs.message_text import moment
from locksided.runs.resolved import wire_lock_key
from locksided.tables.names import table_id

_LOOKED_FOR = "its program is being looked for"
NAMED = 3
"""The most jobs or phases that a sentence names; the details have all of them."""


class _Form(NamedTuple):
    """The form of a reason: its wire type, the function for its two sentences, and members that differ.

    The other members of the wire type have the names and values of those of the core's type.
    """

    wire: type[wire.ReasonBase]
    sentences: Callable[[Any], tuple[str, str]]
    differing: Callable[[Any], dict[str, Any]] = lambda _reason: {}


def reason_view(reason: core.Reason) -> wire.Reason:
    """Return one reason in wire form, with its sentences."""
    form = _FORMS[type(reason)]
    message, unblock = form.sentences(reason)
    members = {
        "since": clock.to_text(reason.since_us),
        "via": None if reason.via is None else str(reason.via),
        "message": message,
        "unblock": unblock,
    } | form.differing(reason)
    others = [name for name in form.wire.__struct_fields__ if name not in members and hasattr(reason, name)]
    view: Any = form.wire(**members, **{name: getattr(reason, name) for name in others})
    return cast("wire.Reason", view)


def sentences(reason: core.Reason) -> tuple[str, str]:
    """Return what blocks the job, and what would resolve that."""
    return _FORMS[type(reason)].sentences(reason)


def _recovery(reason: core.Recovery) -> tuple[str, str]:
    times = "" if reason.blocked_count == 1 else f" {reason.blocked_count} times"
    said = f"It failed{times} and waits until {reason.tester}"
    if reason.last is not None and reason.last.message:
        said += f" (last test: {reason.last.message})"
    return f"{said}.", f"a successful test or `job.unblock`; it gives up at {moment(reason.expires_us)}"


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


def _no_executor(reason: core.NoExecutor) -> tuple[str, str]:
    return f"Pool '{reason.pool}' cannot start processes: {reason.cause}.", "it is tried again"


def _engine_queue(reason: core.EngineQueue) -> tuple[str, str]:
    unblock = "a machine that is free"
    if reason.scheduler_job_id is None:
        return f"It is being handed to {reason.engine}.", unblock
    why = f": {reason.engine_reason}" if reason.engine_reason else ""
    meaning = f": {reason.why}" if reason.why not in ("", reason.engine_reason) else ""
    state = reason.state or "queued"
    return f"It waits in {reason.engine} as {reason.scheduler_job_id}, {state}{why}{meaning}.", unblock


def _draining(reason: core.Draining) -> tuple[str, str]:
    if reason.by == "restore":
        return "A backup was restored: no job starts before the drain ends.", "the end of the drain"
    return f"{reason.by} drains the daemon: no job starts.", "the end of the drain"


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


def _or_infinity(number: int | None) -> int | str:
    return "infinity" if number is None else number


_FORMS: dict[type[core.Reason], _Form] = {
    core.ConfigLock: _Form(
        wire.ConfigLockReason,
        _config_lock,
        lambda one: {
            "lock_key": wire_lock_key(one.lock_key) or "",
            "holders": _ids(one.holder_ids),
            "ancestor": one.has_ancestor,
        },
    ),
    core.Parallelism: _Form(
        wire.ParallelismReason,
        _parallelism,
        lambda one: {"container": str(one.container), "running": _ids(one.running)},
    ),
    core.PhaseOrder: _Form(
        wire.PhaseReason, _phases, lambda one: {"phases": list(one.phases), "jobs": _ids(one.jobs)}
    ),
    core.Dependencies: _Form(
        wire.DependencyReason, _dependencies, lambda one: {"jobs": _ids(each.job_id for each in one.jobs)}
    ),
    core.PoolFull: _Form(
        wire.PoolFullReason,
        _pool_full,
        lambda one: {
            "slots": _or_infinity(one.slots),
            "running": _ids(one.running),
            "ancestor": one.has_ancestor,
        },
    ),
    core.PoolPaused: _Form(wire.PoolPausedReason, _pool_paused),
    core.StartTime: _Form(
        wire.StartTimeReason,
        lambda one: (f"It starts at {moment(one.at_us)}.", "time"),
        lambda one: {"at": clock.to_text(one.at_us)},
    ),
    core.Held: _Form(wire.HeldReason, lambda one: (f"{one.by or 'Somebody'} holds it back.", "its release")),
    core.Recovery: _Form(
        wire.RecoveryReason,
        _recovery,
        lambda one: {
            "next_check_time": clock.to_text(one.next_check_us),
            "expires_time": clock.to_text(one.expires_us),
            "last_message": None if one.last is None else one.last.message,
        },
    ),
    core.Draining: _Form(wire.DrainingReason, _draining),
    core.NoExecutor: _Form(wire.NoExecutorReason, _no_executor),
    core.NoProgram: _Form(
        wire.NoExecutorReason,
        lambda one: (_sentence([one.cause or _LOOKED_FOR]), "a moment"),
        lambda one: {"cause": one.cause or _LOOKED_FOR},
    ),
    core.StoreUnavailable: _Form(
        wire.StoreUnavailableReason,
        lambda one: (
            f"The store cannot be written: {one.cause}.",
            one.remedy or "it is tried again by itself",
        ),
    ),
    core.TableLock: _Form(
        wire.TableLockReason,
        _table_lock,
        lambda one: {
            "tables": [table_id(key) for key in one.tables],
            "holders": _ids(one.holders),
        },
    ),
    core.EngineQueue: _Form(wire.EngineQueueReason, _engine_queue),
    core.ResourceShort: _Form(
        wire.ResourceReason,
        _resource,
        lambda one: {
            "capacity": _or_infinity(one.capacity),
            "free": _or_infinity(one.free),
            "holders": _ids(one.holders),
            "is_reserved": one.reserved_for is not None,
        },
    ),
}
"""Every kind of reason."""
