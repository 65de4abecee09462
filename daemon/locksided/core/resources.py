"""A named resource: how much there is of it, and who holds how much.

What is held is never counted: `holders` has the jobs that need it and are processing or terminating.
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
    """A resource as its document has it. `capacity` None is without limit; of `units` it is their number.

    `environment` is a further variable of the environment of jobs that are given some.
    """

    project: str
    id: str
    capacity: int | None
    units: tuple[str, ...] = ()
    is_shared: bool = False
    environment: str | None = None

    @property
    def key(self) -> ResourceKey:
        """What it is filed under."""
        return self.project, self.id


@dataclass(frozen=True, slots=True)
class ResourceChanged:
    """An input of the core: a resource has these terms from now on; None when it was deleted."""

    project: str
    resource_id: str
    terms: ResourceTerms | None


class Share(NamedTuple):
    """What a run was given of a resource, and a variable of its environment that tells it."""

    amount: int
    units: tuple[str, ...] = ()
    environment: str | None = None

    def as_data(self) -> dict[str, Any]:
        """The form in which it is stored."""
        return {"amount": self.amount, "units": list(self.units), "environment": self.environment}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Share":
        """What was stored so."""
        return cls(data["amount"], tuple(data["units"]), data["environment"])


class Resource:
    """What jobs of one project, or with `is_shared` of all, share.

    `capacity` is how much there is, None without limit. With `units` it is their number, and who starts is
    given some by name. One that was deleted while jobs needed it has a capacity of 0.
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
        """What it is filed under."""
        return self.project, self.id

    def keep_to(self, terms: ResourceTerms) -> None:
        """Take over what its document says. Who holds more than there is now keeps it."""
        self.capacity, self.units = terms.capacity, terms.units
        self.is_shared, self.environment = terms.is_shared, terms.environment

    @property
    def used(self) -> int:
        """How much is held."""
        return sum(self.holders.values())

    @property
    def free(self) -> int | None:
        """How much may be taken: none while more is held than there is. None without limit."""
        return None if self.capacity is None else max(self.capacity - self.used, 0)

    def has(self, amount: int) -> bool:
        """Whether so much is free."""
        free = self.free
        return free is None or free >= amount

    def could_have(self, amount: int) -> bool:
        """Whether so much would be free if nobody held any."""
        return self.capacity is None or self.capacity >= amount

    def share(self, amount: int) -> Share:
        """What a job is given that needs so much: the first units that nobody holds, if there are units."""
        taken = {unit for job in self.holders if job.run for unit in job.run.shares[self.id].units}
        units = [unit for unit in self.units if unit not in taken][:amount]
        return Share(amount, tuple(units), self.environment)
