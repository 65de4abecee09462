"""`recovery ls`: the conditions that blocked jobs wait for."""

from __future__ import annotations

from functools import partial

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_NAMED = 5
_COLOURS = {"well": "green", "not_yet": "yellow", "hopeless": "red"}


def ls(session: Session, _parsed: Parsed) -> int:
    """List the conditions that blocked jobs wait for."""
    headings = ("CONDITION", "WAITS UNTIL", "JOBS", "NEXT CHECK", "CHECKS", "LAST")
    row = partial(_row, now=times.now())
    return session.out.listed(
        session.call("recovery.list"), "conditions", headings, row, "No job is blocked."
    )


def _row(each: Json, now: datetime) -> list[Cell]:
    last = each.get("lastResult") or {}
    outcome = str(last.get("outcome") or "")
    said = f"{outcome}: {last['message']}" if last.get("message") else outcome
    return [
        each["id"],
        each["tester"],
        _jobs(each["jobs"]),
        "now" if each.get("isChecking") else times.local(each["nextCheckTime"], now),
        each["checks"],
        (said.replace("_", " ", 1), _COLOURS.get(outcome, "")),
    ]


def _jobs(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
