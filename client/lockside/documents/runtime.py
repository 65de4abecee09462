"""How jobs are run: limits, retries, pool, lock. Used by requests, configurations and components."""

from math import ceil
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from lockside.documents import quantities, staging
from lockside.documents.archive import Archive
from lockside.documents.base import (
    DelaySeconds,
    Document,
    FieldError,
    In,
    JobId,
    LockPolicy,
    MemoryBytes,
    Name,
    PoolId,
    ResourceId,
    Share,
    Slots,
    Tag,
    TimeoutSeconds,
)
from lockside.documents.enums import Backoff, DependencyCondition, FailureClass, OnError, OnLost
from lockside.documents.partition import Partition
from lockside.documents.recovery import RecoveryPolicies, check_policies
from lockside.documents.staging import Inputs

RETRIED_BY_DEFAULT = (FailureClass.APPLICATION, FailureClass.TIMEOUT, FailureClass.LOST)


class Limits(In, frozen=True, kw_only=True):
    """Limits of a job.

    Attributes:
        timeout_seconds: The time limit of one standard job over all its steps, in seconds or as in "1h30m".
        memory_bytes: The memory limit of the job's processes, in bytes or as in "1.5GB".
        cpus: How many processors the job may use, on each of its machines.
        nodes: How many machines the job needs.
        processors_per_node: Deprecated: the processors of all machines together, instead of `cpus`.
    """

    reads = {"timeout_seconds": quantities.time_limit, "memory_bytes": quantities.size}

    timeout_seconds: TimeoutSeconds | None = None
    memory_bytes: MemoryBytes | None = None
    cpus: Annotated[float, Meta(gt=0, le=4096)] | None = None
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    processors_per_node: Annotated[float, Meta(gt=0, le=1_000_000)] | UnsetType | None = UNSET

    def check(self) -> None:
        """Raises FieldError if both `cpus` and `processorsPerNode` are given."""
        if self.processors_per_node and self.cpus is not None:
            raise FieldError("Give `cpus` alone", "processorsPerNode")

    def processors(self, nodes: int | None) -> float | None:
        """Return the processors of each of that many machines."""
        total = self.processors_per_node
        return float(ceil(total / (nodes or 1))) if total else self.cpus


Pools = Annotated[list[PoolId], Meta(min_length=1, max_length=10)]
Amount = Annotated[int, Meta(ge=1, le=1_000_000)]
Needs = Annotated[dict[ResourceId, Amount], Meta(max_length=32, examples=[{"slots": 2, "gpu": 1}])]
"""Amounts of resources by their ids; `slots` are those of the pool."""


def check_pools(pool: str | None, pools: list[str] | None) -> None:
    """Raises FieldError if both are given, and for a repeated pool."""
    if pools is None:
        return
    if pool is not None:
        raise FieldError("Give either `pool` or `pools`, not both", "pools")
    for place, one in enumerate(pools):
        if one in pools[:place]:
            raise FieldError(f"The pool {one!r} is named twice", f"pools[{place}]")


def _share(value: float | bool) -> float:
    return 0.5 if value is True else float(value)


class Retry(In, frozen=True, kw_only=True):
    """How a failed job is retried.

    Attributes:
        max_attempts: The maximum number of runs, including the first.
        delay_seconds: The pause before the next attempt.
        backoff: How the pause grows: `fixed` keeps it, `exponential` doubles it each time.
        max_delay_seconds: The longest pause.
        jitter: The share of the pause that is random, 0 to 1.
        on: Which failures are retried.
        release_lock: Release the configuration's lock between the attempts.
    """

    reads = {"delay_seconds": quantities.delay, "max_delay_seconds": quantities.delay, "jitter": _share}

    max_attempts: Annotated[int, Meta(ge=1, le=1000)]
    delay_seconds: DelaySeconds = 0.0
    backoff: Backoff = Backoff.FIXED
    max_delay_seconds: DelaySeconds | None = None
    jitter: Annotated[Share, Meta(description="The share of the delay that is random; true is 0.5.")] = 0.0
    on: list[FailureClass] = field(default_factory=lambda: list(RETRIED_BY_DEFAULT))
    release_lock: bool = False


class Behavior(In, frozen=True, kw_only=True):
    """The effect of a failure of the job on its container.

    Attributes:
        on_error: `fail` (also null), `warning`, or `stop`, which also cancels siblings that have not
            started.
    """

    on_error: OnError | None = None


class Backend(In, frozen=True, kw_only=True):
    """The size of the machine, as components know it.

    Attributes:
        type: The size, such as small, medium or large.
    """

    type: Name | None = None


class Dependency(In, frozen=True, kw_only=True):
    """A job that must end first.

    Attributes:
        job: The job that must end first.
        when: `success` also accepts a warning; `failed` accepts all other ends; `final` accepts any end.
    """

    job: JobId
    when: DependencyCondition = DependencyCondition.SUCCESS


class Runtime(Document, frozen=True, kw_only=True):
    """How jobs of a configuration run; defaults come from the component or the settings.

    Attributes:
        parallelism: How many rows run at once; null or 0 runs them one after another in one job.
        pool: The pool in which the jobs run.
        pools: The pools in which the jobs may run, the preferred one first; instead of `pool`.
        needs: What each job holds while it runs: `slots` of its pool, and amounts of resources by their ids.
        backend: The size of the machine, as in `{type: "small"}`.
        limits: Limits of each job.
        lock: The lock policy: `exclusive`, `shared:N` or `none`.
        on_lost: What happens to a job that was lost with its machine or keeper.
        retry: How a failed job is retried.
        recovery: What happens to a job that failed because an external system was not ready.
        inputs: Files that are fetched into the data folder before the component starts.
        partition: How the job is split into chunks that run as jobs.
        archive: Where the files of its jobs are stored after the component has ended.
    """

    reads = {"parallelism": quantities.count}

    tag: Tag | None = None
    parallelism: Slots | None = None
    pool: PoolId | None = None
    pools: Pools | None = None
    needs: Needs | None = None
    backend: dict[str, Any] = {}
    limits: Limits | None = None
    lock: LockPolicy | None = None
    on_lost: OnLost | None = None
    retry: Retry | None = None
    recovery: RecoveryPolicies | None = None
    inputs: Inputs | None = None
    partition: Partition | None = None
    archive: Archive | None = None

    def check(self) -> None:
        """Raise FieldError for invalid pools, policies or inputs."""
        if not self.is_stored:
            check_pools(self.pool, self.pools)
        check_policies(self.recovery)
        staging.check(self.inputs, "inputs")
