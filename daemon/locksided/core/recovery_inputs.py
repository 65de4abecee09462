"""The inputs that concern blocked jobs: requests of callers and reports of checks."""

from dataclasses import dataclass
from typing import TypeAlias

from lockside.documents.enums import CheckOutcome
from locksided.core.model import Principal


@dataclass(frozen=True, slots=True)
class Unblock:
    """Release a blocked job without testing its condition."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class CheckNow:
    """Check a condition now, regardless of when its next check is due."""

    condition: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of check `number` (the number of finished checks before it)."""

    condition: str
    number: int
    outcome: CheckOutcome
    message: str | None = None


@dataclass(frozen=True, slots=True)
class CheckLost:
    """The result of that check is unknown: it is repeated."""

    condition: str
    number: int


RecoveryInput: TypeAlias = Unblock | CheckNow | Checked | CheckLost
