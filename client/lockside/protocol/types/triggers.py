"""Stored triggers and the outcomes of their causes."""

from typing import TYPE_CHECKING

from lockside.documents.base import ListPage, Out
from lockside.documents.enums import ScheduleStatus, Status
from lockside.documents.trigger import TriggerSpec
from lockside.protocol.types.origins import CauseOfJob, PrincipalRef
from lockside.protocol.types.schedules import Paused, Refusal
from lockside.protocol.types.stored import Stored, stored_as

if TYPE_CHECKING:

    class StoredTrigger(TriggerSpec, Stored, frozen=True, kw_only=True): ...

else:
    StoredTrigger = stored_as(TriggerSpec)


class Trigger(StoredTrigger, frozen=True, kw_only=True):
    """A stored trigger and its state.

    Attributes:
        owner: The user who owns its jobs.
        status: The status.
        status_cause: The reason for the status.
        paused: Its pause; null if it is not paused.
        next_time: When it fires if nothing more happens.
        firings: How many jobs it has created.
        failures_in_row: The number of consecutive failed jobs and firings.
    """

    owner: PrincipalRef | None = None
    status: ScheduleStatus | None = None
    status_cause: str | None = None
    paused: Paused | None = None
    next_time: str | None = None
    firings: int = 0
    failures_in_row: int = 0
    change_description: str | None = None


class Triggers(ListPage, frozen=True, kw_only=True):
    """Several triggers."""

    triggers: list[Trigger]


class Firing(Out, frozen=True, kw_only=True):
    """The outcome of the causes of a firing.

    Attributes:
        decided_time: When it was decided.
        outcome: `fired`, `merged`, `skipped` or `failed`.
        cause: The reason for the outcome.
        job: The job that runs for these causes.
        job_status: The status of that job.
        version: The version of the trigger at the decision.
        causes: The causes.
    """

    decided_time: str
    outcome: str
    cause: str
    job: str | None = None
    job_status: Status | None = None
    version: int
    causes: list[CauseOfJob] = []
    error: Refusal | None = None


class TriggerLedger(ListPage, frozen=True, kw_only=True):
    """The outcomes of a trigger's causes, newest first.

    Attributes:
        rows: The firings, newest first.
    """

    rows: list[Firing]
