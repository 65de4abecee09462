# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""How something is run: limits, retries, pool, lock. Requests, configurations and components all say it."""

from typing import Annotated, Any

from msgspec import Meta, field

from lockside.documents import quantities
from lockside.documents.base import (
    DelaySeconds,
    Document,
    In,
    JobId,
    LockPolicy,
    MemoryBytes,
    Name,
    PoolId,
    Share,
    Slots,
    Tag,
    TimeoutSeconds,
)
from lockside.documents.enums import Backoff, DependencyCondition, FailureClass, OnError, OnLost

RETRIED_BY_DEFAULT = (FailureClass.APPLICATION, FailureClass.TIMEOUT, FailureClass.LOST)


class Limits(In, frozen=True, kw_only=True):
    """What one start may use. The memory is bytes, the time seconds of the whole job."""

    reads = {"timeout_seconds": quantities.time_limit, "memory_bytes": quantities.size}

    timeout_seconds: TimeoutSeconds | None = None
    memory_bytes: MemoryBytes | None = None
    cpus: Annotated[float, Meta(gt=0, le=4096)] | None = None
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None


def _share(value: float | bool) -> float:
    return 0.5 if value is True else float(value)


class Retry(In, frozen=True, kw_only=True):
    """How a failed job is tried again; `maxAttempts` counts all runs, the first included."""

    reads = {"delay_seconds": quantities.delay, "max_delay_seconds": quantities.delay, "jitter": _share}

    max_attempts: Annotated[int, Meta(ge=1, le=1000)]
    delay_seconds: DelaySeconds = 0.0
    backoff: Backoff = Backoff.FIXED
    max_delay_seconds: DelaySeconds | None = None
    jitter: Annotated[Share, Meta(description="The share of the delay that is random; true is 0.5.")] = 0.0
    on: list[FailureClass] = field(default_factory=lambda: list(RETRIED_BY_DEFAULT))
    release_lock: bool = False


class Behavior(In, frozen=True, kw_only=True):
    """What a failure of this job does to its container."""

    on_error: OnError | None = None


class Backend(In, frozen=True, kw_only=True):
    """The size of the machine asked for, as components know it: small, medium, large."""

    type: Name | None = None


class Dependency(In, frozen=True, kw_only=True):
    """A job that has to end first."""

    job: JobId
    when: DependencyCondition = DependencyCondition.SUCCESS


class Runtime(Document, frozen=True, kw_only=True):
    """How a configuration is run; what it leaves out, its component decides, else the daemon."""

    reads = {"parallelism": quantities.count}

    tag: Tag | None = None
    parallelism: Slots | None = None
    pool: PoolId | None = None
    backend: dict[str, Any] = {}
    limits: Limits | None = None
    lock: LockPolicy | None = None
    on_lost: OnLost | None = None
    retry: Retry | None = None
