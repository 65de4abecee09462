"""The daemon's parts for the handlers, in one object created once; its caches can be discarded."""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import anyio

from lockside.protocol.declaration import ListParams
from locksided import clock
from locksided.actors.asides import Asides
from locksided.actors.broker import Broker
from locksided.actors.checks import Checks
from locksided.actors.executors import Executors
from locksided.actors.image_upkeep import ImageUpkeep
from locksided.actors.publisher import Publisher
from locksided.actors.reencryption import Reencryption
from locksided.actors.scheduler import SchedulerActor
from locksided.api.resolution_cache import ResolutionCache
from locksided.backends.local import LocalBackend
from locksided.histograms import Timings
from locksided.ids import parse_job_id
from locksided.manual_clock import ManualClock
from locksided.notifications.couriers import Couriers
from locksided.paths import StateDir
from locksided.runs.runs import Runs
from locksided.server.access import Access
from locksided.server.connection import ClientConnection
from locksided.server.listeners import Listener
from locksided.settings import Settings
from locksided.store.paging import PageRequest
from locksided.store.store import Store


@dataclass(slots=True)
class Service:
    """The daemon's parts as the handlers see them. Times are microseconds since the epoch."""

    settings: Settings
    state_dir: StateDir
    socket: str
    store: Store
    broker: Broker
    scheduler: SchedulerActor
    executors: Executors
    asides: Asides
    couriers: Couriers
    checks: Checks
    backend: LocalBackend
    runs: Runs
    image_upkeep: ImageUpkeep
    publisher: Publisher
    reencryption: Reencryption
    timings: Timings
    started_us: int
    listeners: Callable[[], Sequence[Listener]]
    reload: Callable[[], tuple[list[str], list[str]]]
    access: Callable[[], Access]
    connections: Callable[[], Collection[ClientConnection]]
    test_clock: ManualClock | None = None
    started_boot_us: int = field(default_factory=clock.boot_us)
    recent: ResolutionCache = field(default_factory=ResolutionCache)
    telling: anyio.Lock = field(default_factory=anyio.Lock)
    """Held while a stored object is reported to the core, so that the newest version is reported last."""

    @property
    def uptime_seconds(self) -> float:
        """The time since the start, regardless of changes of the wall clock."""
        return (clock.boot_us() - self.started_boot_us) / clock.SECOND_US

    @property
    def line_bytes(self) -> int:
        """The longest answer of a list."""
        return self.settings.limits.line_bytes

    def page_request(self, params: ListParams) -> PageRequest:
        """Return the requested page of a list."""
        return PageRequest(params.limit, params.cursor, self.line_bytes)

    @property
    def own_uid(self) -> int:
        """The user that the daemon runs as."""
        return os.geteuid()

    def job_id(self, text: str, path: str = "$.id") -> int:
        """Return the id for a decimal id or a uuid."""
        return parse_job_id(self.store.identity, text, path)


class HandlerGroup:
    """A group of handlers."""

    def __init__(self, service: Service) -> None:
        self._service = service
