"""Follows jobs: their logs, past and live, their changes, and their end. It prints nothing. One connection
carries a waiting call per log, one for the end, and the events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockside.cli.jobs import describe, job_tree
from lockside.cli.multiplexer import EVENTS, LOST, Arrival, Multiplexer
from lockside.cli.session import Json, Session
from lockside.session import FOLLOW_SECONDS, WAIT_SECONDS

_PAGE = 500
_LOGS_AT_ONCE = 200


class JobStream:
    """The jobs `roots` and, with `children`, all below them; `jobs` has each by its id, kept up to date.
    `places` are the offsets from which logs are read; without `logs` none is read. With `news` it also
    subscribes to the events of a single job.
    """

    def __init__(
        self,
        session: Session,
        roots: Sequence[Json],
        *,
        children: bool,
        news: bool = True,
        logs: bool = True,
        stream: str | None = None,
        row: str | None = None,
        level: int | None = None,
        places: dict[str, int] | None = None,
        raw: bool = False,
    ) -> None:
        self.jobs: dict[str, Json] = {str(root["id"]): dict(root) for root in roots}
        self.roots = list(self.jobs)
        self.ended: list[Json] = []
        self._session = session
        self._children = children
        self._news = news or children or len(roots) > 1
        self._logs = logs
        self._log_filters = {"stream": stream, "row": row, "level": level, "raw": raw or None}
        self._places = dict(places or {})
        self._open: set[str] = set()
        self._queued: list[str] = []
        self._seen: set[str] = set()
        self._asked_about: set[str] = set()

    def steps(self, tick_seconds: float | None) -> Iterator[tuple[Json | None, list[Json]]]:
        """Yield a job with new frames of its log, or with no frames if it changed, until all have ended. With
        `tick_seconds` it yields (None, []) whenever nothing arrived for so long.
        """
        with Multiplexer(self._session) as self._flight:
            self._begin()
            while not self._is_over():
                arrival = self._flight.next(tick_seconds)
                if arrival is None:
                    yield None, []
                else:
                    yield from self._handle(arrival)

    def _begin(self) -> None:
        if self._news:
            only = self.jobs[self.roots[0]].get("runId") if len(self.roots) == 1 else None
            self._flight.watch(runIdPrefix=only)
        self._wait()
        if self._children:
            self._load()
        else:
            for job in list(self.jobs.values()):
                self._read_log(job)

    def _load(self) -> None:
        for root in self.roots:
            for job in job_tree.load_tree(self._session, str(self.jobs[root]["runId"])):
                self.jobs[str(job["id"])] = job
                self._read_log(job)

    def _wait(self) -> None:
        self._flight.ask(
            "end",
            "job.wait",
            ids=self.roots,
            timeoutSeconds=WAIT_SECONDS,
            fields=describe.BRIEF if len(self.roots) > describe.ANSWERED_WHOLE else None,
        )

    def _is_over(self) -> bool:
        """Return whether everything was seen; weak children that continue after the end are ignored."""
        if not self.ended or self._asked_about:
            return False
        return not any(self.jobs[number].get("isFinished") for number in self._open)

    def _read_log(self, job: Json) -> None:
        number = str(job["id"])
        if number in self._seen or not self._has_log(job):
            return
        self._seen.add(number)
        if len(self._open) < _LOGS_AT_ONCE:
            self._ask_log(number)
        else:
            self._queued.append(number)

    def _has_log(self, job: Json) -> bool:
        """Return whether to read a job's log now: for many jobs only after their start, and never for
        containers.
        """
        if not self._logs:
            return False
        if len(self.roots) == 1 and not self._children:
            return True
        is_whole = self._children and (job.get("type") or "standard") != "standard"
        return not is_whole and job["status"] not in describe.NOT_STARTED and bool(job.get("starts", 1))

    def _ask_log(self, number: str) -> None:
        self._open.add(number)
        self._flight.ask(
            ("log", number),
            "job.log",
            id=number,
            offset=self._places.get(number, 0),
            limit=_PAGE,
            waitSeconds=FOLLOW_SECONDS,
            **self._log_filters,
        )

    def _handle(self, arrival: Arrival) -> Iterator[tuple[Json, list[Json]]]:
        match arrival.tag:
            case ("log", str(number)):
                yield from self._handle_log(number, arrival.value)
            case ("job", str(number)):
                self._asked_about.discard(number)
                self.jobs[number] = arrival.value
                self._read_log(arrival.value)
                yield arrival.value, []
            case "end":
                self._handle_end(arrival.value["jobs"])
            case _ if arrival.tag == EVENTS:
                for event in arrival.value:
                    yield from self._handle_event(event)
            case _ if arrival.tag == LOST and self._children:
                self._load()

    def _handle_log(self, number: str, page: Json) -> Iterator[tuple[Json, list[Json]]]:
        moved = page["nextOffset"] != self._places.get(number, 0)
        self._places[number] = page["nextOffset"]
        self._open.discard(number)
        if page["frames"]:
            yield self.jobs[number], page["frames"]
        if page["isComplete"] and not (page["frames"] and moved):
            if self._queued:
                self._ask_log(self._queued.pop(0))
        else:
            self._ask_log(number)

    def _handle_end(self, found: list[Json]) -> None:
        if all(job["isFinished"] for job in found):
            self.ended = [self.jobs[str(job["id"])] | job for job in found]
            self.jobs |= {str(job["id"]): job for job in self.ended}
            if self._children:
                self._load()
        else:
            self._wait()

    def _handle_event(self, event: Json) -> Iterator[tuple[Json, list[Json]]]:
        number = str(event.get("job") or "")
        job = self.jobs.get(number)
        if job is not None:
            if job_tree.update(job, event) and not self.ended:
                self._ask_about(number)
            self._read_log(job)
            yield job, []
        elif self._children and event["kind"] == "job.created" and self._is_below(event):
            self._ask_about(number)

    def _is_below(self, event: Json) -> bool:
        run_id = str(event.get("runId") or "")
        return any(run_id.startswith(f"{self.jobs[root]['runId']}.") for root in self.roots)

    def _ask_about(self, number: str) -> None:
        if number not in self._asked_about:
            self._asked_about.add(number)
            self._flight.ask(("job", number), "job.get", id=number)
