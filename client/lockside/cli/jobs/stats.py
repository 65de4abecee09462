"""`stats`: the number of jobs by group, and how long they ran and waited."""

from __future__ import annotations

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs.ls import filters_of
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell


def stats(session: Session, parsed: Parsed) -> int:
    """Print counts and durations, a line for each group."""
    by = parsed.many("by") or ["status"]
    found = session.call("job.stats", groupBy=by, **filters_of(session, parsed))

    def row(group: Json) -> list[Cell]:
        names = [group["group"].get(name) or "-" for name in by]
        ran = [_span(group["durationSeconds"][name]) for name in ("average", "max", "sum")]
        return [*names, group["count"], *ran, _span(group["queueSeconds"]["average"])]

    headings = (*(name.upper() for name in by), "JOBS", "AVERAGE", "LONGEST", "SUM", "WAITED")
    return session.out.listed(found, "groups", headings, row)


def _span(seconds: float | None) -> str:
    return "" if seconds is None else times.span(seconds)
