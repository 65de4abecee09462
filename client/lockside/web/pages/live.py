"""`/live`: changes as server-sent events, one stream per tab.

A message says that something changed; the script then requests its page again, so pages are rendered in one
place and nothing is missed or shown twice. Log output is sent in the message. A slow reader blocks nobody:
its changes are merged, and of a log it gets the end.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from lockside.cli.jobs.log_lines import LineMaker
from lockside.cli.terminal.sanitize import shown_log
from lockside.errors import LocksideError, NotReachable, Unavailable
from lockside.web.callers import Caller
from lockside.web.pages.desk import Desk
from lockside.web.pages.logs import last_of, shown_line
from lockside.web.sessions import Session
from lockside.web.visitors import Unwelcome, Visitors

Json = dict[str, Any]

MOST_OF_ONE: Final = 4
"""The most streams of one session: a browser has six connections to a host."""
_PAUSE_SECONDS: Final = 0.25
_LOG_PAUSE_SECONDS: Final = 0.1
_COMMENT_SECONDS: Final = 15.0
_AWAY_SECONDS: Final = 0.5
_LOG_FRAMES: Final = 1000
_LOG_LINES: Final = 2000
_REST: Final = 2_000


class Reader:
    """One stream: its pending messages."""

    def __init__(self, topics: list[str], after: int | None = None) -> None:
        self._kinds = tuple(topic for topic in topics if ":" not in topic)
        self._jobs = frozenset(topic[4:] for topic in topics if topic.startswith("job:"))
        self._changed = None if after is None else {"seq": after}
        self._log: Json | None = None
        self._state: str | None = None
        self._is_over = False
        self._woken = asyncio.Event()
        if after is not None:
            self._woken.set()
        self._room = asyncio.Event()
        self._room.set()

    def take(self, event: Json) -> None:
        """Note an event, if it matches the stream's topics."""
        if event["kind"].startswith(self._kinds) or self._jobs.intersection(_jobs_of(event)):
            self._changed = {"seq": max(event["seq"], (self._changed or {}).get("seq", 0))}
            self._woken.set()

    def turn(self, state: str) -> None:
        """Send that the daemon is `away` or `back`."""
        self._state = state
        self._woken.set()

    def end(self) -> None:
        """End the stream: the answer to a reconnection gives the reason."""
        self._is_over = True
        self._woken.set()

    async def put_log(self, part: Json) -> None:
        """Send a part of a log; waits until the previous one was taken."""
        await self._room.wait()
        self._room.clear()
        self._log = part
        self._woken.set()

    async def messages(self) -> AsyncIterator[str]:
        """Yield the text of the stream."""
        yield ": a stream of lockside\n\n"
        while not self._is_over:
            try:
                async with asyncio.timeout(_COMMENT_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                yield ":\n\n"
                continue
            self._woken.clear()
            if self._state is not None:
                state, self._state = self._state, None
                yield f"event: {state}\ndata: {{}}\n\n"
            if self._log is not None:
                part, self._log = self._log, None
                self._room.set()
                yield f"event: log\ndata: {json.dumps(part)}\n\n"
            if self._changed is not None:
                changed, self._changed = self._changed, None
                yield f"id: {changed['seq']}\nevent: changed\ndata: {json.dumps(changed)}\n\n"
                await asyncio.sleep(_PAUSE_SECONDS if self._log is None else 0)


def _jobs_of(event: Json) -> list[str]:
    """Return the job of an event and all jobs above it."""
    return [*str(event.get("runId") or "").split("."), str(event.get("job") or "")]


class Feed:
    """The only subscription of a caller in a project, and all its readers."""

    def __init__(self, caller: Caller, project: str | None) -> None:
        self._caller = caller
        self._project = project
        self._readers: set[Reader] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, reader: Reader) -> None:
        """Add a reader."""
        self._readers.add(reader)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._feed(), name="events of a caller")

    def leave(self, reader: Reader) -> bool:
        """Remove a reader; return True if it was the last one, which ends the subscription."""
        self._readers.discard(reader)
        if not self._readers and self._task is not None:
            self._task.cancel()
        return not self._readers

    async def _feed(self) -> None:
        cursor: int | None = None
        is_away = False
        while True:
            try:
                if is_away:
                    await self._caller.call("daemon.health")
                    is_away = False
                    self._tell("back")
                async for event in self._caller.events(cursor, self._project):
                    cursor = event["seq"] or cursor
                    for reader in self._readers:
                        reader.take(event)
            except (NotReachable, Unavailable):
                pass
            except LocksideError:  # the token was revoked
                for reader in self._readers:
                    reader.end()
                return
            if not is_away:
                self._tell("away")
            is_away = True
            await asyncio.sleep(_AWAY_SECONDS)

    def _tell(self, state: str) -> None:
        for reader in self._readers:
            reader.turn(state)


class _Stream(StreamingResponse):
    """A response that calls `left` at its end, even if it was never started."""

    def __init__(self, left: Callable[[], None], *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left()


class Live:
    """The route."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._feeds: dict[tuple[Caller, str | None], Feed] = {}
        self._of_session: Counter[Session | Caller] = Counter()

    async def stream(self, request: Request) -> Response:
        """Serve `/live?topics=job,pool,job:17,log:17:120`: prefixes of event kinds, jobs, and a log.

        The frame of a log may be followed by its stream and row: `log:17:120:stderr:eu`. A reconnection is
        told about changes that it may have missed.
        """
        try:
            visitor = await self._visitors.of(request)
        except Unwelcome as refused:
            return Response(refused.message, refused.status)
        except LocksideError as error:
            return Response(error.message, 503, {"Retry-After": "5"})
        session = visitor.session or visitor.caller
        if self._of_session[session] >= MOST_OF_ONE:
            return Response(status_code=204)
        self._of_session[session] += 1
        topics = [topic for topic in request.query_params.get("topics", "").split(",") if topic][:20]
        desk = Desk(request, visitor)
        after = request.headers.get("last-event-id", "")
        headers = {"X-Accel-Buffering": "no"}
        messages = self._messages(desk, topics, int(after) if after.isdecimal() else None)
        return _Stream(
            partial(self._left, session), messages, media_type="text/event-stream", headers=headers
        )

    def _left(self, session: Session | Caller) -> None:
        self._of_session[session] -= 1
        if not self._of_session[session]:
            del self._of_session[session]

    async def _messages(self, desk: Desk, topics: list[str], after: int | None) -> AsyncIterator[str]:
        whose = (desk.visitor.caller, desk.project)
        reader = Reader(topics, after)
        feed = self._feeds.setdefault(whose, Feed(*whose))
        feed.join(reader)
        logs = [
            asyncio.create_task(_follow(desk, topic, reader)) for topic in topics if topic.startswith("log:")
        ]
        try:
            async for message in reader.messages():
                if not self._visitors.knows(desk.visitor):
                    return
                yield message
        finally:
            for task in logs:
                task.cancel()
            if feed.leave(reader):
                self._feeds.pop(whose, None)


async def _follow(desk: Desk, topic: str, reader: Reader) -> None:
    """Send the output of a job after a frame until its log is complete."""
    job, begin, stream, row = (*topic.split(":", 4)[1:], "", "", "")[:4]
    offset = int(begin) if begin.isdecimal() else 0
    asked = {"tail": _LOG_FRAMES, "waitSeconds": 25, "stream": stream or None, "row": row or None}
    maker = LineMaker(job)
    while True:
        try:
            part = await _read_part(desk, maker, job, offset, asked)
        except (NotReachable, Unavailable):
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        except LocksideError:
            return
        if part["next"] != offset or part["isComplete"]:
            await reader.put_log(part)
        offset = part["next"]
        if part["isComplete"]:
            return
        await asyncio.sleep(_LOG_PAUSE_SECONDS)


async def _read_part(desk: Desk, maker: LineMaker, job: str, offset: int, asked: Json) -> Json:
    """Return the next message of a log. Its page is released: it takes a megabyte per idle reader."""
    return _part(maker, await desk.call("job.log", id=job, offset=offset, **asked), offset)


def _part(maker: LineMaker, page: Json, offset: int) -> Json:
    """Return a page of a log as a message: its last lines, and whether earlier ones were omitted."""
    made = [line for frame in page["frames"] for line in maker.take(frame)]
    if page["isComplete"]:
        made += maker.rest()
    shown = last_of([shown_line(line) for line in made[-_LOG_LINES:]], _LOG_LINES)
    first = page["frames"][0]["seq"] if page["frames"] else offset
    return {
        "lines": shown,
        "skipped": first > offset or len(shown) < len(made),
        "rest": shown_log(maker.unfinished()[-_REST:], coloured=False),
        "next": page["nextOffset"],
        "isComplete": page["isComplete"],
    }
