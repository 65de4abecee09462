"""The blocking client, for scripts. One client serves any number of threads, and forked processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any, Self, TypeVar

from lockside.blocking import BlockingLink
from lockside.calls import call_of
from lockside.errors import NotReachable, Unavailable
from lockside.forks import abandon_in_children
from lockside.methods import Methods
from lockside.protocol.methods import METHODS
from lockside.protocol.types.events import Event
from lockside.protocol.types.jobs import Job, JobPage
from lockside.protocol.types.logs import LogFrame, LogPage
from lockside.requests import Request, spelt, typed
from lockside.session import RECONNECT_SECONDS, Engine, each, run

T = TypeVar("T")


class Client(Methods):
    """A daemon's client for scripts.

    Without `socket` the usual paths are tried. If the daemon goes away, calls are sent again until it has
    been away for `reconnect_seconds`; calls that create or change something still take effect only once.

    Threads may call at the same time: each running call has its own connection. A forked child opens its own
    connections.
    """

    def __init__(
        self,
        socket: str | None = None,
        *,
        project: str | None = None,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        super().__init__(self.perform)
        self._link = BlockingLink(socket)
        self._engine = Engine(self._link, project, reconnect_seconds)
        abandon_in_children(self._link)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections for good; calls of other threads end with an error."""
        self._link.close()

    def perform(self, request: Request[T]) -> T:
        """Send a call and return its result; raises the class of the error."""
        asked = self._engine.call(request.method, request.params, is_repeatable=request.is_repeatable)
        try:
            return request.decoded(run(asked))
        except (NotReachable, Unavailable) as error:
            raise request.given_up(error) from None

    def wait(self, job: str, timeout_seconds: float | None = None) -> Job:
        """Wait until a job is final or the time is up; see its `is_finished`."""
        return self.wait_many([job], timeout_seconds)[0]

    def wait_many(
        self, jobs: Sequence[str], timeout_seconds: float | None = None, *, until: str = "all"
    ) -> list[Job]:
        """Wait until all jobs (`until="any"`: one of them) are final or the time is up."""
        found: list[Job] = typed(run(self._engine.wait(jobs, timeout_seconds, until)), list[Job], "job.wait")
        return found

    def log(
        self,
        job: str,
        *,
        follow: bool = False,
        stream: str | None = None,
        row: str | None = None,
        level: int | None = None,
    ) -> Iterator[LogFrame]:
        """Yield the frames of a job's log; with `follow`, until the job has ended."""
        filters = spelt({"stream": stream, "row": row, "level": level})
        for page in each(self._engine.log(job, follow=follow, **filters)):
            yield from typed(page, LogPage, "job.log").frames

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """Yield all jobs that match the filters of `job.list`, reading page by page."""
        asked = call_of(METHODS["job.list"]).request((), filters).params
        for page in each(self._engine.pages("job.list", asked)):
            yield from typed(page, JobPage, "job.list").jobs

    def events(
        self, *, after: int | None = None, kinds: Sequence[str] | None = None, job: str | None = None
    ) -> Generator[Event, None, None]:
        """Yield events as they happen, each once and in order, even across a restart of the daemon. Events
        that are no longer stored are replaced by one event of kind `event.lost` with `from` and `to` in its
        data. Raises NotFound for the `job`, and NotReachable or ConnectionLost if the daemon stays away.
        """
        for event in each(self._engine.events(after, spelt({"kinds": kinds, "job": job}))):
            yield typed(event, Event, "event.subscribe")
