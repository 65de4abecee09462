"""Finds problems and repairs those that can be; determines whether jobs can be accepted."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Final

import structlog
from anyio import Lock

from lockside.protocol.types.daemon import Health
from locksided import clock, threads
from locksided.actors.executors import in_flight
from locksided.actors.loader import NOT_YET
from locksided.api.service import Service
from locksided.checks import cgroups, folders, processes, secrets, sockets, state, tables
from locksided.checks.problem import Problem
from locksided.core.errors import Unavailable
from locksided.core.saves import SetMeta
from locksided.core.scheduler import Scheduler
from locksided.runs.image_run import container_name
from locksided.runs.resolved import TableSupport
from locksided.store.errors import StoreUnavailable
from locksided.store.transaction import Transaction

FRESH_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 3.0
LEAST_FREE_BYTES: Final = 1 << 16
MARK: Final = "health"


class HealthCheck:
    """Caches its result briefly, so that frequent requests do not keep the disk busy."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = Lock()
        self._causes: list[str] = []
        self._checked_us: int | None = None

    async def now(self) -> Health:
        """Return the current health, or that of a moment ago."""
        async with self._lock:
            now_us = clock.real_boot_us()
            if self._checked_us is None or now_us - self._checked_us > FRESH_SECONDS * clock.SECOND_US:
                self._causes = [cause async for cause in self._of_store()]
                self._checked_us = clock.real_boot_us()
            causes = [*self._causes, *self._of_executors()]
        return Health(status="unavailable" if causes else "ready", causes=causes)

    async def _of_store(self) -> AsyncIterator[str]:
        root = self._service.state_dir.root
        if _free_bytes(str(root)) < LEAST_FREE_BYTES:
            yield f"The disk of {root} is full."
        self._service.scheduler.try_store_again()
        try:
            with clock.real_fail_after(PATIENCE_SECONDS):
                await self._service.scheduler.ask(_written)
        except Unavailable as refusal:
            yield refusal.message
        except TimeoutError:
            yield f"The store has not written anything for {PATIENCE_SECONDS:g} seconds."

    def _of_executors(self) -> Iterator[str]:
        if not self._service.backend.is_up:
            cause = self._service.backend.keepers.cause or NOT_YET
            yield f"The keeper, which starts jobs, cannot be reached: {cause}."


def _free_bytes(path: str) -> int:
    """Return the bytes that this user may still write; some are reserved for root."""
    found = os.statvfs(path)
    return (found.f_bavail if os.geteuid() else found.f_bfree) * found.f_frsize


def _written(tx: Transaction) -> None:
    tx.save(SetMeta(MARK, str(clock.now_us())))


log = structlog.get_logger("check")


async def problems(service: Service) -> list[Problem]:
    """Return all problems found; empty if there are none."""
    found = _trouble(service)
    found += state.room(service.state_dir)
    found += await threads.run_sync(_sockets, service)
    try:
        found += await _of_the_store(service)
        found += await _processes(service)
        found += await _elsewhere(service)
    except (StoreUnavailable, Unavailable):
        if service.scheduler.trouble is None:
            raise
    return found


async def _of_the_store(service: Service) -> list[Problem]:
    """Return the problems that can be found only if the database can be read."""
    store = service.store
    found = await state.database(store, service.state_dir)
    if service.scheduler.trouble is None:
        found += await state.memory(store, service.scheduler)
        found += await state.deep_states(store, service.scheduler)
    found += await state.clock_set_back(store)
    found += await secrets.check(store, service.state_dir)
    found += await folders.check(store, service.state_dir.root)
    if service.runs.storage.support is TableSupport.KEPT:
        found += await tables.check(store, service.runs.storage.inspection)
    late = service.publisher.troubles.values()
    found += tables.unpublished((one.table, one.version, one.cause.rstrip("."), one.since_us) for one in late)
    return found


async def mended(found: list[Problem]) -> list[bool]:
    """Repair what can be repaired; returns for each problem whether it was."""
    return [await _mend(problem) for problem in found]


async def _mend(problem: Problem) -> bool:
    if problem.mend is None:
        return False
    try:
        await problem.mend()
    except (OSError, StoreUnavailable, Unavailable) as error:
        log.error("not mended", kind=problem.kind, message=problem.message, cause=str(error))
        return False
    log.warning("mended", kind=problem.kind, message=problem.message)
    return True


def _trouble(service: Service) -> list[Problem]:
    """Return the problems that the daemon knows without looking."""
    found = []
    keepers, trouble = service.backend.keepers, service.scheduler.trouble
    if keepers.current is None:
        cause = keepers.cause or NOT_YET
        text = f"The keeper does not answer, no job can start: {cause}."
        repair = f"see {service.state_dir.keepers}/log; the daemon tries again by itself"
        found.append(Problem("keeper", text, repair, keepers.down_us))
    for link in keepers.former:
        if not link.is_up:
            text = f"The keeper behind {link.path} runs and does not answer: its jobs continue unobserved."
            repair = f"see who holds {link.path}.lock"
            found.append(Problem("keeper", text, repair, details={"socket": str(link.path)}))
    for link in keepers.all:
        if link.is_up and not os.path.exists(link.path):
            text = f"The keeper's socket {link.path} is gone: a restarted daemon could not find its jobs."
            repair = "restart the daemon only when no job runs"
            found.append(Problem("keeper_socket", text, repair, details={"socket": str(link.path)}))
    if trouble is not None:
        text = f"The store cannot be written: {trouble.cause}."
        repair = trouble.remedy or "make room on the disk or mend it; the daemon goes on by itself"
        found.append(Problem("store", text, repair, trouble.since_us))
    return found


def _sockets(service: Service) -> list[Problem]:
    has_group = bool(service.settings.daemon.socket_group)
    own = [problem for one in service.listeners() for problem in sockets.own(one, has_group=has_group)]
    return [*own, *sockets.of_keepers(service.state_dir.keepers)]


async def _processes(service: Service) -> list[Problem]:
    root = service.state_dir.root
    upkeep = service.image_upkeep
    containers = await upkeep.containers()
    before = await threads.run_sync(processes.marked, root)
    tokens = await service.scheduler.look(_tokens)
    now = await threads.run_sync(processes.marked, root)
    found = processes.orphans(before, now, tokens)
    if containers:
        asides = [one.token for one in service.asides.in_flight()]
        found += upkeep.orphans(containers, await upkeep.containers(), [*tokens, *asides])
    for hello in [link.hello for link in service.backend.keepers.all if link.hello is not None]:
        listed = [(stray.pid, stray.name) for stray in hello.strays]
        if listed:
            found += await threads.run_sync(processes.strays, listed, hello.pid)
    found += await threads.run_sync(cgroups.check, service.runs.loader.control, tokens)
    return found


async def _elsewhere(service: Service) -> list[Problem]:
    """Return the runs in engines under our names that belong to no job: they only take resources."""
    prefix = container_name(service.runs.identity8, "")
    found = []
    for kind, runs in [(one.kind, await one.listed(prefix)) for one in service.executors.elsewhere]:
        tokens = await service.scheduler.look(_tokens)
        for run in runs:
            if run.name.removeprefix(prefix).partition(".")[0] not in tokens:
                text = f"The engine of {kind} has {run.id} ({run.name}, {run.state}), which no job wants."
                found.append(Problem("unwanted_run", text, f"cancel {run.id} there", details=run._asdict()))
    return found


def _tokens(core: Scheduler) -> frozenset[str]:
    return frozenset(in_flight(job).token for job in core.jobs_in_flight())
