"""Why a job waits: one type per kind of reason, distinguished by `kind`.

The daemon computes them on request; they are never stored.
"""

from typing import Literal

from lockside.documents.base import Out


class ReasonBase(Out, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """The members of all reasons.

    `via` and `ancestor` are omitted if they do not apply.

    Attributes:
        since: When the cause began or the job entered the queue, whichever is later.
        message: The reason in one sentence.
        unblock: What would clear it.
        via: The container above the job that has this reason.
        ancestor: True when the job waits for a container or parent of its own.
    """

    since: str
    message: str
    unblock: str
    via: str | None = None
    ancestor: bool = False


class ConfigLockReason(ReasonBase, frozen=True, kw_only=True, tag="config_lock"):
    """Another job of the same configuration runs or is ahead in the queue.

    Attributes:
        lock_key: The key of the lock.
        holders: The jobs that hold the lock.
        ahead: How many jobs are ahead in the queue of this lock.
    """

    lock_key: str
    holders: list[str]
    ahead: int


class ParallelismReason(ReasonBase, frozen=True, kw_only=True, tag="parallelism"):
    """The container runs as many children as its `parallelism` allows.

    Attributes:
        container: The container's id.
        limit: Its `parallelism`.
        running: Its children that run.
    """

    container: str
    limit: int | Literal["infinity"]
    running: list[str]


class PhaseReason(ReasonBase, frozen=True, kw_only=True, tag="phase"):
    """Earlier phases are not finished.

    Attributes:
        phases: The names of the phases that must end first.
        jobs: The jobs of these phases that are not final.
    """

    phases: list[str]
    jobs: list[str]


class DependencyReason(ReasonBase, frozen=True, kw_only=True, tag="dependency"):
    """Jobs that this one depends on are not finished.

    Attributes:
        jobs: The jobs that must end first.
    """

    jobs: list[str]


class PoolFullReason(ReasonBase, frozen=True, kw_only=True, tag="pool_full"):
    """All slots of the pool are taken.

    Attributes:
        slots: The pool's slots.
        running: The jobs that use them.
        ahead: How many jobs are ahead in the pool's queue; counted by `job.explain` only.
    """

    pool: str
    slots: int | Literal["infinity"]
    running: list[str]
    ahead: int | None


class PoolPausedReason(ReasonBase, frozen=True, kw_only=True, tag="pool_paused"):
    """The pool is paused, or has no slots.

    Attributes:
        by: Who paused it; null if the pool has no slots.
        comment: The comment given with the pause.
    """

    pool: str
    by: str | None
    comment: str | None


class StartTimeReason(ReasonBase, frozen=True, kw_only=True, tag="start_time"):
    """Its start time has not been reached.

    Attributes:
        at: The start time.
    """

    at: str


class HeldReason(ReasonBase, frozen=True, kw_only=True, tag="held"):
    """The job is held.

    Attributes:
        by: Who holds it.
    """

    by: str


class RecoveryReason(ReasonBase, frozen=True, kw_only=True, tag="recovery"):
    """The job failed because the world outside was not ready, and waits for it.

    Attributes:
        policy: The recovery policy that blocked it.
        condition: The id of the condition, shared by all jobs that wait for the same.
        tester: The condition in words.
        next_check_time: When it is tested next.
        blocked_count: How often it was blocked.
        expires_time: When recovery gives up.
        last_message: The last line of the last test; null before the first.
    """

    policy: str
    condition: str
    tester: str
    next_check_time: str
    blocked_count: int
    expires_time: str
    last_message: str | None


class DrainingReason(ReasonBase, frozen=True, kw_only=True, tag="draining"):
    """The daemon is being drained: nothing starts."""


class NoExecutorReason(ReasonBase, frozen=True, kw_only=True, tag="no_executor"):
    """No process can be started in the pool.

    Attributes:
        cause: Why no process can be started.
    """

    pool: str
    cause: str


class TableLockReason(ReasonBase, frozen=True, kw_only=True, tag="table_lock"):
    """The job has run and waits for the tables that it will write.

    Attributes:
        tables: The tables that other jobs claimed before it.
        holders: The jobs that hold them.
        ahead: How many more jobs wait that claimed one of them before.
    """

    tables: list[str]
    holders: list[str]
    ahead: int


class EngineQueueReason(ReasonBase, frozen=True, kw_only=True, tag="engine_queue", omit_defaults=False):
    """The job has begun, and its pool's engine has not found a machine for it.

    Attributes:
        pool: The pool.
        engine: The kind of the engine.
        scheduler_job_id: The engine's id of the job; null before it has answered.
        state: The engine's word for the state of the job.
        engine_reason: The engine's word for why it waits.
        estimated_start: When the engine expects it to start, in the engine's format.
    """

    pool: str
    engine: str
    scheduler_job_id: str | None = None
    state: str | None = None
    engine_reason: str | None = None
    estimated_start: str | None = None


class ResourceReason(ReasonBase, frozen=True, kw_only=True, tag="resource"):
    """There is not enough of a resource that it needs.

    Attributes:
        resource: The resource's id.
        capacity: The capacity of the resource.
        need: How much the job needs.
        free: How much is free.
        holders: The jobs that hold some of it.
        ahead: How many jobs that need it come first; counted by `job.explain` only.
        is_reserved: Whether it is kept free for a job that has waited for a long time.
    """

    resource: str
    capacity: int | Literal["infinity"]
    need: int
    free: int | Literal["infinity"]
    holders: list[str]
    ahead: int | None
    is_reserved: bool = False


class StoreUnavailableReason(ReasonBase, frozen=True, kw_only=True, tag="store_unavailable"):
    """The database cannot be written.

    Attributes:
        cause: Why the database cannot be written.
    """

    cause: str


Reason = (
    ConfigLockReason
    | ParallelismReason
    | PhaseReason
    | DependencyReason
    | PoolFullReason
    | PoolPausedReason
    | StartTimeReason
    | HeldReason
    | RecoveryReason
    | DrainingReason
    | NoExecutorReason
    | StoreUnavailableReason
    | TableLockReason
    | ResourceReason
    | EngineQueueReason
)
