# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The small objects that a job's specification is made of, shared by requests, manifests and answers."""

from typing import Annotated, Any

from msgspec import Meta, field

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
from lockside.protocol.words import Backoff, DependencyCondition, OnError, RetryOn


class Limits(In, frozen=True, kw_only=True):
    """Limits of a job.

    Attributes:
        timeout_seconds: The time limit of one standard job over all its steps, in seconds or as in "1h30m".
        memory_bytes: The memory limit of the job's processes, in bytes or as in "1.5GB".
        cpus: How many processors the job may use.
        nodes: How many machines the job needs.
    """

    reads = {"timeout_seconds": texts.duration_seconds, "memory_bytes": texts.memory_bytes}

    timeout_seconds: TimeoutSeconds | None = None
    memory_bytes: MemoryBytes | None = None
    cpus: Annotated[float, Meta(gt=0, le=4096)] | None = None
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class Retry(In, frozen=True, kw_only=True):
    """How a failed job is retried.

    Attributes:
        max_attempts: How many times the job runs at most, the first run included.
        delay_seconds: The pause before the next attempt.
        backoff: How the pause grows: `fixed` keeps it, `exponential` doubles it each time.
        max_delay_seconds: The longest pause.
        jitter: The share of the pause that is random, 0 to 1.
        on: Which failures are retried.
        release_lock: Release the configuration's lock between the attempts.
    """

    reads = {"delay_seconds": texts.duration_seconds, "max_delay_seconds": texts.duration_seconds}

    max_attempts: Annotated[int, Meta(ge=1, le=1000)]
    delay_seconds: Seconds = 0.0
    backoff: Backoff = Backoff.FIXED
    max_delay_seconds: Seconds | None = None
    jitter: Annotated[float, Meta(ge=0, le=1, description="Share of the pause that is random.")] = 0.0
    on: list[RetryOn] = field(
        default_factory=lambda: [RetryOn.APPLICATION, RetryOn.TIMEOUT, RetryOn.LOST],
    )
    release_lock: bool = False


class Behavior(In, frozen=True, kw_only=True):
    """What a failure of the job does to its container.

    Attributes:
        on_error: `fail` (also null), `warning`, or `stop`, which also cancels siblings that have not
            started.
    """

    on_error: OnError | None = None


class Backend(In, frozen=True, kw_only=True):
    """The size of the machine, as components know it.

    Attributes:
        type: The size, for instance small, medium or large.
    """

    type: Name | None = None


class Dependency(In, frozen=True, kw_only=True):
    """A job that must end first.

    Attributes:
        job: The job that must end first.
        when: `success` also accepts a warning; `final` accepts any end.
    """

    job: JobId
    when: DependencyCondition = DependencyCondition.SUCCESS


class VariableValue(In, frozen=True, kw_only=True):
    """The name and value of a variable.

    Attributes:
        name: The variable's name, as in `{{ name }}`.
        value: The value.
    """

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    value: Text | int | float | bool


class VariableValues(In, frozen=True, kw_only=True):
    """Values of variables.

    Attributes:
        values: The names and values; of one name the last value counts.
    """

    values: Annotated[list[VariableValue], Meta(max_length=1000)] = []


class ProcessorDefinition(In, frozen=True, kw_only=True):
    """The component that is a processor.

    Attributes:
        component: The processor's component id.
        tag: The tag of that component.
    """

    component: str
    tag: str | None = None


class Processor(In, frozen=True, kw_only=True):
    """One step before or after the component's own.

    Attributes:
        definition: The component to run.
        parameters: The parameters in the step's `config.json`.
    """

    definition: ProcessorDefinition
    parameters: dict[str, Any] = {}
