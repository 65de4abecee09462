"""`ls --watch`: the table of jobs, redrawn after changes, at most twice a second. It never polls. Without a
terminal every change is a line with the job's new state.
"""

from __future__ import annotations

from time import monotonic

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.jobs.ls import DEFAULT_LIMIT, filters_of, jobs_asked_for, print_jobs
from lockside.cli.multiplexer import EVENTS, LOST, Multiplexer
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Output, terminal_height
from lockside.cli.terminal.region import Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_AT_MOST_EVERY_SECONDS = 0.5
_CLOCK_SECONDS = 1.0
_HEADING_AND_FOOT = 3


def watch(session: Session, parsed: Parsed) -> int:
    """Show the jobs, and every change, until Ctrl-C."""
    filters_of(session, parsed)
    session.link.path()
    session.is_patient = True
    try:
        if session.out.can_redraw:
            _on_a_terminal(session, parsed)
        else:
            _as_lines(session, parsed)
    except KeyboardInterrupt:
        return exits.DONE
    return exits.DONE


def _on_a_terminal(session: Session, parsed: Parsed) -> None:
    region = Region(session.out)
    session.aside = region.above
    with Multiplexer(session) as flight:
        flight.watch()
        found = _load(session, parsed)
        drawn_at, is_stale = 0.0, False
        while True:
            if is_stale and monotonic() - drawn_at >= _AT_MOST_EVERY_SECONDS:
                found, is_stale = _load(session, parsed), False
            if not is_stale:
                region.draw(_table(session, parsed, found))
                drawn_at = monotonic()
            arrival = flight.next(_pause(found, is_stale, drawn_at))
            is_stale = is_stale or (arrival is not None and _matters(arrival.tag, arrival.value))


def _pause(found: list[Json], is_stale: bool, drawn_at: float) -> float | None:
    """Return the longest sleep: until the next drawing or clock tick, or None if no job runs."""
    if is_stale:
        return max(0.0, drawn_at + _AT_MOST_EVERY_SECONDS - monotonic())
    return _CLOCK_SECONDS if any(job["status"] in describe.RUNNING for job in found) else None


def _matters(tag: object, events: Any) -> bool:
    if tag == LOST:
        return True
    return tag == EVENTS and any(event["kind"].startswith(("job.", "pool.", "daemon.")) for event in events)


def _load(session: Session, parsed: Parsed) -> list[Json]:
    room = max(1, terminal_height() - _HEADING_AND_FOOT)
    wanted = int(parsed.number("limit") or min(room, DEFAULT_LIMIT * 2))
    return [_still_running(job) for job in jobs_asked_for(session, parsed, min(room, wanted))]


def _still_running(job: Json) -> Json:
    """Remove the duration of a running job, so that it is counted from its start and not from the answer."""
    return job | {"durationSeconds": None} if job["status"] == "processing" else job


def _table(session: Session, parsed: Parsed, found: list[Json]) -> list[str]:
    """Format the table as lines, at most as many as fit on the terminal."""
    import io

    text = io.StringIO()
    text.isatty = session.out.is_terminal  # type: ignore[method-assign]
    out = Output(as_json=False, plain=False, stream=text)
    print_jobs(out, found, parsed.flag("tree"))
    lines = text.getvalue().splitlines()[: max(1, terminal_height() - 2)]
    foot = "Ctrl-C ends watching." if found else "No jobs like that yet; Ctrl-C ends watching."
    return [*lines, out.paint("dim", foot)]


def _as_lines(session: Session, parsed: Parsed) -> None:
    """Print the jobs once, then each again when it changed."""
    with Multiplexer(session) as flight:
        flight.watch()
        known = {str(job["id"]): job["status"] for job in reversed(_shown(session, parsed))}
        while True:
            arrival = flight.next()
            if arrival is None or not _matters(arrival.tag, arrival.value):
                continue
            for job in reversed(jobs_asked_for(session, parsed)):
                if known.get(str(job["id"])) != job["status"]:
                    _print_one(session, job)
                known[str(job["id"])] = job["status"]


def _shown(session: Session, parsed: Parsed) -> list[Json]:
    found = jobs_asked_for(session, parsed)
    for job in reversed(found):
        _print_one(session, job)
    return found


def _print_one(session: Session, job: Json) -> None:
    if session.out.as_json:
        session.out.json_line(job)
    else:
        print_jobs(session.out, [job], as_tree=False)
        session.out.flush()
