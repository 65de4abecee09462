"""What a job asks of pools and resources. Jobs that ask for the same share one record, and its heads."""

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
    """Pools that may run a job, the preferred one first; the slots that it takes there, and its resources.

    `heads` are the heads of lines that their gates admit. Of those only the first can start: what keeps it
    back keeps back all behind it, who ask for the same. `open_line` is for jobs without a gate. `members`
    tells how many live jobs have this demand: only to know when it can be forgotten.
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
