"""Reads what `top` shows from the daemon: once at the start, and again after events, at most once a second.
While nothing happens, nothing is read. It survives a restart of the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.errors import LocksideError, NotFound, NotReachable, Unavailable
from lockside.session import Engine
from lockside.wire import AsyncLink, Wire

Json = dict[str, Any]

AT_MOST_EVERY_SECONDS = 1.0
RECENT_SECONDS = 86400
_MOST_RUNNING = 200
_MOST_WAITING = 200
_MOST_FAILED = 50
_AWAY_SECONDS = 1.0
_FIELDS = [*describe.NAMING, "runId", "parentRunId", "type", "creator", "attempt", "status", "isFinished"]
_FIELDS += ["reasons", "progress", "message", "createdTime", "startTime", "endTime", "pool"]
_FIELDS += ["durationSeconds", "process", "result", "starts", "principal", "stage"]


class Snapshot(NamedTuple):
    """The state at one moment; `away` says why the daemon cannot be reached. `selected` is the selected job,
    even after its end.
    """

    status: Json
    running: list[Json]
    waiting: list[Json]
    failed: list[Json]
    failed_total: int = 0
    away: str = ""
    selected: Json | None = None


NOTHING = Snapshot({}, [], [], [])


class Feed:
    """Reads state and events; `on_change` is called in the loop with every new snapshot."""

    def __init__(
        self, socket: str | None, project: str | None, on_change: Callable[[Snapshot], None]
    ) -> None:
        self._link = AsyncLink(socket)
        self._engine = Engine(self._link, project)
        self._on_change = on_change
        self.snapshot = NOTHING
        self.selected: str | None = None
        """The id of the job that is followed even after its end."""

    async def run(self) -> None:
        """Keep the snapshot up to date, until cancelled."""
        while True:
            try:
                await self._live()
            except (NotReachable, Unavailable) as error:
                self._publish(self.snapshot._replace(away=error.message))
                # A missing daemon sends no event when it returns.
                await asyncio.sleep(_AWAY_SECONDS)

    async def call(self, method: str, /, **params: Any) -> Any:
        """Call the daemon once; raises LocksideError."""
        return await self._engine.call(method, params, is_repeatable=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._link.close()

    async def log(self, job: str) -> AsyncIterator[list[Json]]:
        """Yield a job's frames live, until its log is complete."""
        async for page in self._engine.log(job, follow=True):
            yield page["frames"]

    async def _live(self) -> None:
        wire = await self._link.open()
        try:
            await wire.call("event.subscribe", self._engine.given("event.subscribe", {}))
            while True:
                began = asyncio.get_running_loop().time()
                self._publish(await self._load())
                await self._until_changed(wire)
                past = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, AT_MOST_EVERY_SECONDS - past))
        finally:
            await wire.close()

    async def _until_changed(self, wire: Wire) -> None:
        """Wait for an event that requires reading the state again, then drain the queue."""
        while True:
            if self._take(*await wire.next_notification()):
                break
        while not wire.notifications.empty():
            if wire.notifications.get_nowait() is None:
                raise NotReachable("The daemon went away.")

    def _take(self, method: str, params: Json) -> bool:
        """Apply progress events, which are drawn at the next tick; returns True for any other event."""
        if method != "event":
            return True
        told = {
            str(event["job"]): event["data"] for event in params["events"] if event["kind"] == "job.progress"
        }
        if told:
            running = [job | told.get(str(job["id"]), {}) for job in self.snapshot.running]
            self.snapshot = self.snapshot._replace(running=running)
        return len(told) < len(params["events"])

    async def _load(self) -> Snapshot:
        status, running, waiting, failed = await asyncio.gather(
            self.call("daemon.status"),
            self.call("job.list", **_list(describe.RUNNING, _MOST_RUNNING)),
            self.call("job.list", **_list(describe.NOT_STARTED, _MOST_WAITING)),
            self.call("job.list", **_failures()),
        )
        listed = {str(job["id"]): job for page in (running, waiting, failed) for job in page["jobs"]}
        selected = listed.get(self.selected or "")
        if self.selected is not None and selected is None:
            with suppress(NotFound):
                selected = await self.call("job.get", id=self.selected, fields=_FIELDS)
        return Snapshot(
            status,
            running["jobs"],
            waiting["jobs"],
            failed["jobs"],
            failed.get("total") or len(failed["jobs"]),
            selected=selected,
        )

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._on_change(snapshot)


def _list(statuses: tuple[str, ...], most: int) -> Json:
    return {"status": list(statuses), "order": "asc", "limit": most, "fields": _FIELDS}


def _failures() -> Json:
    since = times.wire_ago(RECENT_SECONDS)
    return {
        **describe.OPEN_FAILURES,
        "finishedFrom": since,
        "orderBy": "endTime",
        "limit": _MOST_FAILED,
        "count": True,
        "fields": _FIELDS,
    }


__all__ = ["NOTHING", "Feed", "LocksideError", "Snapshot"]
