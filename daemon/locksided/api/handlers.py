"""The table of all handlers: which function does which method."""

from locksided.api.actions import ActionMethods
from locksided.api.applying import ApplyMethods
from locksided.api.catalog import CatalogMethods
from locksided.api.daemon import DaemonMethods
from locksided.api.events import EventMethods
from locksided.api.jobs import JobMethods
from locksided.api.logs import LogMethods
from locksided.api.making import MakingMethods
from locksided.api.orchestrations import OrchestrationMethods
from locksided.api.pools import PoolMethods
from locksided.api.service import Service
from locksided.api.testclock import ClockMethods
from locksided.api.waiting import WaitMethods
from locksided.server.calls import Handler

GROUPS = (
    MakingMethods,
    JobMethods,
    WaitMethods,
    LogMethods,
    CatalogMethods,
    ApplyMethods,
    PoolMethods,
    ActionMethods,
    OrchestrationMethods,
    EventMethods,
    DaemonMethods,
)


def handlers(service: Service) -> dict[str, Handler]:
    """Every method that this daemon does."""
    groups = [group(service).handlers() for group in GROUPS]
    if service.test_clock is not None:
        groups.append(ClockMethods(service.test_clock).handlers())
    return {name: handler for group in groups for name, handler in group.items()}
