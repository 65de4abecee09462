"""`drain` and `undrain`: start no more jobs, show those that still run, and wait for their end."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.session import Json, Session

_TOLD = 20
_FIELDS = [*describe.NAMING, "startTime", "limits", "status", "durationSeconds", "isFinished"]


def drain(session: Session, parsed: Parsed) -> int:
    answer = session.call("daemon.drain")
    if session.out.as_json and not parsed.flag("wait"):
        session.out.json(answer)
        return exits.DONE
    if not session.out.as_json:
        session.out.line("draining: no more jobs start; running jobs go on")
    running = _running(session)
    if not parsed.flag("wait"):
        _tell_running(session, running)
        session.out.hint("  next: lockside drain --wait · lockside undrain")
        return exits.DONE
    return _until_drained(session, running)


def _running(session: Session) -> list[Json]:
    answer = session.call(
        "job.list", status=list(describe.RUNNING), type="standard", limit=1000, fields=_FIELDS
    )
    found: list[Json] = answer["jobs"]
    return found


def _tell_running(session: Session, running: list[Json]) -> None:
    if not running:
        session.out.line("no job runs: drained")
    now = times.now()
    for job in running[:_TOLD]:
        limit = (job.get("limits") or {}).get("timeoutSeconds")
        most = f", {times.span(float(limit))} at most" if limit else ", without a time limit"
        session.out.line(f"  {describe.called(job)} has run for {describe.took(job, now)}{most}")
    if len(running) > _TOLD:
        session.out.line(f"  … and {len(running) - _TOLD} more")


def _until_drained(session: Session, running: list[Json]) -> int:
    """Wait for the end of running jobs, and report each."""
    from lockside.cli.jobs.wait import wait_for

    out = session.out
    try:
        while running:
            if not out.as_json:
                _tell_running(session, running)
            ended = wait_for(session, [str(job["id"]) for job in running], until="any")
            for job in ended:
                if job["isFinished"] and not out.as_json:
                    out.line(f"{describe.called(job)}: {describe.ending(job)}")
            running = _running(session)
    except KeyboardInterrupt:
        session.say_aside("no longer waiting; the drain goes on. `lockside undrain` ends it.")
        return exits.INTERRUPTED
    if out.as_json:
        out.json(session.call("daemon.status"))
    else:
        out.line("drained: no job runs")
    out.hint("  next: lockside undrain")
    return exits.DONE


def undrain(session: Session, _: Parsed) -> int:
    answer = session.call("daemon.undrain")
    if session.out.is_given(answer):
        return exits.DONE
    counts = answer.get("counts") or {}
    waiting = sum(counts.get(word, 0) for word in describe.NOT_STARTED)
    session.out.line("jobs start again" + (f"; {waiting} are waiting" if waiting else ""))
    return exits.DONE
