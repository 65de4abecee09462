"""A named resource: how much of it there is, and which jobs hold how much.

Usage is never counted: `holders` has the jobs that need it and are processing or terminating.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from locksided.core.jobs import Job

ResourceKey = tuple[str, str]
"""The project that a resource belongs to, and its id."""


@dataclass(frozen=True, slots=True)
class ResourceTerms:
    """A resource as defined by its document. `capacity` None means no limit; with `units` it is their number.

    `environment` is an additional environment variable for jobs that get a share.
    """

    project: str
    id: str
    capacity: int | None
    units: tuple[str, ...] = ()
    is_shared: bool = False
    environment: str | None = None

    @property
    def key(self) -> ResourceKey:
        """The key of its index."""
        return self.project, self.id


@dataclass(frozen=True, slots=True)
class ResourceChanged:
    """An input of the core: the new terms of a resource; None when it was deleted."""

    project: str
    resource_id: str
    terms: ResourceTerms | None


class Share(NamedTuple):
    """The share of a resource that a run was given, and the environment variable that passes it on."""

    amount: int
    units: tuple[str, ...] = ()
    environment: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the share in its stored form."""
        return {"amount": self.amount, "units": list(self.units), "environment": self.environment}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Share":
        """Return the share from its stored form."""
        return cls(data["amount"], tuple(data["units"]), data["environment"])


class Resource:
    """A resource shared by the jobs of one project or, with `is_shared`, of all projects.

    `capacity` is how much there is, None for no limit. With `units` it is their number, and a job that starts
    is given units by name. A resource deleted while jobs needed it has a capacity of 0.
    """

    __slots__ = ("capacity", "environment", "holders", "id", "is_shared", "project", "units")

    def __init__(self, project: str, resource_id: str) -> None:
        self.project = project
        self.id = resource_id
        self.capacity: int | None = 0
        self.units: tuple[str, ...] = ()
        self.is_shared = False
        self.environment: str | None = None
        self.holders: dict[Job, int] = {}

    @property
    def key(self) -> ResourceKey:
        """The key of its index."""
        return self.project, self.id

    def keep_to(self, terms: ResourceTerms) -> None:
        """Apply its document. Holders of more than there is now keep what they have."""
        self.capacity, self.units = terms.capacity, terms.units
        self.is_shared, self.environment = terms.is_shared, terms.environment

    @property
    def used(self) -> int:
        """How much is held."""
        return sum(self.holders.values())

    @property
    def free(self) -> int | None:
        """How much may be taken: 0 while more is held than there is, None without limit."""
        return None if self.capacity is None else max(self.capacity - self.used, 0)

    def has(self, amount: int) -> bool:
        """Whether that amount is free."""
        free = self.free
        return free is None or free >= amount

    def could_have(self, amount: int) -> bool:
        """Whether that amount would be free if no job held any."""
        return self.capacity is None or self.capacity >= amount

    def share(self, amount: int) -> Share:
        """Return the share for a job that needs that amount: the first free units, if there are units."""
        taken = {unit for job in self.holders if job.run for unit in job.run.shares[self.id].units}
        units = [unit for unit in self.units if unit not in taken][:amount]
        return Share(amount, tuple(units), self.environment)
