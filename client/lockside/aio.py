"""The asyncio client: any number of calls at once over one connection, over restarts of the daemon.

It belongs to one event loop; iterators open a connection of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self, TypeVar

import msgspec

from lockside.errors import ConnectionLost, NotReachable, Unavailable
from lockside.methods import Methods
from lockside.pauses import Pauses
from lockside.protocol.types.events import Event
from lockside.protocol.types.jobs import Job
from lockside.protocol.types.logs import LogFrame
from lockside.requests import Awaiting, Request
from lockside.streams import EventPlace, LogPlace
from lockside.wire import Wire

T = TypeVar("T")

RECONNECT_SECONDS = 60.0
WAIT_SECONDS = 600.0


class AsyncClient(Methods[Awaiting]):
    """A daemon, as an asyncio program sees it; see `Client`, whose methods it has."""

    def __init__(
        self,
        socket: str | None = None,
        *,
        project: str | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        super().__init__(self.perform)
        self._socket = socket
        self._project = project
        self._reconnect_seconds = reconnect_seconds
        self._wire: Wire | None = None
        self._was_connected = False
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._wire is not None:
            wire, self._wire = self._wire, None
            await wire.close()

    async def perform(self, request: Request[T]) -> T:
        """Send a call and give its result; raises the error's own class."""
        params = self._in_project(request.params)
        pauses = Pauses(self._reconnect_seconds)
        while True:
            try:
                wire = await self._connected()
                answer = await wire.call(request.method, params)
            except (NotReachable, Unavailable) as error:
                pause = pauses.next() if self._was_connected and request.is_repeatable else None
                if pause is None:
                    raise request.given_up(error) from None
                await asyncio.sleep(pause)
            else:
                return request.decoded(msgspec.json.decode(answer))

    def _in_project(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"project": self._project} | params if self._project else params

    async def _connected(self) -> Wire:
        async with self._connecting:
            if self._wire is None or not self._wire.is_open:
                await self.close()
                self._wire = await Wire.open(self._socket)
                self._was_connected = True
            return self._wire

    async def wait(self, job: str, timeout_seconds: float | None = None) -> Job:
        """Wait until a job is final or the time is up; `is_finished` tells."""
        return (await self.wait_many([job], timeout_seconds))[0]

    async def wait_many(
        self, jobs: Sequence[str], timeout_seconds: float | None = None, *, until: str = "all"
    ) -> list[Job]:
        """Wait until all of the jobs (`until="any"`: one of them) are final or the time is up."""
        clock = asyncio.get_running_loop().time
        deadline = None if timeout_seconds is None else clock() + timeout_seconds
        done = any if until == "any" else all
        while True:
            left = WAIT_SECONDS if deadline is None else max(0.0, min(deadline - clock(), WAIT_SECONDS))
            found = (await self.job.wait_many(jobs, left, until=until)).jobs
            if done(job.is_finished for job in found) or (deadline is not None and clock() >= deadline):
                return found

    async def log(
        self, job: str, *, follow: bool = False, stream: str | None = None, row: str | None = None
    ) -> AsyncIterator[LogFrame]:
        """Give a job's log frame by frame; with `follow`, until the job has ended."""
        place = LogPlace(job, follow, stream=stream, row=row)
        while (page := place.next()) is not None:
            for frame in place.take(await self.perform(page)):
                yield frame

    async def jobs(self, **filters: Any) -> AsyncIterator[Job]:
        """Give all jobs that pass the filters of `job.list`, page after page."""
        cursor = None
        while True:
            page = await self.job.list(limit=1000, cursor=cursor, **filters)
            for job in page.jobs:
                yield job
            cursor = page.next_cursor
            if cursor is None:
                return

    async def events(
        self, *, after: int | None = None, kinds: Sequence[str] | None = None, job: str | None = None
    ) -> AsyncIterator[Event]:
        """Give events as they happen, each once and in order, also over a restart of the daemon.

        Those that are kept no more come as one event of kind `event.lost` whose data says `from` and `to`.
        Raises NotFound for the `job`, and NotReachable or ConnectionLost when the daemon stays away.
        """
        place = EventPlace(after, kinds=kinds, job=job)
        pauses = Pauses(self._reconnect_seconds)
        was_connected = False
        while True:
            try:
                wire = await Wire.open(self._socket)
                try:
                    was_connected = True
                    answer = await wire.call("event.subscribe", self._in_project(place.subscribe()))
                    place.subscribed(msgspec.json.decode(answer)["cursor"])
                    pauses = Pauses(self._reconnect_seconds)
                    async for event in self._pushed(wire, place):
                        yield event
                finally:
                    await wire.close()
            except (NotReachable, Unavailable):
                pause = pauses.next()
                if pause is None or not was_connected:
                    raise
                await asyncio.sleep(pause)

    async def _pushed(self, wire: Wire, place: EventPlace) -> AsyncIterator[Event]:
        while (message := await wire.notifications.get()) is not None:
            events = place.take(str(message.method), msgspec.json.decode(message.params))
            while (gap := place.gap()) is not None:
                for event in place.fill(await self.perform(gap)):
                    yield event
            for event in events:
                yield event
        raise ConnectionLost(f"The daemon at {wire.path} closed the connection.")
