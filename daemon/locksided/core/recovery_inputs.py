"""The inputs that concern blocked jobs: what callers ask for, and what checks report."""

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
    """Check a condition now, whenever its next check is due."""

    condition: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Checked:
    """The check with this number (how many of the condition were over before it) came to this."""

    condition: str
    number: int
    outcome: CheckOutcome
    message: str | None = None


@dataclass(frozen=True, slots=True)
class CheckLost:
    """What that check came to is not known: it is made again."""

    condition: str
    number: int


RecoveryInput: TypeAlias = Unblock | CheckNow | Checked | CheckLost
