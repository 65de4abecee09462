"""`trigger`: pauses, firing by hand, and what became of what was heard."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

_COLOURS = {"fired": "green", "failed": "red", "skipped": "dim", "success": "green", "error": "red"}


def pause(session: Session, parsed: Parsed) -> int:
    """Pause a trigger: it creates no jobs until it is resumed."""
    name = parsed.required("id")
    answer = session.call("trigger.pause", id=name, comment=parsed.text("message"))
    return _told(session, answer, f"trigger {name} is paused")


def resume(session: Session, parsed: Parsed) -> int:
    """Let a paused trigger fire again."""
    name = parsed.required("id")
    catch_up = "once" if parsed.flag("catch_up") else None
    answer = session.call("trigger.resume", id=name, catchUp=catch_up)
    return _told(session, answer, f"trigger {name} is {answer['status']}")


def run(session: Session, parsed: Parsed) -> int:
    """Fire a trigger now."""
    name = parsed.required("id")
    job = session.call("trigger.run", id=name)
    return _told(session, job, f"{name} (job {job.get('id')}): {job.get('status')}")


def ledger(session: Session, parsed: Parsed) -> int:
    """List what became of what a trigger heard, newest first."""
    name = parsed.required("id")
    found = session.call("trigger.ledger", id=name, limit=parsed.number("limit") or 50)["rows"]
    if session.out.as_json:
        session.out.json({"rows": found})
        return exits.DONE
    session.out.table(("DECIDED", "OUTCOME", "CAUSES", "JOB", "END", ""), [_row(each) for each in found])
    return exits.DONE


def _row(each: Json) -> list[Cell]:
    return [
        str(each["decidedTime"]),
        _painted(str(each["outcome"])),
        str(len(each["causes"])),
        str(each["job"] or ""),
        _painted(str(each["jobStatus"] or "")),
        str((each["error"] or {}).get("message") or ""),
    ]


def _painted(word: str) -> Cell:
    return word, _COLOURS.get(word, "")


def _told(session: Session, answer: Json, text: str) -> int:
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(text)
    return exits.DONE
