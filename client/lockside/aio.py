"""The asyncio client. One client serves many tasks, event loops and threads, and forked processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Self, TypeVar

from lockside.asyncmethods import AsyncMethods
from lockside.calls import call_of
from lockside.errors import NotReachable, Unavailable
from lockside.forks import abandon_in_children
from lockside.protocol.methods import METHODS
from lockside.protocol.types.events import Event
from lockside.protocol.types.jobs import Job, JobPage
from lockside.protocol.types.logs import LogFrame, LogPage
from lockside.requests import Request, spelt, typed
from lockside.session import RECONNECT_SECONDS, Engine
from lockside.wire import AsyncLink

T = TypeVar("T")


class AsyncClient(AsyncMethods):
    """A daemon's client for asyncio programs; it has the methods of `Client`.

    Any number of calls may run at once: they share a few connections and stay within the daemon's limits.
    Each event loop has its own connections.
    """

    def __init__(
        self,
        socket: str | None = None,
        *,
        project: str | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        super().__init__(self.perform)
        self._link = AsyncLink(socket)
        self._engine = Engine(self._link, project, reconnect_seconds)
        abandon_in_children(self._link)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections for good; calls in flight end with an error."""
        await self._link.close()

    async def perform(self, request: Request[T]) -> T:
        """Send a call and return its result; raises the class of the error."""
        asked = self._engine.call(request.method, request.params, is_repeatable=request.is_repeatable)
        try:
            return request.decoded(await asked)
        except (NotReachable, Unavailable) as error:
            raise request.given_up(error) from None

    async def wait(self, job: str, timeout_seconds: float | None = None) -> Job:
        """Wait until a job is final or the time is up; see its `is_finished`."""
        return (await self.wait_many([job], timeout_seconds))[0]

    async def wait_many(
        self, jobs: Sequence[str], timeout_seconds: float | None = None, *, until: str = "all"
    ) -> list[Job]:
        """Wait until all jobs (`until="any"`: one of them) are final or the time is up."""
        found: list[Job] = typed(await self._engine.wait(jobs, timeout_seconds, until), list[Job], "job.wait")
        return found

    async def log(
        self,
        job: str,
        *,
        follow: bool = False,
        stream: str | None = None,
        row: str | None = None,
        level: int | None = None,
    ) -> AsyncIterator[LogFrame]:
        """Yield the frames of a job's log; with `follow`, until the job has ended."""
        filters = spelt({"stream": stream, "row": row, "level": level})
        async for page in self._engine.log(job, follow=follow, **filters):
            for frame in typed(page, LogPage, "job.log").frames:
                yield frame

    async def jobs(self, **filters: Any) -> AsyncIterator[Job]:
        """Yield all jobs that match the filters of `job.list`, reading page by page."""
        asked = call_of(METHODS["job.list"]).request((), filters).params
        async for page in self._engine.pages("job.list", asked):
            for job in typed(page, JobPage, "job.list").jobs:
                yield job

    async def events(
        self, *, after: int | None = None, kinds: Sequence[str] | None = None, job: str | None = None
    ) -> AsyncIterator[Event]:
        """Yield events as they happen, each once and in order, even across a restart of the daemon. Events
        that are no longer stored are replaced by one event of kind `event.lost` with `from` and `to` in its
        data. Raises NotFound for the `job`, and NotReachable or ConnectionLost if the daemon stays away.
        """
        async with aclosing(self._engine.events(after, spelt({"kinds": kinds, "job": job}))) as events:
            async for event in events:
                yield typed(event, Event, "event.subscribe")
