"""The blocking client, for scripts: one connection, one call at a time, over restarts of the daemon.

One client belongs to one thread; iterators open a connection of their own.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Self, TypeVar

from lockside.errors import LocksideError, NotReachable, Unavailable
from lockside.methods import Methods
from lockside.pauses import Pauses
from lockside.protocol.types.events import Event
from lockside.protocol.types.jobs import Job
from lockside.protocol.types.logs import LogFrame
from lockside.requests import Blocking, Request
from lockside.streams import EventPlace, LogPlace
from lockside.transport import Connection

T = TypeVar("T")

RECONNECT_SECONDS = 60.0
WAIT_SECONDS = 600.0


class Client(Methods[Blocking]):
    """A daemon, as a script sees it.

    Without `socket` the usual places are tried. When the daemon goes away, calls are sent again until it has
    been away for `reconnect_seconds`; what creates or changes something is done once all the same.
    """

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
        self._connection: Connection | None = None
        self._was_connected = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def perform(self, request: Request[T]) -> T:
        """Send a call and give its result; raises the error's own class."""
        params = self._in_project(request.params)
        pauses = Pauses(self._reconnect_seconds)
        while True:
            try:
                return request.decoded(self._called(request.method, params))
            except (NotReachable, Unavailable) as error:
                self.close()
                pause = pauses.next() if self._was_connected and request.is_repeatable else None
                if pause is None:
                    raise request.given_up(error) from None
                time.sleep(pause)

    def _called(self, method: str, params: dict[str, Any]) -> Any:
        """Call over the connection; one that was interrupted in the middle is not used again."""
        try:
            return self._connected().call(method, params)
        except LocksideError:
            raise
        except BaseException:
            self.close()
            raise

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = Connection.open(self._socket)
            self._was_connected = True
        return self._connection

    def wait(self, job: str, timeout_seconds: float | None = None) -> Job:
        """Wait until a job is final or the time is up; `is_finished` tells."""
        return self.wait_many([job], timeout_seconds)[0]

    def wait_many(
        self, jobs: Sequence[str], timeout_seconds: float | None = None, *, until: str = "all"
    ) -> list[Job]:
        """Wait until all of the jobs (`until="any"`: one of them) are final or the time is up."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        done = any if until == "any" else all
        while True:
            left = (
                WAIT_SECONDS if deadline is None else max(0.0, min(deadline - time.monotonic(), WAIT_SECONDS))
            )
            found = self.job.wait_many(jobs, left, until=until).jobs
            if done(job.is_finished for job in found) or (
                deadline is not None and time.monotonic() >= deadline
            ):
                return found

    def log(
        self, job: str, *, follow: bool = False, stream: str | None = None, row: str | None = None
    ) -> Iterator[LogFrame]:
        """Give a job's log frame by frame; with `follow`, until the job has ended."""
        place = LogPlace(job, follow, stream=stream, row=row)
        while (page := place.next()) is not None:
            yield from place.take(self.perform(page))

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """Give all jobs that pass the filters of `job.list`, page after page."""
        cursor = None
        while True:
            page = self.job.list(limit=1000, cursor=cursor, **filters)
            yield from page.jobs
            cursor = page.next_cursor
            if cursor is None:
                return

    def events(
        self, *, after: int | None = None, kinds: Sequence[str] | None = None, job: str | None = None
    ) -> Generator[Event, None, None]:
        """Give events as they happen, each once and in order, also over a restart of the daemon.

        Those that are kept no more come as one event of kind `event.lost` whose data says `from` and `to`.
        Raises NotFound for the `job`, and NotReachable or ConnectionLost when the daemon stays away.
        """
        place = EventPlace(after, kinds=kinds, job=job)
        pauses = Pauses(self._reconnect_seconds)
        was_connected = False
        while True:
            try:
                with Connection.open(self._socket) as connection:
                    was_connected = True
                    place.subscribed(
                        connection.call("event.subscribe", self._in_project(place.subscribe()))["cursor"]
                    )
                    pauses = Pauses(self._reconnect_seconds)
                    yield from self._pushed(connection, place)
            except (NotReachable, Unavailable):
                pause = pauses.next()
                if pause is None or not was_connected:
                    raise
                time.sleep(pause)

    def _in_project(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"project": self._project} | params if self._project else params

    def _pushed(self, connection: Connection, place: EventPlace) -> Iterator[Event]:
        while True:
            events = place.take(*connection.notification())
            while (gap := place.gap()) is not None:
                yield from place.fill(self.perform(gap))
            yield from events
