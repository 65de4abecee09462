"""`timeline`: when a job and all below it waited and ran, on the terminal or as a picture in a file."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe, job_tree
from lockside.cli.jobs.row_times import rows_of
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Output, display_width, fit, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_LEAST_CHART = 20
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_LONG_STEPS = (7200, 14400, 21600, 43200, *(86400 * days for days in (1, 2, 5, 10, 20, 50, 100)))


class Bar:
    """One line of a timeline. Times are seconds after its zero; `begin` is None before the start."""

    __slots__ = ("begin", "created", "detail", "end", "is_container", "job", "lines", "name", "status")

    def __init__(self, job: Json, lines: str, name: str, zero: datetime, now: datetime) -> None:
        self.job = str(job["id"])
        self.lines = lines
        self.name = name
        self.status = str(job["status"])
        self.is_container = job.get("type") in describe.CONTAINERS
        self.detail = "" if self.status in {"success", "processing"} else describe.detail(job)
        self.created = _after(zero, job["createdTime"])
        self.begin = _after(zero, job["startTime"]) if job.get("startTime") else None
        is_live = not job.get("isFinished")
        self.end = (
            (now - zero).total_seconds()
            if is_live
            else _after(zero, job.get("endTime") or job["createdTime"])
        )

    @property
    def waited(self) -> float:
        """The waiting time, in seconds."""
        return (self.end if self.begin is None else self.begin) - self.created

    @property
    def ran(self) -> float | None:
        """The running time, in seconds, or None if it never ran."""
        return None if self.begin is None else self.end - self.begin


class Timeline:
    """The bars of a job and all below it, and the time that they span, in seconds from `zero`.

    A job alone is divided into its rows, or into its stages.
    """

    def __init__(self, found: list[Json], now: datetime, rows: Sequence[Json] = ()) -> None:
        self.job = found[0]
        self.zero = min(times.parsed(job["createdTime"]) for job in found)
        self.bars = [
            Bar(job, lines, job_tree.label(job, bool(lines)), self.zero, now)
            for lines, job in job_tree.tree_rows(found)
        ]
        self.seconds = max(0.001, *(bar.end for bar in self.bars))
        if len(found) == 1:
            self.bars += _rows(rows, self.zero, now) if rows else _stages(found[0], self.zero, now)

    def ticks(self, most: int, begin: float = 0.0, end: float | None = None) -> list[tuple[float, str]]:
        """Return at most so many round times for the axis of a part of it, with their texts."""
        seconds = (self.seconds if end is None else end) - begin
        fitting = (step for step in (*_STEPS, *_LONG_STEPS) if seconds / step <= most)
        step = next(fitting, seconds / most)
        first = ceil(begin / step)
        times_of = [step * count for count in range(first, int((begin + seconds) / step) + 1)]
        return [(at, _tick(at, step)) for at in times_of]


def _after(zero: datetime, text: str) -> float:
    return (times.parsed(text) - zero).total_seconds()


def _rows(rows: Sequence[Json], zero: datetime, now: datetime) -> list[Bar]:
    """Return a bar for each row of a job that runs them one after another."""
    return [Bar(row, "└─ " if row is rows[-1] else "├─ ", describe.part(row), zero, now) for row in rows]


def _stages(job: Json, zero: datetime, now: datetime) -> list[Bar]:
    """Return a bar for each stage of a single job."""
    entered = [(name, at) for name, at in (job.get("stageTimestamps") or {}).items()]
    entered = [each for each in entered if each[0] not in {"accepted", "validated"}]
    bars = []
    for place, (name, at) in enumerate(entered):
        if name == "done":
            continue
        until = entered[place + 1][1] if place + 1 < len(entered) else job.get("endTime")
        lines = "└─ " if place + 2 >= len(entered) else "├─ "
        step = job | {"createdTime": at, "startTime": at, "endTime": until, "isFinished": bool(until)}
        step["status"] = "processing" if until is None or job["status"] in describe.LIVE else "success"
        bars.append(Bar(step, lines, name.replace("_", " "), zero, now))
    return bars


def timeline(session: Session, parsed: Parsed) -> int:
    root = session.call("job.get", id=session.job_id(parsed.required("job")))
    found = job_tree.load_tree(session, str(root["runId"])) or [root]
    if session.out.is_given({"jobs": found}):
        return exits.DONE
    rows = rows_of(session, found[0]) if len(found) == 1 else []
    drawn = Timeline(found, times.now(), rows)
    for option in ("html", "svg"):
        path = parsed.text(option)
        if path is not None:
            _write(session, path, option, drawn)
    if parsed.text("html") or parsed.text("svg"):
        return exits.DONE
    if session.out.terminal:
        draw(session.out, drawn, session.out.width)
    else:
        session.out.table((), [_plain_row(job) for job in found])
    return exits.DONE


def _plain_row(job: Json) -> list[str]:
    columns = ("id", "parentRunId", "status", "createdTime", "startTime", "endTime")
    return [*(str(job.get(column) or "") for column in columns), describe.part(job)]


def _write(session: Session, path: str, form: str, drawn: Timeline) -> None:
    from lockside.cli.grammar import UsageError
    from lockside.cli.jobs.timeline_svg import page, svg

    text = page(drawn) if form == "html" else svg(drawn)
    if path == "-":
        session.out.write(text)
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"--{form}: {path} cannot be written: {error.strerror}.", "timeline") from error
    session.out.line(f"{path}: the timeline of {describe.called(drawn.job)}")


def draw(out: Output, drawn: Timeline, width: int) -> None:
    """Draw a timeline in lines that fit the width."""
    names = [bar.lines + bar.name for bar in drawn.bars]
    tooks = ["" if bar.ran is None else times.span(bar.ran) for bar in drawn.bars]
    right = max(map(len, tooks))
    room = max(_LEAST_CHART, width - right - 2)
    left = min(max(map(display_width, names)), max(12, room * 2 // 5))
    chart = max(_LEAST_CHART, width - left - right - 3)
    out.line(out.paint("dim", f"{'':<{left}} {_axis(drawn, chart)}".rstrip()))
    for bar, name, took in zip(drawn.bars, names, tooks, strict=True):
        spans = [
            (pad(fit(name, left), left) + " ", ""),
            *_drawn(bar, drawn, chart),
            (f" {took:>{right}}", "dim"),
        ]
        out.line(out.spans(spans))
    out.line()
    ended = describe.ending(drawn.job) if drawn.job.get("isFinished") else f"{drawn.job['status']} so far"
    colour = describe.COLOURS.get(str(drawn.job["status"]), "")
    out.line(f"{describe.called(drawn.job)}: {out.paint(colour, ended)}")
    out.line(out.spans([("╌╌ ", "yellow"), ("waited   ", "dim"), ("━━ ", "green"), ("ran", "dim")]))


def _axis(drawn: Timeline, chart: int) -> str:
    """Format the times of an axis at their positions."""
    line = ""
    for at, text in drawn.ticks(max(2, chart // 12)):
        place = round(at / drawn.seconds * (chart - 1))
        if place >= len(line) + (1 if line else 0) and place + len(text) <= chart:
            line = f"{line:<{place}}{text}"
    return line


def _tick(seconds: float, step: float) -> str:
    """Format a time of an axis with the precision of its steps: `0`, `120 ms`, `2 s`, `1 min 30 s`."""
    if not seconds:
        return "0"
    if step < 0.1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if step < 1 else times.span(seconds).replace(".0 ", " ")


def _drawn(bar: Bar, drawn: Timeline, chart: int) -> list[tuple[str, str]]:
    """Draw one bar: the waiting, then the running time, with a resolution of half a column."""
    scale = chart * 2 / drawn.seconds
    created, end = round(bar.created * scale), round(bar.end * scale)
    begin = end if bar.begin is None else round(bar.begin * scale)
    if bar.begin is not None and end - begin < 1:
        begin = max(0, min(begin, chart * 2 - 1))
        end = begin + 1
    first, last = begin // 2, (end + 1) // 2
    waited = max(0, first - created // 2)
    cells = "━" * max(0, last - first)
    if bar.begin is not None:
        cells = ("╺" if begin % 2 else "━") + cells[1:] if cells else cells
        cells = cells[:-1] + ("╸" if end % 2 and last - first > 1 else cells[-1:])
    spans = [
        (" " * (created // 2), ""),
        ("╌" * waited, "yellow"),
        (cells, describe.COLOURS.get(bar.status, "")),
    ]
    used = created // 2 + waited + len(cells)
    return [*spans, (" " * max(0, chart - used), "")]
