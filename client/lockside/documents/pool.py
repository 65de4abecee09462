"""Pools, resources and branches: documents without parts."""

from typing import Annotated, Any, Final

from msgspec import Meta

from lockside.documents import quantities
from lockside.documents.base import (
    BranchId,
    FieldError,
    In,
    MemoryBytes,
    PoolId,
    ResourceId,
    Slots,
    Text,
)

LOCAL = "local"
SLOTS = "slots"
"""Among the needs of a job, those of its pool."""
MOST = 1_000_000
VARIABLE_OF_ENVIRONMENT = r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)"
KIND_PATTERN: Final = r"^[a-z][a-z0-9_-]*$(?!\n)"
UNIT_PATTERN: Final = r"^[A-Za-z0-9._:/-]+$(?!\n)"
ExecutorKind = Annotated[str, Meta(min_length=1, max_length=64, pattern=KIND_PATTERN)]
Unit = Annotated[str, Meta(min_length=1, max_length=64, pattern=UNIT_PATTERN)]


class BackendSize(In, frozen=True, kw_only=True):
    """What jobs of one size get, unless they ask for something else.

    Attributes:
        cpus: Processors of each machine.
        memory_bytes: Memory of each machine, in bytes or as in "1.5GB".
        nodes: How many machines.
        options: What the executor is told of such jobs, instead of the pool's own.
    """

    reads = {"memory_bytes": quantities.size}

    cpus: Annotated[float, Meta(gt=0, le=4096)] | None = None
    memory_bytes: MemoryBytes | None = None
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    options: dict[str, Any] = {}


class PoolSpec(In, frozen=True, kw_only=True):
    """A queue with slots of its own.

    Attributes:
        id: The pool's id.
        slots: How many jobs run at once, or "infinity"; 0 starts none.
        executor: What runs the jobs: `local`, the keeper of this machine, or another kind, which
            `lockside executor ls` lists.
        options: What the executor is told, by its own words; `workRoot` is the folder that this machine and
            those of the executor have under one path.
        backends: What a size that a job names in `backend.type` means there.
    """

    reads = {"slots": quantities.count}

    id: PoolId
    slots: Slots = 1
    executor: ExecutorKind = LOCAL
    options: dict[str, Any] = {}
    backends: dict[str, BackendSize] = {}
    description: Text | None = None


class ResourceSpec(In, frozen=True, kw_only=True):
    """Something that jobs of all pools share: a device, a licence, the connections of a service.

    Attributes:
        id: The resource's id.
        capacity: How much there is of it, 1 to 1,000,000, or "infinity", which only tells who uses it.
        units: The names of its parts; a job is given as many of them as it needs. Instead of `capacity`.
        environment: A further variable of the jobs' environment, with the units, or the amount, they hold.
        shared: Whether jobs of all projects may need it.
    """

    reads = {"capacity": quantities.count}

    id: ResourceId
    capacity: Slots | None = None
    units: Annotated[list[Unit], Meta(min_length=1, max_length=10_000)] | None = None
    environment: Annotated[str, Meta(pattern=VARIABLE_OF_ENVIRONMENT, max_length=255)] | None = None
    description: Text | None = None
    shared: bool = False

    def check(self) -> None:
        """Raises FieldError unless it is clear how much there is."""
        if self.id == SLOTS:
            raise FieldError("`slots` are those of a pool: choose another id", "id")
        if (self.capacity is None) == (self.units is None):
            raise FieldError("Give either `capacity` or `units`", "capacity")
        if isinstance(self.capacity, int) and not 1 <= self.capacity <= MOST:
            raise FieldError(f'It must be from 1 to {MOST:,}, or "infinity"', "capacity")
        for place, unit in enumerate(self.units or ()):
            if unit in (self.units or ())[:place]:
                raise FieldError(f"The unit {unit!r} is named twice", f"units[{place}]")


class BranchSpec(In, frozen=True, kw_only=True):
    """A line of development.

    Attributes:
        id: The branch's id.
    """

    id: BranchId
    name: Annotated[str, Meta(max_length=255)] | None = None
