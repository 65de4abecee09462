"""`records`: records that a job could not process, and their retries."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

SHOWN = 20
PAGE = 1000


def records(session: Session, parsed: Parsed) -> int:
    """Print failed records, a line for each, and how many are open."""
    job_id = session.job_id(parsed.required("job"))
    wanted = int(parsed.number("limit") or SHOWN)
    found: list[Json] = []
    page: Json = {}
    while len(found) < wanted:
        page = session.call(
            "job.records",
            id=job_id,
            offset=len(found),
            limit=min(wanted - len(found), PAGE),
            **({"open": True} if parsed.flag("open") else {}),
        )
        found += page["records"]
        if not page["records"]:
            break
    if session.out.is_given({**page, "records": found}):
        return exits.DONE
    if not page.get("total"):
        session.say_aside("It has no failed records.")
        return exits.DONE
    rows: list[list[Cell]] = [
        [
            str(one["number"]),
            "" if one["id"] is None else str(one["id"]),
            "" if one["message"] is None else str(one["message"]),
            one["input"] or "",
            one["job"],
            one["resolvedBy"] or "",
        ]
        for one in found
    ]
    session.out.table(("RECORD", "ID", "MESSAGE", "INPUT", "JOB", "RESOLVED BY"), rows)
    if page["open"]:
        are = "is" if page["open"] == 1 else "are"
        session.out.hint(f"{page['open']} {are} open. Next: lockside retry --failed-records {job_id}")
    return exits.DONE
