"""The client's engine: calls, waits, logs, lists and events that survive a restart of the daemon. The library
and the command line are built on it. It uses only the standard library and returns plain dictionaries. It
consists of coroutines over a `Link`, which does all I/O. The asyncio link suspends them; the blocking link
never does, so `run` and `each` need no event loop.
"""

from __future__ import annotations

from functools import partial
from time import monotonic

from lockside.errors import LocksideError, NotReachable, Unavailable
from lockside.own_job import filled, meant_project
from lockside.pages import PAGE, Pages, Part, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence
    from typing import Any, Protocol, TypeVar

    Json = dict[str, Any]
    T = TypeVar("T")

    class Stream(Protocol):
        """A connection of one caller, with its notifications."""

        async def call(self, method: str, params: Json) -> Any: ...
        async def next_notification(self) -> tuple[str, Json]: ...
        async def close(self) -> None: ...

    class Link(Protocol):
        """The connections to a daemon: calls over connections that it manages, and streams."""

        was_connected: bool
        socket: str | None

        async def call(self, method: str, params: Json) -> Any: ...
        async def open(self) -> Stream: ...
        async def pause(self, seconds: float) -> None: ...


RECONNECT_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
WAIT_SECONDS = 600.0
FOLLOW_SECONDS = 25.0
NULL = object()
"""Sent as null; parameters that are None are not sent."""
PROGRESS = "job.progress"
LOST = "event.lost"
_FRAMES = 1000


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the engine over a blocking link, where it never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("A blocking link must not suspend.")


def each(steps: AsyncGenerator[T, None]) -> Iterator[T]:
    """Iterate over an asynchronous generator of the engine over a blocking link."""
    try:
        while True:
            try:
                step = run(steps.__anext__())
            except StopAsyncIteration:
                return
            yield step
    finally:
        run(steps.aclose())


def is_held(method: str, params: Json) -> bool:
    """Return whether the daemon may delay the answer until something happens."""
    return method in {"job.wait", "action.run"} or bool(params.get("waitSeconds"))


def closed() -> LocksideError:
    """Return the error of a client that is used after `close`."""
    return LocksideError("This client is closed.", remedy="Create a new one, or close it later.")


class Engine:
    """Calls a daemon over a link. `away` is called once with the error when the daemon goes away."""

    def __init__(
        self,
        link: Link,
        project: str | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS,
        away: Callable[[LocksideError], None] | None = None,
    ) -> None:
        self._link = link
        self.project = project or meant_project(link.socket)
        self._reconnect_seconds = reconnect_seconds
        self._away = away

    async def call(self, method: str, params: Json, *, is_repeatable: bool = True) -> Any:
        """Call the daemon; a call that `is_repeatable` is sent again while the daemon is away. A list has as
        many entries as requested, and `catalog.apply` may be of any length.
        """
        given = self.given(method, params)
        if method == "catalog.apply":
            parts, given = cut(given)
            if parts:
                return await self._persist(partial(self._apply, parts, given), is_repeatable)
        pages = Pages(method, given)
        async for page in self._read(pages, is_repeatable):
            pages.join(page)
        return pages.answer

    def pages(self, method: str, params: Json) -> AsyncGenerator[Json, None]:
        """Read a list to its end; yields the daemon's pages."""
        return self._read(Pages.of_all(method, self.given(method, params)))

    async def _read(self, pages: Pages, is_repeatable: bool = True) -> AsyncGenerator[Json, None]:
        while pages.asked is not None:
            page = await self._persist(partial(self._link.call, pages.method, pages.asked), is_repeatable)
            pages.take(page)
            yield page

    async def _apply(self, parts: Sequence[Part], params: Json) -> Any:
        """Send everything over one connection: the daemon keeps the parts only while it is open."""
        stream = await self._link.open()
        try:
            for part in parts:
                try:
                    await stream.call("catalog.stage", part.params)
                except LocksideError as error:
                    raise part.located(error) from None
            return await stream.call("catalog.apply", params)
        finally:
            await stream.close()

    async def _persist(self, send: Callable[[], Awaitable[Any]], is_repeatable: bool) -> Any:
        """Send, and if repeatable send again while the daemon is away."""
        absence = self.absence()
        while True:
            try:
                return await send()
            except (NotReachable, Unavailable) as error:
                if not (is_repeatable and await absence.goes_on(error)):
                    raise

    def given(self, method: str, params: Json) -> Json:
        """Return the parameters to send: those that are not None, the project, and those of the own job."""
        asked = filled(method, params, self._link.socket)
        given = {name: None if value is NULL else value for name, value in asked.items() if value is not None}
        if self.project and not method.startswith(("daemon.", "rpc.")):
            given.setdefault("project", self.project)
        return given

    def absence(self) -> Absence:
        """Start to measure how long the daemon is away."""
        return Absence(self._link, self._reconnect_seconds, self._away)

    async def wait(
        self, ids: Sequence[str], timeout_seconds: float | None = None, until: str = "all", **more: Any
    ) -> list[Json]:
        """Wait until all jobs (`until="any"`: one of them) are final or the time is up."""
        deadline = None if timeout_seconds is None else monotonic() + timeout_seconds
        done = any if until == "any" else all
        asked = {"ids": list(ids), "until": until, **more}
        while True:
            left = WAIT_SECONDS if deadline is None else max(0.0, min(deadline - monotonic(), WAIT_SECONDS))
            found: list[Json] = (await self.call("job.wait", asked | {"timeoutSeconds": left}))["jobs"]
            is_over = deadline is not None and monotonic() >= deadline
            if is_over or done(job["isFinished"] for job in found):
                return found

    async def log(self, job: str, *, follow: bool, **filters: Any) -> AsyncGenerator[Json, None]:
        """Read a job's log page by page; with `follow`, until the job has ended."""
        asked = {"id": job, "limit": _FRAMES, "waitSeconds": FOLLOW_SECONDS if follow else None, **filters}
        offset = 0
        while True:
            page = await self.call("job.log", asked | {"offset": offset})
            yield page
            has_moved = page["nextOffset"] != offset
            offset = page["nextOffset"]
            if page["isComplete"] and not (page["frames"] and has_moved):
                return
            if not follow and not has_moved:
                return

    async def events(self, after: int | None, filters: Json) -> AsyncGenerator[Json, None]:
        """Yield events as they happen, each once and in order. Events that are no longer stored are replaced
        by one event of kind `event.lost` with `from` and `to` in its data.
        """
        seen = Seen(after)
        absence = self.absence()
        while True:
            try:
                stream = await self._link.open()
                try:
                    asked = self.given("event.subscribe", filters | {"after": seen.cursor})
                    answer = await stream.call("event.subscribe", asked)
                    seen.begin(answer["cursor"])
                    absence = self.absence()
                    while True:
                        method, params = await stream.next_notification()
                        if method == LOST:
                            async for event in self._gap(seen, filters, params):
                                yield event
                        else:
                            for event in seen.new(params["events"]):
                                yield event
                finally:
                    await stream.close()
            except (NotReachable, Unavailable) as error:
                if not await absence.goes_on(error):
                    raise

    async def _gap(self, seen: Seen, filters: Json, lost: Json) -> AsyncGenerator[Json, None]:
        """Read the events that a subscription has skipped."""
        first, last = lost["from"], lost["to"]
        asked = filters | {"after": first - 1, "limit": min(last - first + 1, PAGE)}
        async for page in self.pages("event.list", asked):
            missing = [_missing(page["lost"])] if page.get("lost") else []
            found = [event for event in page["events"] if event["seq"] <= last]
            for event in seen.new([*missing, *found]):
                yield event
            if page["cursor"] >= last:
                return


def _missing(lost: Json) -> Json:
    data = {"from": lost["from"], "to": lost["to"]}
    return {"seq": lost["to"], "time": "", "kind": LOST, "data": data}


class Seen:
    """The events already yielded: all up to `cursor`."""

    def __init__(self, cursor: int | None) -> None:
        self.cursor = cursor

    def begin(self, cursor: int) -> None:
        """Record where the first subscription began: without events the next one starts there, too."""
        if self.cursor is None:
            self.cursor = cursor

    def new(self, events: Sequence[Json]) -> list[Json]:
        """Return the new events; progress of jobs is not stored and does not move the cursor."""
        new = []
        for event in events:
            if event["kind"] == PROGRESS:
                new.append(event)
            elif self.cursor is None or event["seq"] > self.cursor:
                new.append(event)
                self.cursor = event["seq"]
        return new


class Absence:
    """A period without a daemon: reported once, waited for in growing pauses, and finally given up. It polls
    because a missing socket sends no event when it returns.
    """

    def __init__(self, link: Link, seconds: float, away: Callable[[LocksideError], None] | None) -> None:
        self._link = link
        self._left_seconds = seconds
        self._next_seconds = FIRST_PAUSE_SECONDS
        self._away = away

    async def goes_on(self, error: LocksideError) -> bool:
        """Pause before the next try; False if the daemon never answered, or has been away for too long."""
        if self._left_seconds <= 0 or not self._link.was_connected:
            return False
        if self._away is not None:
            self._away(error)
            self._away = None
        pause = self._next_seconds
        self._left_seconds -= pause
        self._next_seconds = min(2 * pause, LONGEST_PAUSE_SECONDS)
        await self._link.pause(pause)
        return True
