"""What a job requires of pools and resources. Jobs with equal requirements share one Demand and its heads."""

from typing import TYPE_CHECKING, NamedTuple

from locksided.core.lines import Line
from locksided.core.resources import Resource, ResourceKey
from locksided.core.sorted_jobs import SortedJobs

if TYPE_CHECKING:
    from locksided.core.pools import Pool


class DemandKey(NamedTuple):
    """The ids of the pools, the slots, and the resources with their amounts."""

    pools: tuple[str, ...]
    slots: int = 1
    resources: tuple[tuple[ResourceKey, int], ...] = ()


class Demand:
    """The pools that may run a job, the preferred one first, the slots it takes there, and its resources.

    `heads` are the line heads that their gates admit. Only the first can start: whatever blocks it blocks the
    others, which have the same demand. `open_line` is for jobs without a gate. `members` counts the live jobs
    with this demand: it shows when the demand can be deleted.
    """

    __slots__ = ("heads", "key", "members", "open_line", "pools", "resources", "slots")

    def __init__(
        self, key: DemandKey, pools: "tuple[Pool, ...]", resources: tuple[tuple[Resource, int], ...] = ()
    ) -> None:
        self.key = key
        self.pools = pools
        self.slots = key.slots
        self.resources = resources
        self.heads = SortedJobs()
        self.open_line = Line(None, self)
        self.members = 0
