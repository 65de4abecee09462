"""`logs`: the output of one job unchanged, or lines of several jobs, filtered and sorted by time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.jobs import describe
from lockside.cli.jobs.job_tree import load_tree
from lockside.cli.jobs.log_frames import FramePrinter, frames, gets_bytes
from lockside.cli.jobs.log_lines import LineMaker, LinePrinter, LogLine, last_state, lines_of
from lockside.cli.session import Json, Session
from lockside.cli.terminal.region import Region
from lockside.cli.terminal.sanitize import shown_log
from lockside.log_text import LEVEL_WORDS

_FIELDS = ["id", "runId", "type", "name", "component", "config", "creator", "attempt", "status", "isFinished"]
_FIELDS += ["configData", "starts", "parentRunId", "reasons"]


def logs(session: Session, parsed: Parsed) -> int:
    roots = [
        session.call_patiently("job.get", id=session.job_id(reference), fields=_FIELDS)
        for reference in parsed.many("job")
    ]
    wanted = _Wanted(parsed, roots)
    try:
        if wanted.is_plain and not session.out.terminal:
            _print_unchanged(session, parsed, str(roots[0]["id"]), wanted)
        else:
            _Merged(session, parsed, roots, wanted).show()
    except KeyboardInterrupt:
        from lockside.cli.jobs.wait import detached

        return detached(session, [str(root["id"]) for root in roots], "logs -f")
    if session.out.terminal and len(roots) == 1:
        _tell_end(session, str(roots[0]["id"]), parsed.flag("follow"))
    return exits.DONE


class _Wanted:
    """The selected logs and lines."""

    def __init__(self, parsed: Parsed, roots: list[Json]) -> None:
        self.stream = next((name for name in ("stdout", "stderr", "gelf") if parsed.flag(name)), None)
        self.level = _level(parsed.text("level"))
        self.row = parsed.text("row")
        self.since = times.wire_since(parsed.text("since"), "logs")
        self.pattern = _pattern(parsed.text("grep"))
        self.count = None if parsed.number("lines") is None else int(parsed.number("lines") or 0)
        self.children = parsed.flag("children") or (self.row is None and any(map(_is_container, roots)))
        self.is_many = len(roots) > 1 or self.children
        chosen = self.since or self.pattern or self.count is not None or parsed.flag("times")
        self.is_plain = not (self.is_many or chosen)


def _is_container(job: Json) -> bool:
    """Return whether a job has no log of its own; that of a retried job has its attempts' output."""
    return job.get("type") in describe.CONTAINERS and job.get("type") != "retryContainer"


def _level(text: str | None) -> int | None:
    return None if text is None else LEVEL_WORDS.index(text)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    import re

    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"--grep: '{text}' is not a regular expression: {error}.", "logs") from error


def _print_unchanged(session: Session, parsed: Parsed, job: str, wanted: _Wanted) -> None:
    printer = FramePrinter(session)
    follow, raw = parsed.flag("follow"), gets_bytes(session.out)
    for frame in frames(session, job, follow, wanted.stream, wanted.row, level=wanted.level, raw=raw):
        printer.show(frame)


class _Merged:
    """The lines of several jobs, or some lines of one: first the existing ones, by time, then new ones live.
    On a terminal an unfinished line is shown below the others and updated.
    """

    def __init__(self, session: Session, parsed: Parsed, roots: list[Json], wanted: _Wanted) -> None:
        self._session = session
        self._roots = roots
        self._wanted = wanted
        self._follow = parsed.flag("follow")
        self._region = Region(session.out)
        self._printer = LinePrinter(
            session.out, wanted.since, wanted.pattern, parsed.flag("times"), self._region.above
        )
        self._makers: dict[str, LineMaker] = {}
        self._places: dict[str, int] = {}

    def show(self) -> None:
        """Print the lines."""
        found = self._jobs()
        if self._wanted.is_many:
            self._printer.name(found)
        self._printer.show(self._last(self._history(found)))
        if self._follow:
            if self._session.out.terminal:
                self._session.aside = self._region.above
            self._tell_waiting()
            self._draw_unfinished()
            self._follow_on()
            self._session.aside = None
        self._region.clear()
        for maker in self._makers.values():
            self._printer.show(maker.rest())

    def _jobs(self) -> list[Json]:
        """Return the jobs whose logs are shown, without duplicates."""
        if not self._wanted.children:
            return self._roots
        found = {}
        for root in self._roots:
            for job in load_tree(self._session, str(root["runId"]), _FIELDS):
                if job["type"] not in describe.CONTAINERS and job.get("starts"):
                    found[job["id"]] = job
        return list(found.values())

    def _history(self, found: list[Json]) -> Iterator[LogLine]:
        from heapq import merge

        streams = [self._lines(str(job["id"])) for job in found]
        merged = (
            merge(*streams, key=lambda line: line.time) if len(streams) > 1 else (streams or [iter(())])[0]
        )
        return (line for line in merged if self._printer.wants(line))

    def _lines(self, job: str) -> Iterator[LogLine]:
        maker = self._makers.setdefault(job, LineMaker(job))
        wanted = self._wanted
        yield from lines_of(
            self._session, job, wanted.stream, wanted.row, self._places, maker, level=wanted.level
        )
        if not self._follow:
            yield from maker.rest()

    def _last(self, lines: Iterator[LogLine]) -> Iterator[LogLine]:
        if self._wanted.count is None:
            return lines
        from collections import deque

        return iter(deque(lines, maxlen=self._wanted.count))

    def _follow_on(self) -> None:
        from lockside.cli.jobs.job_stream import JobStream

        followed = JobStream(
            self._session,
            self._roots,
            children=self._wanted.children,
            news=False,
            stream=self._wanted.stream,
            row=self._wanted.row,
            level=self._wanted.level,
            places=self._places,
        )
        for job, new in followed.steps(None):
            if job is None or not new:
                continue
            if self._wanted.is_many:
                self._printer.name([job])
            maker = self._makers.setdefault(str(job["id"]), LineMaker(str(job["id"])))
            self._printer.show(line for frame in new for line in maker.take(frame))
            self._draw_unfinished()

    def _tell_waiting(self) -> None:
        """Print which jobs have not started and thus have no log yet."""
        for root in self._roots:
            if root["status"] in describe.NOT_STARTED:
                self._session.out.hint(f"-- {describe.called(root)} waits: {describe.detail(root)}")

    def _draw_unfinished(self) -> None:
        texts = [shown_log(last_state(one.unfinished()), coloured=False) for one in self._makers.values()]
        out = self._session.out
        self._region.draw([out.spans([(text, "dim")], out.width - 1) for text in texts if text])


def _tell_end(session: Session, number: str, followed: bool) -> None:
    job = session.call_patiently("job.get", id=number)
    if job["isFinished"]:
        session.out.hint(f"-- {describe.called(job)}: {describe.ending(job)}")
    elif job["status"] in describe.NOT_STARTED:
        session.out.hint(f"-- {describe.called(job)} has not started; lockside why {number}")
    elif not followed:
        session.out.hint(f"-- it goes on; lockside logs -f {number} follows it")
