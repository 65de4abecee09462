# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""What blocked jobs wait for."""

from lockside.documents.base import ListPage, Out
from lockside.documents.enums import CheckOutcome


class CheckResult(Out, frozen=True, kw_only=True):
    """What a test came to.

    Attributes:
        time: When it ended.
        outcome: `well`, `not_yet`, or `hopeless`.
        message: The last line that it wrote.
    """

    time: str
    outcome: CheckOutcome
    message: str | None = None


class RecoveryCondition(Out, frozen=True, kw_only=True):
    """What blocked jobs wait for; jobs with the same tester, parameters and user share it.

    Attributes:
        tester: What must hold, in words.
        jobs: The ids of the jobs that it blocks, in the order in which they are let go.
        next_check_time: When it is tested next.
        is_checking: Whether a test is under way.
        checks: How often it was tested.
        last_result: What the last test came to; null before the first.
    """

    id: str
    tester: str
    jobs: list[str] = []
    next_check_time: str
    is_checking: bool = False
    checks: int = 0
    last_result: CheckResult | None = None


class RecoveryConditions(ListPage, frozen=True, kw_only=True):
    """Several conditions.

    Attributes:
        conditions: The conditions, by id.
    """

    conditions: list[RecoveryCondition]
