"""Pools and branches: documents without parts."""

from typing import Annotated, Literal

from msgspec import Meta

from lockside.documents import quantities
from lockside.documents.base import BranchId, In, PoolId, Slots, Text


class PoolSpec(In, frozen=True, kw_only=True):
    """A line with slots of its own; no slots pauses it."""

    reads = {"slots": quantities.count}  # noqa: RUF012 - a ClassVar of the base

    id: PoolId
    slots: Slots = 1
    executor: Literal["local"] = "local"
    description: Text | None = None


class BranchSpec(In, frozen=True, kw_only=True):
    """A line of development."""

    id: BranchId
    name: Annotated[str, Meta(max_length=255)] | None = None
