"""The methods of conditions that block jobs."""

from typing import Annotated

from msgspec import Meta

from lockside.documents.base import HEX_PATTERN, ListPage, Out
from lockside.documents.enums import CheckOutcome
from lockside.protocol.declaration import ListParams, Mutation, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.words import Role


class CheckResult(Out, frozen=True, kw_only=True):
    """The result of a test.

    Attributes:
        time: When it ended.
        outcome: `well`, `not_yet`, or `hopeless`.
        message: The last line that it wrote.
    """

    time: str
    outcome: CheckOutcome
    message: str | None = None


class RecoveryCondition(Out, frozen=True, kw_only=True):
    """The condition that blocked jobs wait for; jobs with the same tester, parameters and user share it.

    Attributes:
        tester: The condition in words.
        jobs: The ids of the jobs that it blocks, in the order in which they are released.
        next_check_time: When it is tested next.
        is_checking: Whether a test is running.
        checks: How often it was tested.
        last_result: The result of the last test; null before the first.
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


ConditionId = Annotated[
    str,
    Meta(pattern=HEX_PATTERN, description="A condition's id.", examples=["0f3a9c51b2d47e68"]),
]


@method("recovery.list", Role.VIEWER, answers=RecoveryConditions, example={})
class RecoveryList(ListParams, frozen=True, kw_only=True):
    """List the conditions that block jobs of the project."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


@method(
    "recovery.check",
    Role.OPERATOR,
    answers=RecoveryCondition,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE],
    example={"condition": "0f3a9c51b2d47e68"},
)
class RecoveryCheck(Mutation, frozen=True, kw_only=True):
    """Test a condition now; if it holds, its jobs are released, even those whose own pause is not over.

    The answer does not wait for the test.

    Attributes:
        condition: The condition.
    """

    condition: ConditionId
