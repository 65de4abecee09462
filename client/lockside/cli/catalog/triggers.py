"""`trigger`: the outcomes of causes, and the end of a pause."""

from __future__ import annotations

from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

_COLOURS = {"fired": "green", "failed": "red", "skipped": "dim", "success": "green", "error": "red"}


def resume(session: Session, parsed: Parsed) -> int:
    """Let a paused trigger fire again."""
    name = parsed.required("id")
    catch_up = "once" if parsed.flag("catch_up") else None
    answer = session.call("trigger.resume", id=name, catchUp=catch_up)
    return session.out.result(answer, f"trigger {name} is {answer['status']}")


def ledger(session: Session, parsed: Parsed) -> int:
    """List the outcomes of a trigger's causes, newest first."""
    found = session.call("trigger.ledger", id=parsed.required("id"), limit=parsed.number("limit") or 50)
    return session.out.listed(found, "rows", ("DECIDED", "OUTCOME", "CAUSES", "JOB", "END", ""), _row)


def _row(each: Json) -> list[Cell]:
    message = (each["error"] or {}).get("message")
    outcome, end = _painted(each["outcome"]), _painted(each["jobStatus"] or "")
    return [each["decidedTime"], outcome, len(each["causes"]), each["job"], end, message]


def _painted(word: str) -> Cell:
    return word, _COLOURS.get(word, "")
