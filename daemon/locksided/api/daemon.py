"""The methods about the daemon itself: its status, draining, backup, metrics, problems."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

import msgspec

from lockside import __version__
from lockside.calendar import zones
from lockside.documents.enums import JobType
from lockside.documents.settings_files import SettingsError
from lockside.documents.times import time_text
from lockside.protocol.declaration import Params
from lockside.protocol.methods import daemon as p
from lockside.protocol.types.daemon import (
    CheckReport,
    DaemonStatus,
    DrainStatus,
    Health,
    KeeperStatus,
    StoreStatus,
    ZoneDatabase,
)
from lockside.protocol.types.stored import Pool
from locksided import clock, threads
from locksided.actors.messages import DedupMark
from locksided.api.deduplication import dedup_mark, nothing
from locksided.api.diagnostics import HealthCheck, mended, problems
from locksided.api.event_counts import Decisions, Statuses, Tally
from locksided.api.metrics import Figures, engine_queues, metrics_text, oldest_waiting, startable
from locksided.api.paging import View
from locksided.api.pools import pool_views
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup, Service
from locksided.backends.messages import BUILD
from locksided.core import inputs as i
from locksided.core.errors import Conflict, Invalid, Unavailable
from locksided.core.saves import AppendEvent
from locksided.core.scheduler import Scheduler
from locksided.keeper.messages import Hello
from locksided.schedules.planner import Replanning
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import ciphers, deliveries
from locksided.store.errors import StoreUnavailable
from locksided.store.transaction import Transaction


class DaemonMethods(HandlerGroup):
    """`daemon.*`, `rpc.discover`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._statuses = Statuses(service.store)
        self._tally = Tally(service.store)
        self._health = HealthCheck(service)
        self._decisions = Decisions(service.store)

    @handler
    async def status(self, _call: Call, _params: p.DaemonStatusGet) -> DaemonStatus:
        return await self._status()

    async def _status(self) -> DaemonStatus:
        service = self._service
        drain, is_drained = await service.scheduler.look(_draining)
        return DaemonStatus(
            version=__version__,
            pid=os.getpid(),
            uptime_seconds=service.uptime_seconds,
            started_time=time_text(service.started_us),
            is_draining=drain is not None,
            is_drained=is_drained,
            drain=drain,
            counts=await self._statuses.counts(),
            pools=msgspec.convert(await pool_views(service), list[Pool]),
            store=self._store_status(),
            timezones=ZoneDatabase(**zones.database()._asdict()),
            keeper=_current_keeper(service),
            former_keepers=[
                _keeper(link.hello, link.kept, "it does not answer")
                for link in service.backend.keepers.former
            ],
            state_dir=str(service.state_dir.root),
            socket=service.socket,
            clock=clock.kind().value,
        )

    @handler
    async def health(self, _call: Call, _params: p.DaemonHealth) -> Health:
        return await self._health.now()

    def _store_status(self) -> StoreStatus:
        trouble = self._service.scheduler.trouble
        return StoreStatus(
            is_writable=trouble is None,
            cause=None if trouble is None else trouble.cause,
            remedy=None if trouble is None else trouble.remedy or None,
            size_bytes=sum(map(_size_bytes, self._service.state_dir.database_files)),
            identity=f"{self._service.store.identity:015x}",
        )

    @handler
    async def drain(self, call: Call, params: p.DaemonDrain) -> DaemonStatus:
        await self._service.scheduler.ask(
            i.Drain(actor(call.principal)), once=dedup_mark(call, params, nothing)
        )
        return await self._status()

    @handler
    async def undrain(self, call: Call, params: p.DaemonUndrain) -> DaemonStatus:
        await self._service.scheduler.ask(
            i.Undrain(actor(call.principal)), once=dedup_mark(call, params, nothing)
        )
        return await self._status()

    @handler
    async def reload(self, call: Call, params: p.DaemonReload) -> View:
        mark = dedup_mark(call, params, dict)
        repeated = await self._service.scheduler.done_before(mark)
        if repeated is not None:
            return repeated.reference
        try:
            changed, needs_restart = self._service.reload()
        except SettingsError as error:
            raise Invalid(f"{error}. The old settings stay.") from None
        await Replanning(self._service).look_at_zones()
        answer = {"changed": changed, "needsRestart": needs_restart}
        await self._tell("daemon.reload", call, params, answer, mark)
        return answer

    async def _tell(self, kind: str, call: Call, params: Params, data: View, mark: DedupMark | None) -> None:
        """Record what was done, if the store can be written: it was done in any case."""

        def write(tx: Transaction) -> View:
            who = actor(call.principal).as_data()
            tx.save(AppendEvent(clock.now_us(), kind, params.project, principal=who, data=data))
            return data

        with suppress(Unavailable):
            await self._service.scheduler.ask(write, once=mark)

    @handler
    async def check(self, _call: Call, params: p.DaemonCheck) -> CheckReport:
        found = await problems(self._service)
        fixed = await mended(found) if params.fix else [False] * len(found)
        reported = [problem.view(is_fixed=done) for problem, done in zip(found, fixed, strict=True)]
        return CheckReport(problems=reported)

    @handler
    async def backup(self, call: Call, params: p.DaemonBackup) -> View:
        now_us = clock.now_us()
        mark = dedup_mark(call, params, dict)
        repeated = await self._service.scheduler.done_before(mark)
        if repeated is not None:
            return repeated.reference
        path = Path(params.path) if params.path else self._default_backup()
        _check_new_file(path)
        try:
            await self._service.store.backup(str(path))
        except StoreUnavailable as problem:
            raise Unavailable(
                f"No backup could be written to {path}: {problem.cause}.", path="$.path"
            ) from None
        answer = {
            "path": str(path),
            "sizeBytes": path.stat().st_size,
            "time": clock.to_text(now_us),
            "keyIds": sorted(await self._service.store.read_patiently(ciphers.counts)),
        }
        await self._tell("daemon.backup", call, params, answer, mark)
        return answer

    def _default_backup(self) -> Path:
        folder = self._service.state_dir.backups
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise Unavailable(
                f"{folder} cannot be made ({problem.strerror}): name a file elsewhere.", path="$.path"
            ) from None
        return folder / f"lockside-{clock.real_stamp()}.db"

    @handler
    async def metrics(self, _call: Call, _params: p.DaemonMetrics) -> str:
        service = self._service
        is_up = service.backend.is_up
        up, waiting, queues, conditions = await service.scheduler.look(
            lambda core: (
                startable(core, is_up=is_up),
                oldest_waiting(core),
                engine_queues(core),
                len(core.state.recoveries.conditions),
            )
        )
        figures = Figures(
            counts=await self._statuses.counts(),
            pools=await pool_views(service),
            up=up,
            waiting=waiting,
            engine_queues=queues,
            conditions=conditions,
            outcomes=await self._tally.outcomes(),
            totals=self._tally.totals,
            deliveries=await service.store.read_patiently(deliveries.counts),
            decisions=await self._decisions.found(),
        )
        return metrics_text(service, figures)

    @handler
    async def discover(self, _call: Call, _params: p.RpcDiscover) -> msgspec.Raw:
        return await threads.run_sync(_document, self._service.test_clock is not None)


def _document(has_test_clock: bool) -> msgspec.Raw:
    """Return the OpenRPC document, made once even for simultaneous requests: it takes a megabyte."""
    with _MAKING:
        return _made_document(has_test_clock)


_MAKING = Lock()


@cache
def _made_document(has_test_clock: bool) -> msgspec.Raw:
    from lockside.protocol.openrpc import document  # large, and seldom needed

    return msgspec.Raw(msgspec.json.encode(document(__version__, with_test_clock=has_test_clock)))


def _size_bytes(path: Path) -> int:
    """Return the size of a file; 0 if it was removed, which `isWritable` reports."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_new_file(path: Path) -> None:
    """Check that a file can be created there; raises Refused with the remedy if not."""
    try:
        is_there, has_folder = os.path.lexists(path), path.parent.is_dir()
        os.lstat(path.parent / f"{path.name}.part")  # the final name is too long if this one is
    except FileNotFoundError:
        pass
    except OSError as problem:
        raise Invalid(f"{path} cannot be a file: {problem.strerror}.", path="$.path") from None
    if not has_folder:
        raise Invalid(f"The folder {path.parent} does not exist: make it first.", path="$.path")
    if is_there:
        raise Conflict(f"{path} exists already: name another file.", path="$.path")


def _draining(core: Scheduler) -> tuple[DrainStatus | None, bool]:
    """Return since when and by whom the daemon is drained, and whether no standard job runs any more."""
    draining = core.state.draining
    if draining is None:
        return None, False
    is_busy = any(job.type is JobType.STANDARD for job in core.started_jobs())
    return DrainStatus(since=time_text(draining.since_us), by=draining.by), not is_busy


def _current_keeper(service: Service) -> KeeperStatus:
    """Return the status of the keeper that takes new starts."""
    keepers = service.backend.keepers
    current = keepers.current
    return _keeper(
        None if current is None else current.hello, service.backend.runs_of(current), keepers.cause
    )


def _keeper(hello: Hello | None, runs: int, cause: str | None) -> KeeperStatus:
    if hello is None:
        return KeeperStatus(is_connected=False, runs=runs, cause=cause)
    return KeeperStatus(
        is_connected=True,
        pid=hello.pid,
        protocol_version=hello.version,
        is_outdated=hello.build != BUILD,
        runs=runs,
        kills_by="cgroup" if hello.cgroups else "scan",
    )
