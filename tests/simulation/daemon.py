"""One life of the daemon: the real actors and core on the world's loop, over the real store.

Workshop and wire are models. It can die between any two effects: a save, the report of it, an action, a line
to the keeper, an answer.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from core.explanations import check_explanations
from lockside.documents.enums import Status
from locksided import clock, threads
from locksided.actors import asides as asides_module
from locksided.actors import checks as checks_module
from locksided.actors import executor as executor_module
from locksided.actors import executors as executors_module
from locksided.actors import loader as loader_module
from locksided.actors import scheduler as scheduler_module
from locksided.actors import starts as starts_module
from locksided.actors import wall_clock as wallclock_module
from locksided.actors.boot_history import boot_history
from locksided.actors.broker import Broker
from locksided.actors.executors import Executors
from locksided.actors.loader import load_core
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.sites import Runnable, Sites
from locksided.backends import keepers as keepers_module
from locksided.backends import link as link_module
from locksided.backends import local as local_module
from locksided.backends.keepers import KeeperRelease, Keepers
from locksided.backends.local import LocalBackend
from locksided.core import invariants
from locksided.core.actions import Action
from locksided.core.errors import Refused
from locksided.core.inputs import DaemonStarted, Input, Lost, Report
from locksided.core.jobs import Job
from locksided.core.saves import UpdateJob
from locksided.core.scheduler import Scheduler, Step
from locksided.followers import follower as follower_module
from locksided.followers.follower import Following
from locksided.settings import PoolSettings, SchedulingSettings, Settings
from locksided.store.errors import StoreError
from simulation import makers
from simulation.asides import Asides
from simulation.backend import Link, Sockets
from simulation.disk import Disk, open_store
from simulation.follower import COUNTER
from simulation.loop import Loop
from simulation.makers import Makers, models
from simulation.recovery import Checks
from simulation.runs import Runs
from simulation.witness import Violation

if TYPE_CHECKING:
    from simulation.world import World

LOGGING = (
    follower_module,
    asides_module,
    checks_module,
    executor_module,
    executors_module,
    link_module,
    local_module,
    keepers_module,
    scheduler_module,
    starts_module,
    wallclock_module,
    *makers.LOGGING,
)
SETTINGS = Settings(
    pools={"default": PoolSettings(slots=2)}, scheduling=SchedulingSettings(reserve_seconds=5)
)


class Crash(BaseException):
    """The daemon is dead from this moment on."""


class Core(Scheduler):
    """The real core; after every step its invariants are checked."""

    def __init__(self, loaded: Scheduler, daemon: "Daemon") -> None:
        super().__init__(loaded.state, loaded._load_saves)
        self._daemon = daemon

    def handle(self, asked: Input, now_us: int) -> Step:
        try:
            step = super().handle(asked, now_us)
            self._daemon.decided(self, asked, step)
        except Refused:
            raise
        except Exception as error:
            self._daemon.world.broken(error)
            raise
        return step


class Actor(SchedulerActor):
    """The real actor; a step that fails without a fault of the disk is a bug."""

    daemon: "Daemon"

    async def _fall_back(self, batch: list[Any], cause: str, remedy: str = "") -> None:
        self.daemon.fell_back(cause)
        await super()._fall_back(batch, cause, remedy)


class Performing:
    """The real executors; the daemon may die before each action."""

    def __init__(self, executors: Executors, daemon: "Daemon") -> None:
        self._executors = executors
        self._daemon = daemon

    def preparing(self, actions: Sequence[Action]) -> Any:
        return self._executors.preparing(actions)

    def perform(self, actions: Sequence[Action], prepared: Any) -> None:
        for action in actions:
            self._daemon.effect()
            self._executors.perform([action], prepared)

    def flush(self) -> None:
        self._executors.flush()

    def reconcile(self, core: Scheduler) -> None:
        self._executors.reconcile(core)


class Tasks:
    """A task group as far as it is used: an exception in it ends the daemon."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def start_soon(self, work: Callable[..., Any], *args: Any, name: object = None) -> None:
        self._loop.create_task(work(*args))


class Daemon:
    """Starts when it is created. `is_serving` once it accepts requests."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.disk: Disk = world.disk
        self.loop = Loop(lambda: world.monotonic_us / 1e6)
        self.hops: dict[asyncio.Future[None], str] = {}
        self.dies_after: int | None = None
        self.is_serving = False
        self.has_unsaved = False
        self.expects_trouble = False
        self.reports: list[Report] = []
        self.core: Core | None = None
        self.release = world.release
        self.links: list[Link] = []
        sockets: Any = Sockets(self)
        disk: Any = self.disk
        release = KeeperRelease(world.release.version, world.release.build)
        self.backend = LocalBackend(Keepers(sockets, partial(Link, self), release), disk)
        self.store = open_store(self.disk, self)
        self.broker = Broker()
        self.scheduler = Actor(self.store, self.broker, self._load)
        self.scheduler.daemon = self
        self.executors: Executors | None = None
        self.makers = Makers(self, SETTINGS)
        self.asides: Asides
        self.checks: Checks
        self.loop.create_task(self._live())

    @property
    def is_dead(self) -> bool:
        return self.loop.is_dead

    async def _live(self) -> None:
        try:
            boots = await boot_history(self.store)
            tasks: Any = Tasks(self.loop)
            runs: Any = Runs(self)
            self.asides = Asides(self, tasks)
            await self.asides.load()
            checks = self.checks = Checks(self, runs, tasks)
            self.asides.deliver_to[checks.purpose] = checks.deliver
            sites = Sites(self.backend, _no_other_kind)
            self.executors = Executors(sites, self.scheduler, runs, tasks, boots, self.asides, checks)
            self.scheduler.tell(DaemonStarted("1", 1, clock.boot_id()))
            await self.scheduler.start(Performing(self.executors, self))
        except StoreError:
            self.loop.is_dead = True  # it reports the reason and exits; the service manager starts it again
            return
        self.is_serving = True
        self.loop.create_task(self._schedule())
        self.loop.create_task(self.backend.run(self.executors))
        self.loop.create_task(Following(COUNTER, self.store, self.scheduler, self.broker).run())
        self.loop.create_task(self.makers.run())

    async def _schedule(self) -> None:
        try:
            await self.scheduler.run()
        except asyncio.CancelledError:
            self.world.broken(Violation("the scheduler was cancelled, and nobody did that"))

    async def _load(self) -> Scheduler:
        self.core = Core(await load_core(self.store, SETTINGS), self)
        self.has_unsaved = False
        return self.core

    # -- what the world does ------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until every task waits for the world."""
        self.loop.run()
        self.world.raise_broken()
        for fault in self.loop.faults:
            if not self.is_dead:
                raise Violation(f"the daemon fell over: {fault!r}") from fault

    def kill(self) -> None:
        """SIGKILL."""
        for link in self.links:
            if link.wire is not None:
                link.wire.ended = True
        self.loop.die()
        self.hops.clear()

    # -- inside the daemon --------------------------------------------------------------------------------

    async def hop(self, what: str) -> None:
        """Wait until the world lets a thread return; some return at once."""
        if self.world.is_hurrying():
            return
        future = self.loop.create_future()
        self.hops[future] = what
        await future

    def effect(self) -> None:
        """A visible effect has happened or is about to happen."""
        if self.is_dead:
            raise Crash
        if self.dies_after is not None:
            if self.dies_after == 0:
                self.loop.is_dead = True
                raise Crash
            self.dies_after -= 1

    def committed(self) -> None:
        self.has_unsaved = False
        try:
            self.world.committed()
        except Exception as error:
            self.world.broken(error)
            raise
        self.effect()

    def save_failed(self) -> None:
        self.expects_trouble = True
        self.world.note("   the save fails")
        self.world.figures.failed_saves += 1

    def fell_back(self, cause: str) -> None:
        if not self.expects_trouble:
            self.world.broken(Violation(f"a step failed and the disk did not: {cause}"))
        self.expects_trouble = False

    def may_fail_to_read(self) -> None:
        if self.world.folder_fails():
            raise OSError(5, "Input/output error")

    def decided(self, core: Core, asked: Input, step: Step) -> None:
        self.world.figures.steps += 1
        self.has_unsaved |= bool(step.saves)
        invariants.check(core.state)
        check_explanations(core.state)
        for save in step.saves:
            if isinstance(save, UpdateJob) and save.changes.get("status") is Status.PROCESSING:
                _check_slots(core.state.jobs.get(save.id))
        if isinstance(asked, Lost) and step.saves:
            self.world.check_lost(asked.token)
        if hasattr(asked, "token"):
            self.reports.append(asked)

    def sending(self, message: Mapping[str, Any]) -> None:
        """Check the rule "save, then act" for a start that is sent and an end that is acknowledged."""
        try:
            if message["op"] == "start":
                self.world.check_told_to_start(message["token"])
            elif message["op"] == "ack":
                self.world.check_acknowledged(message["token"])
        except Violation as error:
            self.world.broken(error)
            raise


def _no_other_kind(kind: str) -> Runnable:
    raise AssertionError(f"no pool names {kind}")


def _check_slots(job: Job | None) -> None:
    if job is None:
        return
    slots = job.pool.slots
    if slots is not None and sum(one.demand.slots for one in job.pool.running.values()) > max(slots, 1):
        raise Violation(f"job {job.id} starts in pool {job.pool.id}, which has no slot left")
    for resource, _ in job.demand.resources:
        if resource.capacity is not None and resource.used > resource.capacity:
            raise Violation(f"job {job.id} starts with more of {resource.id} than there is")


class WorldClock(clock.SystemClock):
    """The system's clock with the world's time; its timers are those of the daemon's loop."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def now_us(self) -> int:
        return self._world.now_us

    def boot_us(self) -> int:
        return self._world.monotonic_us


class Log:
    """The actors' log: faults that they take for bugs are kept, everything else is dropped."""

    def __init__(self) -> None:
        self.faults: list[BaseException] = []

    def exception(self, text: str, **values: Any) -> None:
        self.faults.append(sys.exc_info()[1] or AssertionError(f"{text} {values}"))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args, **_values: None


@contextmanager
def surroundings(world: "World") -> Iterator[None]:
    """Let the real modules use the world's clock, disk, threads and log."""

    async def run_sync(work: Callable[..., Any], *args: Any) -> Any:
        daemon = world.daemon
        assert daemon is not None
        await daemon.hop(f"{getattr(work, '__name__', 'something')} in a thread")
        return work(*args)

    with ExitStack() as stack:
        for module in LOGGING:
            stack.enter_context(patch.object(module, "log", world.log))
        models(world, stack)
        stack.enter_context(clock.used(WorldClock(world)))
        stack.enter_context(patch.object(clock, "boot_id", lambda: world.boot))
        stack.enter_context(patch.object(threads, "run_sync", run_sync))
        stack.enter_context(patch.object(loader_module, "_no_collection", nullcontext))
        yield
