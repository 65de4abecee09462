"""Pools and branches: documents without parts."""

from typing import Annotated, Literal

from msgspec import Meta

from lockside.documents import quantities
from lockside.documents.base import BranchId, In, PoolId, Slots, Text


class PoolSpec(In, frozen=True, kw_only=True):
    """A queue with slots of its own.

    Attributes:
        id: The pool's id.
        slots: How many jobs run at once, or "infinity"; 0 starts none.
        executor: What runs the jobs.
    """

    reads = {"slots": quantities.count}  # noqa: RUF012 - a ClassVar of the base

    id: PoolId
    slots: Slots = 1
    executor: Literal["local"] = "local"
    description: Text | None = None


class BranchSpec(In, frozen=True, kw_only=True):
    """A line of development.

    Attributes:
        id: The branch's id.
    """

    id: BranchId
    name: Annotated[str, Meta(max_length=255)] | None = None
