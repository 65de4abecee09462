"""Why a job waits: one type per kind of reason, told apart by `kind`.

The daemon computes them when asked; they are never stored.
"""

from typing import Literal

from lockside.documents.base import Out


class ReasonBase(Out, frozen=True, kw_only=True, tag_field="kind"):
    """What all reasons say: since when, in one sentence why, and what would clear it.

    `via` is the ancestor whose reason this is; `ancestor` tells that it waits for its own ancestor.
    """

    since: str
    message: str
    unblock: str
    via: str | None = None
    ancestor: bool = False


class ConfigLockReason(ReasonBase, frozen=True, kw_only=True, tag="config_lock"):
    """Another job of the same configuration runs or stands ahead."""

    lock_key: str
    holders: list[str]
    ahead: int | None = None


class ParallelismReason(ReasonBase, frozen=True, kw_only=True, tag="parallelism"):
    """The container runs as many children as it may."""

    container: str
    limit: int | Literal["infinity"]
    running: list[str]


class PhaseReason(ReasonBase, frozen=True, kw_only=True, tag="phase"):
    """Earlier phases are not finished."""

    phases: list[str]
    jobs: list[str]


class DependencyReason(ReasonBase, frozen=True, kw_only=True, tag="dependency"):
    """Jobs that this one depends on are not finished."""

    jobs: list[str]


class PoolFullReason(ReasonBase, frozen=True, kw_only=True, tag="pool_full"):
    """All slots of the pool are taken; `ahead` is counted by `job.explain` only."""

    pool: str
    slots: int | Literal["infinity"]
    running: list[str]
    ahead: int | None = None


class PoolPausedReason(ReasonBase, frozen=True, kw_only=True, tag="pool_paused"):
    """Somebody paused the pool, or it has no slots."""

    pool: str
    by: str | None = None
    comment: str | None = None


class StartTimeReason(ReasonBase, frozen=True, kw_only=True, tag="start_time"):
    """Its time has not come."""

    at: str


class HeldReason(ReasonBase, frozen=True, kw_only=True, tag="held"):
    """Somebody keeps it back."""

    by: str


class RecoveryReason(ReasonBase, frozen=True, kw_only=True, tag="recovery"):
    """The outside world is not well yet."""

    tester: str
    next_check_time: str | None = None
    blocked_count: int = 0
    expires_time: str | None = None


class DrainingReason(ReasonBase, frozen=True, kw_only=True, tag="draining"):
    """The daemon is drained: nothing starts."""


class NoExecutorReason(ReasonBase, frozen=True, kw_only=True, tag="no_executor"):
    """What starts processes for the pool cannot be reached or is refused by the system."""

    pool: str
    cause: str


class StoreUnavailableReason(ReasonBase, frozen=True, kw_only=True, tag="store_unavailable"):
    """The database cannot be written."""

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
)
