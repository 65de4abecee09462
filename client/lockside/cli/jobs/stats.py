"""`stats`: how many jobs there are of each group, and how long they ran and waited."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs.ls import filters_of
from lockside.cli.session import Session
from lockside.cli.terminal.output import Cell


def stats(session: Session, parsed: Parsed) -> int:
    """Print counts and durations, a line for each group."""
    by = parsed.many("by") or ["status"]
    groups = session.call("job.stats", groupBy=by, **filters_of(session, parsed))["groups"]
    if session.out.is_given({"groups": groups}):
        return exits.DONE
    rows: list[list[Cell]] = [
        [
            *(str(group["group"].get(name) or "-") for name in by),
            str(group["count"]),
            *(_span(group["durationSeconds"][name]) for name in ("average", "max", "sum")),
            _span(group["queueSeconds"]["average"]),
        ]
        for group in groups
    ]
    headings = (*(name.upper() for name in by), "JOBS", "AVERAGE", "LONGEST", "SUM", "WAITED")
    session.out.table(headings, rows)
    return exits.DONE


def _span(seconds: float | None) -> str:
    return "" if seconds is None else times.span(seconds)
