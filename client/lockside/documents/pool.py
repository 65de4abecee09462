"""Pools, resources and branches: documents without nested ones."""

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
"""The name of the slots of the pool among the needs of a job."""
MOST = 1_000_000
VARIABLE_OF_ENVIRONMENT = r"^[A-Za-z_][A-Za-z0-9_]*$(?!\n)"
KIND_PATTERN: Final = r"^[a-z][a-z0-9_-]*$(?!\n)"
UNIT_PATTERN: Final = r"^[A-Za-z0-9._:/-]+$(?!\n)"
ExecutorKind = Annotated[str, Meta(min_length=1, max_length=64, pattern=KIND_PATTERN)]
Unit = Annotated[str, Meta(min_length=1, max_length=64, pattern=UNIT_PATTERN)]


class BackendSize(In, frozen=True, kw_only=True):
    """The defaults of jobs of one size.

    Attributes:
        cpus: Processors of each machine.
        memory_bytes: Memory of each machine, in bytes or as in "1.5GB".
        nodes: The number of machines.
        options: The executor's options for such jobs, instead of the pool's.
    """

    reads = {"memory_bytes": quantities.size}

    cpus: Annotated[float, Meta(gt=0, le=4096)] | None = None
    memory_bytes: MemoryBytes | None = None
    nodes: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    options: dict[str, Any] = {}


class PoolSpec(In, frozen=True, kw_only=True):
    """A queue with its own slots.

    Attributes:
        id: The pool's id.
        slots: How many jobs run at once, or "infinity"; 0 starts none.
        executor: What runs the jobs: `local`, the keeper of this machine, or another kind, which
            `lockside executor ls` lists.
        options: Options of the executor; `workRoot` is a folder that this machine and those of the executor
            share under the same path.
        backends: The sizes that jobs can name in `backend.type`.
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
        capacity: Its amount, 1 to 1,000,000, or "infinity", which only records who uses it.
        units: The names of its parts; a job gets as many of them as it needs. Instead of `capacity`.
        environment: A further environment variable of jobs, with the units or the amount that they hold.
        shared: Whether jobs of all projects may use it.
    """

    reads = {"capacity": quantities.count}

    id: ResourceId
    capacity: Slots | None = None
    units: Annotated[list[Unit], Meta(min_length=1, max_length=10_000)] | None = None
    environment: Annotated[str, Meta(pattern=VARIABLE_OF_ENVIRONMENT, max_length=255)] | None = None
    description: Text | None = None
    shared: bool = False

    def check(self) -> None:
        """Raises FieldError unless exactly one valid `capacity` or `units` is given."""
        if self.id == SLOTS:
            raise FieldError("`slots` means the slots of the pool: choose another id", "id")
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
