"""`table`: tables, their contents and their history."""

from __future__ import annotations

from functools import partial

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

SHOWN = {"limit": 20}
"""How many rows or versions are shown by default."""


def ls(session: Session, parsed: Parsed) -> int:
    """List tables."""
    found = session.call("storage.table.list", **parsed.members())
    headings = ("TABLE", "ROWS", "SIZE", "VERSION", "CHANGED", "")
    return session.out.listed(found, "tables", headings, partial(_row, now=times.now()))


def _row(one: Json, now: datetime) -> list[Cell]:
    size, changed = times.size(one["dataSizeBytes"]), times.ago(one["lastChangeDate"], now)
    health = "" if one["health"] == "good" else (one["health"], "red")
    return [one["id"], one["rowsCount"], size, one["version"], changed, health]


def show(session: Session, parsed: Parsed) -> int:
    """Show a table's columns and location."""
    one, out = session.call("storage.table.get", **parsed.members()), session.out
    if out.is_given(one):
        return exits.DONE
    out.line(f"{one['id']}: {one['rowsCount']} rows, version {one['version']}")
    out.line(f"  {one['uri']}")
    key = one["primaryKey"]
    rows = [
        [
            column["name"],
            column["type"] + (f"({column['length']})" if column.get("length") else ""),
            "key" if column["name"] in key else "",
        ]
        for column in one["definition"]
    ]
    out.table(("COLUMN", "TYPE", ""), rows)
    out.hint(f"\n  next: lockside table preview {one['id']}")
    return exits.DONE


def history(session: Session, parsed: Parsed) -> int:
    """List a table's versions, the newest first."""
    found = session.call("storage.table.history", **SHOWN | parsed.members())
    if session.out.is_given(found):
        return exits.DONE
    headings = ("VERSION", "WHEN", "OPERATION", "BY", "ROWS", "CHANGES", "")
    return session.out.listed(found, "versions", headings, partial(_version, now=times.now()))


def _version(one: Json, now: datetime) -> list[Cell]:
    return [
        one["version"],
        times.ago(one["time"], now),
        one["operation"],
        f"job {one['job']}" if one.get("job") else "",
        one["rowsCount"],
        _changes(one),
        "" if one["published"] else ("not published", "yellow"),
    ]


def _changes(counts: Json) -> str:
    named = (("rowsInserted", "+"), ("rowsUpdated", "~"), ("rowsDeleted", "-"))
    return " ".join(f"{sign}{counts[name]}" for name, sign in named if counts.get(name))


def preview(session: Session, parsed: Parsed) -> int:
    """Print the first rows of a table."""
    found = session.call("storage.preview", **SHOWN | parsed.members())
    print_rows(session, found)
    if found["isTruncated"]:
        session.out.hint(f"{found['rowsCount']} rows in all")
    return exits.DONE


def print_rows(session: Session, found: Json) -> None:
    """Print columns and rows as a table."""
    if not session.out.is_given(found):
        session.out.table([str(column["name"]) for column in found["columns"]], found["rows"])


def make_job(session: Session, parsed: Parsed) -> int:
    """Create a job that changes a table, and wait for it."""
    return finish(session, parsed, session.call(parsed.method, **parsed.members()))


def finish(session: Session, parsed: Parsed, job: Json) -> int:
    """Wait for a job that changes tables, unless told to detach, and print how it ended."""
    if not parsed.flag("detach"):
        job = session.call_patiently("job.wait", id=job["id"], timeoutSeconds=3600)
    if not session.out.is_given(job):
        session.out.line(f"job {job['id']}: {job['status']}")
        if job["status"] == "error":
            session.out.line(f"  {job['message']}")
        for one in ((job.get("result") or {}).get("output") or {}).get("files", ()):
            session.out.line(f"  file {one['id']}: {one['name']}")
    return exits.FAILED if job["isFinished"] and job["status"] not in ("success", "warning") else exits.DONE


def status(session: Session, _: Parsed) -> int:
    """Show where tables are stored, and what cannot be published."""
    found, out = session.call("storage.status"), session.out
    if out.is_given(found):
        return exits.DONE
    out.line(f"{found['backend']}: {found['tables']} tables, {times.size(found['bytes'])}")
    out.line(f"  {found['root']}")
    for one in found["unpublished"]:
        cause = f": {one['cause']}" if one.get("cause") else ""
        out.line(f"  version {one['version']} of {one['table']} is not published{cause}")
    for kind in ("foreign", "damaged"):
        for one in found[kind]:
            out.line(f"  {one['table']} is {kind}: {one['cause']}")
    return exits.DONE
