"""The texts of the live view: a job's row, a pool, a failure, the head. Pure: from dicts to text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from rich.text import Text

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.jobs.job_tree import label, tree_rows
from lockside.cli.terminal.output import display_width, fit, one_line
from lockside.cli.top.feed import Snapshot
from lockside.cli.top.usage import Usage

Json = dict[str, Any]

COLUMNS = ("job", "id", "for", "cpu", "memory", "state")
HEADINGS = {"job": "  JOB", "id": "ID", "for": "FOR", "cpu": "CPU", "memory": "MEMORY", "state": ""}
RIGHT = {"id", "for", "cpu", "memory"}
FOR, CPU, MEMORY = 8, 5, 8
_METER = 10
_STYLES = {word: colour.replace("dim", "grey62") for word, colour in describe.COLOURS.items()}


class Row(NamedTuple):
    """A job in the table, with the lines of the tree that lead to it."""

    lines: str
    job: Json

    @property
    def name(self) -> str:
        """Its name in the table."""
        return label(self.job, True) if self.lines else describe.alone(self.job)

    @property
    def width(self) -> int:
        """The width of its name."""
        return display_width(self.lines + self.name) + 2


def in_trees(live: list[Json]) -> list[Row]:
    """Put children below their parents; running jobs, and those with running parts, come first."""
    running = {_root(job) for job in live if job["status"] in describe.RUNNING}
    ordered = sorted(live, key=lambda job: (_root(job) not in running, int(job["id"])))
    return [Row(lines, job) for lines, job in tree_rows(ordered)]


def _root(job: Json) -> str:
    return str(job["runId"]).partition(".")[0]


def cells(row: Row, usage: Usage | None, now: datetime, widths: dict[str, int]) -> list[Text]:
    """Return the cells of a job's row, each at most as wide as its column."""
    job, status = row.job, str(row.job["status"])
    name = Text(row.lines, "grey42")
    name.append(describe.SYMBOLS.get(status, "?") + " ", _STYLES.get(status, ""))
    name.append(fit(row.name, max(4, widths["job"] - 2 - len(row.lines))), _STYLES.get(status, ""))
    made = {
        "job": name,
        "id": Text(str(job["id"]).rjust(widths["id"]), "grey62"),
        "for": Text(_for(job, now).rjust(FOR), "grey70"),
        "cpu": Text(_cpu(usage).rjust(CPU)),
        "memory": Text((times.size(usage.memory_bytes) if usage else "").rjust(MEMORY)),
        "state": state(job, widths["state"]),
    }
    return [made[column] for column in COLUMNS]


def selected(job: Json, width: int) -> Text:
    """Return two lines about the selected job, with what does not fit in its row."""
    status = str(job["status"])
    text = Text(f" {fit(describe.title(job), max(10, width - 40))}", "bold")
    text.append(f"  job {job['id']}  ", "grey70")
    text.append(status, _STYLES.get(status, ""))
    by = (job.get("principal") or {}).get("user")
    text.append(f"  by {by}" if by else "", "grey62")
    text.append(
        f"  pool {job['pool']}" if job.get("pool") and job.get("type") == "standard" else "", "grey62"
    )
    text.append("\n " + fit(describe.detail(job).strip() or describe.stage_line(job), width - 2), "grey70")
    return text


def meter(share: float, width: int, colour: str = "cyan") -> Text:
    """Draw a share from 0 to 1 as a line, with the rest darker."""
    halves = round(max(0.0, min(share, 1.0)) * width * 2)
    text = Text("━" * (halves // 2), colour)
    if halves % 2:
        text.append("╸", colour)
    text.append("━" * (width - halves // 2 - halves % 2), "grey27")
    return text


def _for(job: Json, now: datetime) -> str:
    """Return how long it has waited or run, or how long ago it ended."""
    if job.get("isFinished"):
        return times.ago(job.get("endTime"), now).removesuffix(" ago")
    since = job.get("createdTime") if job["status"] in describe.NOT_STARTED else job.get("startTime")
    return short_span((now - times.parsed(since)).total_seconds()) if since else ""


def short_span(seconds: float) -> str:
    """Format a duration that is updated live: whole seconds, `4:05`, `2:03:10`, `3 d 4 h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86400:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return times.span(whole)


def _cpu(usage: Usage | None) -> str:
    return "" if usage is None or usage.percent is None else f"{usage.percent:.0f}%"


def state(job: Json, width: int) -> Text:
    """Return its progress, why it waits, or how it failed, cut to a width."""
    if job["status"] == "processing" and job.get("progress") is not None:
        share = float(job["progress"])
        text = meter(share, _METER)
        text.append(f" {share:4.0%} ", "bold")
        text.append(
            fit(describe.first_line(str(job.get("message") or "")), max(0, width - _METER - 6)), "grey70"
        )
        return text
    said = describe.detail(job)
    if job["status"] == "terminating":
        said = "is being stopped"
    elif not said and job["status"] == "processing":
        said = str(job.get("stage") or "").replace("_", " ")
    return Text(fit(said, width), "red" if job["status"] == "error" else "grey70")


def pool(one: Json, width: int) -> Text:
    """Draw a pool in two lines: its name and figures, then its slots as a bar."""
    slots, running, queued = one.get("slots"), int(one["running"]), int(one["queued"])
    figures = f"{running}/{'∞' if slots == 'infinity' else slots}" + (f"  {queued} wait" if queued else "")
    name = fit(str(one["id"]), max(4, width - display_width(figures) - 2))
    text = Text(name, "bold")
    text.append(" " * max(1, width - display_width(name) - display_width(figures)))
    text.append(figures + "\n", "yellow" if queued else "grey70")
    if one["isPaused"]:
        text.append(fit(f"‖ paused{_by(one)}", width), "yellow")
        return text
    share = min(1.0, running / slots) if isinstance(slots, int) and slots else float(bool(running))
    return text.append_text(meter(share, width, "cyan" if share < 1 else "yellow"))


def _by(one: Json) -> str:
    by = f" by {one['pausedBy']}" if one.get("pausedBy") else ""
    return by + (f": {one_line(str(one['comment']))}" if one.get("comment") else "")


def pools_in_a_line(found: list[Json], width: int) -> Text:
    """Return the pools on one line, for narrow terminals."""
    text = Text("pools ", "grey62")
    for place, one in enumerate(found):
        slots = "∞" if one.get("slots") == "infinity" else one.get("slots")
        text.append(", " if place else "", "grey62")
        text.append(
            f"{one['id']} {one['running']}/{slots}", "yellow" if one["isPaused"] or one["queued"] else ""
        )
        text.append("‖" if one["isPaused"] else "", "yellow")
    text.truncate(width, overflow="ellipsis")
    return text


def failure(job: Json, now: datetime, width: int) -> Text:
    """Return two lines about a failed job: which and when, then why."""
    when = times.ago(job.get("endTime"), now)
    name = fit(describe.title(job), max(6, width - display_width(when) - 3))
    text = Text("✗ ", "red")
    text.append(name)
    text.append(" " * max(1, width - 2 - display_width(name) - display_width(when)))
    text.append(when + "\n", "grey62")
    text.append("  " + fit(describe.detail(job) or str(job["status"]), width - 2), "grey70")
    return text


def head(snapshot: Snapshot, width: int) -> Text:
    """Return one line with the overall state and problems."""
    status = snapshot.status
    if snapshot.away:
        text = Text(" the daemon is away; jobs go on without it ", "white on dark_red")
        text.append(f" {one_line(snapshot.away)}", "grey70")
    elif not status:
        return Text(" asking the daemon …", "grey70")
    else:
        text = _counts(snapshot)
    text.truncate(width, overflow="ellipsis")
    return text


def _counts(snapshot: Snapshot) -> Text:
    status = snapshot.status
    counts = status["counts"]
    running = sum(counts.get(word, 0) for word in describe.RUNNING)
    waiting = sum(counts.get(word, 0) for word in describe.NOT_STARTED)
    text = Text(" lockside", "bold")
    if not status["store"]["isWritable"]:
        text.append("  its database cannot be written", "red bold")
    if not status["keeper"]["isConnected"]:
        text.append("  its keeper cannot be reached", "red bold")
    if status["isDraining"]:
        text.append("  draining: no job starts", "yellow bold")
    text.append(f"   {running} run", "cyan")
    text.append(f"   {waiting} wait", "yellow" if waiting else "grey70")
    text.append(
        f"   {snapshot.failed_total} failed within a day", "red" if snapshot.failed_total else "grey70"
    )
    text.append(f"   up {times.span(float(status['uptimeSeconds']))}", "grey62")
    return text
