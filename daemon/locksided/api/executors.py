"""`executor.list`, and the checks of pools against their executors."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from secrets import token_hex
from typing import Any

import anyio

from lockside.documents.paths import join
from lockside.documents.pool import LOCAL
from lockside.protocol.methods.pools import ExecutorList
from locksided import clock, threads
from locksided.api.service import HandlerGroup
from locksided.backends.kinds import Kind, described, kind_names
from locksided.core.errors import Invalid, Refused
from locksided.core.pools import NODES, OF_LOCAL
from locksided.keeper import remote
from locksided.server.calls import Call
from locksided.server.handlers import handler

WRITTEN_WITHIN_SECONDS = 10.0

Json = dict[str, Any]


class ExecutorMethods(HandlerGroup):
    """`executor.*`."""

    @handler
    async def list(self, _call: Call, _params: ExecutorList) -> Json:
        found: dict[str, Kind] = {}

        async def describe(name: str) -> None:
            found[name] = await described(name)

        async with anyio.create_task_group() as tasks:
            for name in kind_names():
                tasks.start_soon(describe, name)
        return {"executors": [self._local(), *(self._view(found[name]) for name in sorted(found))]}

    def _local(self) -> Json:
        keepers = self._service.backend.keepers
        return {
            "kind": LOCAL,
            "version": None,
            "isUp": keepers.current is not None,
            "cause": keepers.cause,
            "capabilities": sorted(OF_LOCAL),
            "optionsSchema": {},
            "engine": None,
        }

    def _view(self, kind: Kind) -> Json:
        backend = self._service.executors.backend_of_kind(kind.name)
        return {
            "kind": kind.name,
            "version": kind.version or None,
            "isUp": backend is not None and backend.is_up,
            "cause": kind.cause,
            "capabilities": list(kind.capabilities),
            "optionsSchema": kind.options_schema,
            "engine": None if backend is None else backend.engine,
        }


async def pool_faults(pools: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Refused]:
    """Return the faults of pools' executors and options; each pool comes with its path in the request."""
    found = [await _fault(path, pool) for path, pool in pools]
    return [fault for fault in found if fault is not None]


async def _fault(path: str, pool: Mapping[str, Any]) -> Refused | None:
    options, sizes = pool.get("options") or {}, pool.get("backends") or {}
    if pool["executor"] == LOCAL:
        if options or sizes:
            name = "options" if options else "backends"
            return Invalid(f"{path}.{name}: the executor local takes none", path=f"{path}.{name}")
        return None
    kind = await described(pool["executor"])
    if kind.cause is not None:
        return Invalid(f"{path}.executor: {kind.cause}", path=f"{path}.executor")
    for place, given in {"options": options, **_options_of_sizes(sizes, options)}.items():
        trouble = kind.trouble(given)
        if trouble is not None:
            at = f"{path}.{place}{trouble[0]}"
            return Invalid(f"{at}: {trouble[1]}", path=at)
    for name, size in sizes.items():
        if (size.get("nodes") or 1) > 1 and NODES not in kind.capabilities:
            at = join(path, "backends", name, "nodes")
            return Invalid(f"{at}: the executor {kind.name} gives a job one machine", path=at)
    at = f"{path}.options.workRoot"
    cause = await _unusable(str(options.get("workRoot") or ""))
    return None if cause is None else Invalid(f"{at}: {cause}", path=at)


def _options_of_sizes(sizes: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Json]:
    return {
        join("backends", name, "options"): {**options, **(one.get("options") or {})}
        for name, one in sizes.items()
    }


async def _unusable(work_root: str) -> str | None:
    """Return why a folder cannot be shared with other machines; None if no problem is visible here."""
    with clock.real_move_on_after(WRITTEN_WITHIN_SECONDS):
        try:
            await threads.run_sync(_try, work_root)
        except OSError as error:
            return f"{work_root or 'it'} cannot be used: {error.strerror or error}"
        return None
    return f"{work_root} did not answer within {WRITTEN_WITHIN_SECONDS:g} s"


def _try(work_root: str) -> None:
    """Write, read back, and try to create an existing link. Raises OSError."""
    if not os.path.isabs(work_root):
        raise OSError("an absolute path is expected")
    if not os.path.isdir(work_root):
        raise OSError("there is no such folder: make it, or mount it, on all machines")
    os.makedirs(f"{work_root}/.lockside", 0o755, exist_ok=True)
    remote.require_own(f"{work_root}/.lockside", work_root)
    place = f"{work_root}/.lockside/.trial.{token_hex(4)}"
    try:
        os.symlink("trial", place)
        if os.readlink(place) != "trial":
            raise OSError("a link that was made there reads otherwise")
        try:
            os.symlink("other", place)
        except FileExistsError:
            return
        raise OSError("a symbolic link can be made there twice, so a start could not be decided once")
    finally:
        with suppress(OSError):
            os.unlink(place)
