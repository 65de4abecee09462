"""The lines of logs: assembled from frames, filtered, and printed with their job and time."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from lockside.cli.jobs import describe
from lockside.cli.jobs.log_frames import aside, frames
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Output, fit, pad
from lockside.cli.terminal.sanitize import shown_log
from lockside.log_text import text_of

_LABEL_COLOURS = ("cyan", "green", "magenta", "blue", "yellow")
_LONGEST_LABEL = 30
_ERROR, _WARNING = 3, 4
_AT_ONCE = 500
_SHOWN_OF_UNFINISHED = 1 << 16


class LogLine:
    """One line of a job's log, without its line end; `stream` is None for a gap or a mark."""

    __slots__ = ("frame", "job", "stream", "text", "time")

    def __init__(self, job: str, time: str, stream: str | None, text: str, frame: Json) -> None:
        self.job = job
        self.time = time
        self.stream = stream
        self.text = text
        self.frame = frame


class LineMaker:
    """Assembles lines from one job's frames; an unfinished line is kept until its end."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._open: dict[str, tuple[list[str], Json]] = {}

    def take(self, frame: Json) -> Iterator[LogLine]:
        """Yield the lines that this frame completes."""
        said = aside(frame)
        if said is not None:
            yield from self.rest()
            yield LogLine(self._job, frame["time"], None, said, frame)
            return
        stream = str(frame["stream"])
        pieces, first = self._open.pop(stream, ([], frame))
        *whole, rest = text_of(frame).split("\n")
        for text in whole:
            yield LogLine(self._job, first["time"], stream, "".join([*pieces, text]), first)
            pieces, first = [], frame
        if rest:
            pieces.append(rest)
        if pieces:
            self._open[stream] = (pieces, first)

    def unfinished(self) -> str:
        """Return the unfinished line so far; if it is very long, only its end."""
        return "".join(_end_of(pieces) for pieces, _ in self._open.values())

    def unfinished_from(self) -> int | None:
        """Return the number of the first frame that is part of an unfinished line."""
        return min((frame["seq"] for _, frame in self._open.values()), default=None)

    def rest(self) -> Iterator[LogLine]:
        """Yield the lines without a line end."""
        for stream, (pieces, frame) in self._open.items():
            yield LogLine(self._job, frame["time"], stream, "".join(pieces), frame)
        self._open.clear()


def _end_of(pieces: list[str]) -> str:
    """Join the last pieces only: this runs for every frame, so its time must not grow with the line."""
    kept: list[str] = []
    size = 0
    for piece in reversed(pieces):
        kept.append(piece)
        size += len(piece)
        if size > _SHOWN_OF_UNFINISHED:
            break
    return "".join(reversed(kept))[-_SHOWN_OF_UNFINISHED:]


def lines_of(
    session: Session,
    job: str,
    stream: str | None = None,
    row: str | None = None,
    places: dict[str, int] | None = None,
    maker: LineMaker | None = None,
    *,
    level: int | None = None,
) -> Iterator[LogLine]:
    """Read the lines of a job's log so far; with a `maker` unfinished lines stay in it."""
    making = maker or LineMaker(job)
    for frame in frames(session, job, False, stream, row, places, level=level):
        yield from making.take(frame)
    if maker is None:
        yield from making.rest()


def last_lines(session: Session, job: str, count: int, stream: str | None = None) -> list[str]:
    """Return the last lines of a job's log so far."""
    from collections import deque

    kept = deque((line.text for line in lines_of(session, job, stream) if line.stream), maxlen=count)
    return list(kept)


def last_state(text: str) -> str:
    """Return the final state of a line that was redrawn repeatedly, like a progress bar."""
    return text.rstrip("\r").rpartition("\r")[2]


def _gelf_colour(line: LogLine) -> str:
    level = line.frame.get("level", 7)
    return "red" if level <= _ERROR else "yellow" if level <= _WARNING else ""


class LinePrinter:
    """Prints the lines that pass the filters, with their job's label if it is registered. `write` receives
    text for the terminal; without it each stream goes to its own.
    """

    def __init__(
        self,
        out: Output,
        since: str | None = None,
        pattern: re.Pattern[str] | None = None,
        show_times: bool = False,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._out = out
        self._since = since
        self._pattern = pattern
        self._show_times = show_times
        self._write = write
        self._labels: dict[str, tuple[str, str]] = {}
        self._width = 0

    def name(self, found: Iterable[Json]) -> None:
        """Register jobs whose lines may follow, so that each line is labelled with its job."""
        for job in found:
            if job["id"] not in self._labels:
                colour = _LABEL_COLOURS[len(self._labels) % len(_LABEL_COLOURS)]
                text = fit(describe.label(job), _LONGEST_LABEL - len(str(job["id"])) - 1) + f" {job['id']}"
                self._labels[job["id"]] = (text, colour)
                self._width = max(self._width, len(text))

    def wants(self, line: LogLine) -> bool:
        """Return whether a line passes the filters."""
        if self._since is not None and line.time < self._since:
            return False
        return self._pattern is None or bool(self._pattern.search(line.text))

    def show(self, lines: Iterable[LogLine]) -> None:
        """Print the lines that pass the filters; on a terminal many at a time."""
        wanted = filter(self.wants, lines)
        if not self._out.terminal:
            for line in wanted:
                self._show_one(line)
            return
        while piece := "".join(self._pretty(line) + "\n" for line in islice(wanted, _AT_ONCE)):
            (self._write or self._out.write)(piece)
            self._out.flush()

    def _show_one(self, line: LogLine) -> None:
        if self._out.as_json:
            told = {"job": line.job, "time": line.time, "stream": line.stream, "text": line.text}
            if line.stream == "gelf":
                told |= {name: line.frame[name] for name in ("level", "text", "fields")}
            self._out.json_line(told)
        else:
            self._plain(line)

    def _pretty(self, line: LogLine) -> str:
        from lockside.cli.times import parsed

        # Without colours, a sign marks stderr.
        is_marked = line.stream == "stderr" and not self._out.coloured
        before = "! " if is_marked else ""
        if line.job in self._labels:
            text, colour = self._labels[line.job]
            before = self._out.paint(colour, pad(text, self._width) + (" ! " if is_marked else " │ "))
        if self._show_times:
            stamp = f"{parsed(line.time).astimezone():%H:%M:%S.%f}"[:-3]
            before += self._out.paint("dim", stamp + "  ")
        colour = {"stderr": "yellow", "gelf": _gelf_colour(line), None: "dim"}.get(line.stream, "")
        return before + self._out.paint(colour, shown_log(last_state(line.text), coloured=self._out.coloured))

    def _plain(self, line: LogLine) -> None:
        before = f"{self._labels[line.job][0]} | " if line.job in self._labels else ""
        stamp = line.time + " " if self._show_times else ""
        target = sys.stderr if line.stream in ("stderr", "gelf") else sys.stdout
        target.write(f"{before}{stamp}{line.text}\n")
        target.flush()
