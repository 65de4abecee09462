# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Triggers: what must happen for a job to be made, and which."""

from typing import Annotated

from msgspec import Meta, field

from lockside.documents import quantities
from lockside.documents.base import BranchId, ComponentId, ConfigId, DelaySeconds, In
from lockside.documents.enums import Status, TriggerWhen
from lockside.documents.schedule import JobMaker


class JobCondition(In, frozen=True, kw_only=True):
    """Which jobs are meant: those of a component, or of one configuration of it.

    Attributes:
        branch_id: The branch of the configuration; null means any.
    """

    component: ComponentId
    config: ConfigId | None = None
    branch_id: BranchId | None = None


class Condition(In, frozen=True, kw_only=True):
    """Something that may happen: such a job ends.

    Attributes:
        job: Which jobs.
        status: How they end.
    """

    job: JobCondition
    status: Annotated[list[Status], Meta(min_length=1, max_length=5)] = field(
        default_factory=lambda: [Status.SUCCESS, Status.WARNING]
    )


class TriggerSpec(JobMaker, frozen=True, kw_only=True):
    """What must happen for a job to be made, and which.

    Attributes:
        id: The trigger's id; in a file, the file's name.
        on: What it hears.
        when: Whether one condition is enough (`any`), or each is needed since the last firing (`all`).
        cool_down_seconds: The least time between two firings; what happens meanwhile is kept.
        quiet_seconds: It fires once nothing more has happened for so long.
        max_wait_seconds: It waits at most so long for quiet.
    """

    reads = {
        "cool_down_seconds": quantities.delay,
        "quiet_seconds": quantities.delay,
        "max_wait_seconds": quantities.delay,
    }

    on: Annotated[list[Condition], Meta(min_length=1, max_length=100)]
    when: TriggerWhen = TriggerWhen.ANY
    cool_down_seconds: DelaySeconds = 0.0
    quiet_seconds: DelaySeconds = 0.0
    max_wait_seconds: DelaySeconds = 3600.0
