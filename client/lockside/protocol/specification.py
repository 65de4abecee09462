# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The small objects that a job's specification is made of, shared by requests, manifests and answers."""

from typing import Annotated, Any

from msgspec import Meta, field

from lockside.documents.enums import Backoff, DependencyCondition, FailureClass, OnError
from lockside.protocol import texts
from lockside.protocol.base import (
    In,
    JobId,
    MemoryBytes,
    Name,
    Seconds,
    Text,
    TimeoutSeconds,
)


class Limits(In, frozen=True, kw_only=True):
    """What one start may use. The memory is bytes, the time seconds of the whole job."""

    reads = {"timeout_seconds": texts.duration_seconds, "memory_bytes": texts.memory_bytes}

    timeout_seconds: TimeoutSeconds | None = None
    memory_bytes: MemoryBytes | None = None
    cpus: Annotated[float, Meta(gt=0, le=4096)] | None = None
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class Retry(In, frozen=True, kw_only=True):
    """How a failed job is tried again; `maxAttempts` counts all runs, the first included."""

    reads = {"delay_seconds": texts.duration_seconds, "max_delay_seconds": texts.duration_seconds}

    max_attempts: Annotated[int, Meta(ge=1, le=1000)]
    delay_seconds: Seconds = 0.0
    backoff: Backoff = Backoff.FIXED
    max_delay_seconds: Seconds | None = None
    jitter: Annotated[float, Meta(ge=0, le=1, description="Share of the pause that is random.")] = 0.0
    on: list[FailureClass] = field(
        default_factory=lambda: [FailureClass.APPLICATION, FailureClass.TIMEOUT, FailureClass.LOST],
    )
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


class VariableValue(In, frozen=True, kw_only=True):
    """One variable's name and value."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    value: Text | int | float | bool


class VariableValues(In, frozen=True, kw_only=True):
    """A list of values, later ones winning over earlier ones of the same name."""

    values: Annotated[list[VariableValue], Meta(max_length=1000)] = []


class ProcessorDefinition(In, frozen=True, kw_only=True):
    """Which component is the processor."""

    component: str
    tag: str | None = None


class Processor(In, frozen=True, kw_only=True):
    """One step before or after the component's own."""

    definition: ProcessorDefinition
    parameters: dict[str, Any] = {}
