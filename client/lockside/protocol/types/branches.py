"""Branches: lines of development with configurations of their own."""

from typing import Annotated

from msgspec import Meta

from lockside.protocol.base import BranchId, In, Out
from lockside.protocol.types.stored import Stored


class BranchSpec(In, frozen=True, kw_only=True):
    """A line of development.

    Attributes:
        id: The branch's id.
    """

    id: BranchId
    name: Annotated[str, Meta(max_length=255)] | None = None


class Branch(Stored, frozen=True, kw_only=True):
    """A stored branch."""

    same_as = (BranchSpec,)

    id: str
    name: str | None = None


class Branches(Out, frozen=True, kw_only=True):
    """Several branches.

    Attributes:
        branches: The branches.
    """

    branches: list[Branch]
