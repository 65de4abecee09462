"""Every method of the daemon, once for both clients, under its name on the wire: `client.job.create`.

Parameters are those of the wire in Python's spelling; what is None is left to the daemon. Besides the errors
named, every method raises NotReachable, Unavailable, InvalidParams, Forbidden and LimitExceeded; those that
change something may be sent twice and are done once, and raise Conflict for an id that another call had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

from lockside.methods.actions import ActionCalls
from lockside.methods.daemon import DaemonCalls
from lockside.methods.events import EventCalls
from lockside.methods.jobs import JobCalls
from lockside.methods.plans import OrchestrationCalls
from lockside.methods.pools import PoolCalls
from lockside.methods.stored import (
    BranchCalls,
    CatalogCalls,
    ComponentCalls,
    ConfigCalls,
    StateCalls,
    VariablesCalls,
)
from lockside.requests import Mode, Request


class Methods(Generic[Mode]):
    """The words of the wire, each with its methods, bound to what sends a call."""

    def __init__(self, perform: Callable[[Request[Any]], Any]) -> None:
        self.job: JobCalls[Mode] = JobCalls(perform)
        self.component: ComponentCalls[Mode] = ComponentCalls(perform)
        self.config: ConfigCalls[Mode] = ConfigCalls(perform)
        self.catalog: CatalogCalls[Mode] = CatalogCalls(perform)
        self.branch: BranchCalls[Mode] = BranchCalls(perform)
        self.variables: VariablesCalls[Mode] = VariablesCalls(perform)
        self.state: StateCalls[Mode] = StateCalls(perform)
        self.pool: PoolCalls[Mode] = PoolCalls(perform)
        self.orchestration: OrchestrationCalls[Mode] = OrchestrationCalls(perform)
        self.action: ActionCalls[Mode] = ActionCalls(perform)
        self.event: EventCalls[Mode] = EventCalls(perform)
        self.daemon: DaemonCalls[Mode] = DaemonCalls(perform)

    def __reduce__(self) -> Any:
        """Refuse to be pickled or copied: a connection has one owner."""
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied, for it holds connections: "
            "make one in each process, and share one among threads as it is."
        )
