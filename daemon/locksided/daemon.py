"""The composition root: creates all parts, connects them, stops them in order. No other decisions."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from lockside import __version__
from lockside.documents.settings_files import Files, SettingsError
from lockside.protocol.methods import METHODS, TEST_METHODS
from locksided import clock, settings
from locksided.actors.asides import Asides, Deliver
from locksided.actors.boot_history import BootHistory, boot_history
from locksided.actors.broker import Broker
from locksided.actors.checks import Checks
from locksided.actors.executors import Executors
from locksided.actors.image_upkeep import ImageUpkeep
from locksided.actors.images import Images
from locksided.actors.loader import load_core
from locksided.actors.publisher import Publisher
from locksided.actors.reencryption import Reencryption
from locksided.actors.retention import Retention
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.sites import Sites
from locksided.api.handlers import handlers
from locksided.api.rights import ProjectGuard
from locksided.api.service import Service
from locksided.backends.claims import ControlFolders
from locksided.backends.keepers import Keepers
from locksided.backends.kinds import ExecutorSocket, release_of
from locksided.backends.local import LocalBackend
from locksided.backends.remote import RemoteBackend
from locksided.backends.sockets import Sockets
from locksided.core import inputs as i
from locksided.core.errors import Unavailable
from locksided.core.model import Principal
from locksided.followers.follower import Following
from locksided.histograms import Timings
from locksided.manual_clock import ManualClock
from locksided.notifications.commands import PURPOSE as COMMAND
from locksided.notifications.couriers import COURIER
from locksided.notifications.parts import Notifications, couriers_of
from locksided.notify import Notifier
from locksided.paths import StateDir, find_socket, find_state_dir
from locksided.runs.runs import Runs
from locksided.schedules.job_ends import Ends
from locksided.schedules.planner import Planner, Replanning
from locksided.secrets.keys import KeyFile, Keys
from locksided.secrets.vault import Vault
from locksided.server.access import Access, group_id, user_id
from locksided.server.listeners import Listener, listen, passed_listeners
from locksided.server.messages import ClientLimits
from locksided.server.service import Server
from locksided.settings import Settings
from locksided.state_folder import refuse_lost_database, take_lock
from locksided.store.errors import StoreUnavailable
from locksided.store.reads import work_roots
from locksided.store.store import Store
from locksided.triggers import watchers as watchers_module
from locksided.triggers.firing import TriggerPlanner
from locksided.triggers.hearing import Hearing
from locksided.triggers.watchers import Watchers
from locksided.upkeep import Upkeep

log = structlog.get_logger("daemon")
RECORDS_STOP_WITHIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """The location and options of this daemon. A named socket has priority over a passed one."""

    state_dir: StateDir
    socket: Path
    is_socket_named: bool
    settings: Settings
    settings_files: Files
    umask: int
    """The umask at the daemon's start; its own is private."""
    test_clock: ManualClock | None = None


def listeners(place: Place) -> list[Listener]:
    """Return the sockets that the service manager passed, unless another was named; else our own."""
    passed = passed_listeners(os.environ)
    if passed and not place.is_socket_named:
        return passed
    place.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    group = place.settings.daemon.socket_group
    return [listen(place.socket, gid=group_id(group) if group else None)]


def missing_names(known: Settings) -> list[str]:
    """Return a sentence for each group and user in the settings that this machine does not know."""
    rights = known.access
    named = {
        "daemon.socket_group": [known.daemon.socket_group] if known.daemon.socket_group else [],
        "access.admin_groups": rights.admin_groups,
        "access.operator_groups": rights.operator_groups,
        "access.viewer_groups": rights.viewer_groups,
    }
    missing = [
        f"{setting}: there is no group {group!r} on this machine"
        for setting, groups in named.items()
        for group in groups
        if group_id(group) is None
    ]
    users = [user for user in rights.delegates if user_id(user) is None]
    return missing + [f"access.delegates: there is no user {user!r} on this machine" for user in users]


def access(place: Settings) -> Access:
    """Return the rights from the settings; an unknown name is a warning and gives no right."""
    for missing in missing_names(place):
        log.warning("the settings name nobody", cause=missing)
    rights = place.access
    return Access.from_names(
        os.geteuid(),
        admin=rights.admin_groups,
        operator=rights.operator_groups,
        viewer=rights.viewer_groups,
        default_role=rights.default_role,
        delegates=rights.delegates,
        delegate_role=rights.delegate_role,
    )


class Daemon:
    """Everything that runs. `run` returns after a clean stop."""

    purposes: Mapping[str, Deliver] = {}
    """The receivers of the outcomes of asides."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._notifier = Notifier(os.environ)
        self._stopping = anyio.Event()
        self._stopped_by = ""
        self._server: Server | None = None
        self._replanning: Replanning | None = None
        self._watchers: Watchers | None = None

    async def run(self) -> None:
        """Start all parts, serve until told to stop, shut them down."""
        place = self._place
        lock = take_lock(place.state_dir.lock)
        refuse_lost_database(place.state_dir)
        keys = Keys(KeyFile.find(place.settings.secrets.key_file, place.state_dir.root, os.environ))
        keys.load()
        store = await Store.open(str(place.state_dir.database), str(place.state_dir.backups), Vault(keys))
        async with store, anyio.create_task_group() as tasks:
            await tasks.start(self._watch_signals)
            await self._serve(store, tasks)
            tasks.cancel_scope.cancel()
        lock.release()
        log.info("stopped")

    async def _serve(self, store: Store, tasks: TaskGroup) -> None:
        listening = listeners(self._place)
        address = listening[0].path
        service = self._parts(store, tasks, address, await boot_history(store))
        self._server = Server(
            handlers(service),
            access(service.settings),
            _limits(service.settings),
            structlog.get_logger("server"),
            methods=METHODS if service.test_clock is None else TEST_METHODS,
            guard=ProjectGuard(store).check,
            timings=service.timings,
        )
        service.scheduler.tell(i.DaemonStarted(__version__, os.getpid(), clock.boot_id()))
        await service.asides.load()
        service.runs.loader.places.know(await store.read(work_roots))
        await service.scheduler.start(service.executors)
        tasks.start_soon(service.scheduler.run)
        self._replanning = Replanning(service)
        await _end_own_drain(service)
        tasks.start_soon(service.backend.run, service.executors)
        tasks.start_soon(Planner(service, service.broker).run)
        await self._follow(service, tasks)
        tasks.start_soon(service.publisher.run)
        tasks.start_soon(Upkeep(service, SELF).run)
        tasks.start_soon(
            Retention(
                store, service.scheduler, service.runs.loader, service.settings, service.image_upkeep
            ).run
        )
        tasks.start_soon(service.reencryption.run)
        async with anyio.create_task_group() as serving:
            await serving.start(self._server.serve, listening)
            serving.start_soon(self._notifier.keep_alive)
            self._notifier.tell("READY=1")
            log.info("ready", socket=str(address), state_dir=str(self._place.state_dir.root), pid=os.getpid())
            await self._stopping.wait()
            self._notifier.tell("STOPPING=1")
            await self._before_stop(service)
            self._server.stop()
            serving.cancel_scope.cancel()
        await self._record_stop(service)

    async def _follow(self, service: Service, tasks: TaskGroup) -> None:
        """Run the followers of the log, and those who act on what the followers wrote."""
        ends = Ends(service.store)
        await ends.load()
        assert self._watchers is not None
        hearing = Hearing(service.store, self._watchers.kept)
        await hearing.load()
        telling = Notifications(service.store, service.settings, service.couriers)
        for follower in (ends.follower(), hearing.follower(), *await telling.followers()):
            following = Following(follower, service.store, service.scheduler, service.broker)
            tasks.start_soon(following.run)
        tasks.start_soon(TriggerPlanner(service, hearing).run)
        tasks.start_soon(self._watchers.run, service)
        telling.start(tasks, service.asides, service.scheduler, service.broker)

    def _parts(self, store: Store, tasks: TaskGroup, address: Path, boots: BootHistory) -> Service:
        """Create and connect all parts; none of them runs yet."""
        place = self._place
        broker, timings = Broker(), Timings()
        load = partial(load_core, store, place.settings, place.state_dir.recordings)
        scheduler = SchedulerActor(store, broker, load, timings)
        keepers = Keepers(Sockets(place.state_dir.keepers, place.settings.keeper))
        backend = LocalBackend(keepers, ControlFolders())
        umask = place.settings.jobs.umask or f"{place.umask:03o}"
        couriers = couriers_of(store, place.settings, self._access)
        self._watchers = Watchers(store, scheduler)
        purposes: dict[str, Deliver] = {
            COURIER: couriers.deliver,
            COMMAND: couriers.deliver_command,
            watchers_module.PURPOSE: self._watchers.deliver,
            **self.purposes,
        }
        asides = Asides(backend, scheduler, store, place.state_dir, tasks, purposes, umask)
        images = Images(
            asides, place.settings.containers, place.state_dir, f"{store.identity:015x}"[:8], tasks
        )
        save = scheduler.ask
        runs = Runs(store, place.state_dir, place.settings, str(address), backend, images, umask, save)
        checks = Checks(asides, runs, scheduler, backend, place.state_dir, tasks)
        purposes[checks.purpose] = checks.deliver
        return Service(
            settings=place.settings,
            state_dir=place.state_dir,
            socket=str(address),
            store=store,
            broker=broker,
            scheduler=scheduler,
            executors=Executors(
                Sites(backend, self._backend_of), scheduler, runs, tasks, boots, asides, checks
            ),
            asides=asides,
            couriers=couriers,
            checks=checks,
            backend=backend,
            runs=runs,
            image_upkeep=ImageUpkeep(images, place.settings.containers),
            publisher=Publisher(store, scheduler, broker, runs.storage),
            reencryption=Reencryption(store, scheduler),
            timings=timings,
            started_us=clock.now_us(),
            listeners=lambda: [] if self._server is None else self._server.listeners,
            reload=self._reload,
            access=self._access,
            connections=lambda: set() if self._server is None else self._server.connections,
            test_clock=place.test_clock,
        )

    def _backend_of(self, kind: str) -> RemoteBackend:
        """Return the backend of a kind of executor."""
        place = self._place
        keeper = place.settings.keeper
        socket = ExecutorSocket(place.state_dir.executors, kind, keeper.linger_seconds, keeper.executors)
        return RemoteBackend(kind, Keepers(socket, release=release_of(kind)), ControlFolders())

    async def _record_stop(self, service: Service) -> None:
        """Record why the daemon stops, unless the store cannot be written, or not at once."""
        stopping = i.DaemonStopping(self._stopped_by, service.settings.daemon.on_stop)
        with suppress(Unavailable), clock.real_move_on_after(RECORDS_STOP_WITHIN_SECONDS):
            await service.scheduler.ask(stopping)

    async def _before_stop(self, service: Service) -> None:
        """Handle running jobs as `on_stop` says; by default the keeper keeps them."""
        match service.settings.daemon.on_stop:
            case "keep":
                return
            case "drain":
                await service.scheduler.ask(i.Drain(SELF))
            case "terminate":
                for job_id in await service.scheduler.look(lambda core: [j.id for j in core.started_jobs()]):
                    await service.scheduler.ask(i.Terminate(job_id, SELF))
        while True:
            running = await service.scheduler.look(lambda core: [job.id for job in core.started_jobs()])
            if not running:
                return
            with service.broker.changes_of(running) as changes:
                await changes.take()

    def _read_settings_again(self) -> None:
        try:
            changed, needs_restart = self._reload()
        except SettingsError as error:
            log.error("the settings are not as they should be; the old ones stay", cause=str(error))
        else:
            log.info("read the settings again", changed=changed, needs_restart=needs_restart)

    async def _plan_again(self) -> None:
        """Plan those schedules again whose zone has new rules."""
        if self._replanning is not None:
            with suppress(Unavailable, StoreUnavailable):
                await self._replanning.look_at_zones()

    def _access(self) -> Access:
        """Return the current rights."""
        assert self._server is not None
        return self._server.access

    def _reload(self) -> tuple[list[str], list[str]]:
        """Read the settings again; rights change at once, everything else requires a restart."""
        fresh = settings.load(self._place.settings_files.present, os.environ)
        old = self._place.settings
        different = [name for name in fresh.__struct_fields__ if getattr(fresh, name) != getattr(old, name)]
        if self._server is not None:
            self._server.access = access(fresh)
        return different, [name for name in different if name != "access"]

    async def _watch_signals(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            task_status.started()
            async for received in signals:
                log.info("signal", name=signal.Signals(received).name)
                if received == signal.SIGHUP:
                    self._read_settings_again()
                    await self._plan_again()
                else:
                    self._stopped_by = signal.Signals(received).name
                    self._stopping.set()


def _limits(known: Settings) -> ClientLimits:
    """Return the limits for one client from the settings."""
    limits = known.limits
    return ClientLimits(
        line_bytes=limits.line_bytes,
        batch=limits.batch,
        in_flight=limits.in_flight,
        connections=limits.connections,
        unread_bytes=limits.unread_bytes,
        unfinished_bytes=limits.unfinished_bytes,
    )


SELF = Principal(os.geteuid(), "locksided")


async def _end_own_drain(service: Service) -> None:
    """Undo a drain by the last daemon's stop; a drain requested by a user stays."""
    with suppress(Unavailable):
        drained_by = await service.scheduler.look(lambda core: core.state.draining and core.state.draining.by)
        if drained_by == SELF.user:
            await service.scheduler.ask(i.Undrain(SELF))


def place_of(
    files: Files, state_dir: str, socket: str, environment: Mapping[str, str]
) -> tuple[Settings, Path, Path]:
    """Return the settings, the state folder and the socket, by precedence. Raises SettingsError."""
    known = settings.load(files.present, environment)
    root = find_state_dir(state_dir, known.daemon.state_dir, environment)
    return known, root, find_socket(socket, known.daemon.socket, root, environment, is_apart=bool(state_dir))
