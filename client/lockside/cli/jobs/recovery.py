"""`recovery ls`, `recovery check`, `unblock`: what blocked jobs wait for, and letting them go."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs.control import each_job
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_NAMED = 5
_COLOURS = {"well": "green", "not_yet": "yellow", "hopeless": "red"}


def ls(session: Session, _parsed: Parsed) -> int:
    """List what blocked jobs wait for."""
    found = session.call("recovery.list")["conditions"]
    if session.out.as_json:
        session.out.json({"conditions": found})
        return exits.DONE
    now = times.now()
    columns = ("CONDITION", "WAITS UNTIL", "JOBS", "NEXT CHECK", "CHECKS", "LAST")
    session.out.table(columns, [_row(each, now) for each in found])
    if not found:
        session.out.hint("No job is blocked.")
    return exits.DONE


def _row(each: Json, now: datetime) -> list[Cell]:
    last = each.get("lastResult") or {}
    outcome = str(last.get("outcome") or "")
    said = f"{outcome}: {last['message']}" if last.get("message") else outcome
    return [
        str(each["id"]),
        str(each["tester"]),
        _jobs(each["jobs"]),
        "now" if each.get("isChecking") else times.local(each["nextCheckTime"], now),
        str(each["checks"]),
        (said.replace("_", " ", 1), _COLOURS.get(outcome, "")),
    ]


def _jobs(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def check(session: Session, parsed: Parsed) -> int:
    """Test a condition now."""
    answer = session.call("recovery.check", condition=parsed.required("condition"))
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"it is being tested whether {answer['tester']}")
        session.out.hint("  next: lockside recovery ls")
    return exits.DONE


def unblock(session: Session, parsed: Parsed) -> int:
    """Let blocked jobs go without a test."""
    return each_job(session, parsed.many("job"), "job.unblock")
