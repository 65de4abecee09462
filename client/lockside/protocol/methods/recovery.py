"""The methods of conditions that block jobs."""

from typing import Annotated

from msgspec import Meta

from lockside.documents.base import HEX_PATTERN
from lockside.protocol.declaration import ListParams, Mutation, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types import recovery as types
from lockside.protocol.words import Role

ConditionId = Annotated[
    str,
    Meta(pattern=HEX_PATTERN, description="A condition's id.", examples=["0f3a9c51b2d47e68"]),
]


@method("recovery.list", Role.VIEWER, answers=types.RecoveryConditions, example={})
class RecoveryList(ListParams, frozen=True, kw_only=True):
    """List the conditions that block jobs of the project."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


@method(
    "recovery.check",
    Role.OPERATOR,
    answers=types.RecoveryCondition,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.UNAVAILABLE],
    example={"condition": "0f3a9c51b2d47e68"},
)
class RecoveryCheck(Mutation, frozen=True, kw_only=True):
    """Test a condition now; when it is good, jobs are let go whose own pause is not over, too.

    The answer does not wait for the test.

    Attributes:
        condition: The condition.
    """

    condition: ConditionId
