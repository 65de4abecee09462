"""`table`: what tables there are, what is in them, and how they came to be."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell


def ls(session: Session, parsed: Parsed) -> int:
    """List tables."""
    found: list[Json] = []
    cursor = None
    while not found or cursor:
        page = session.call(
            "storage.table.list", branchId=parsed.text("branch"), text=parsed.text("text"), cursor=cursor
        )
        found += page["tables"]
        cursor = page["nextCursor"]
        if not cursor:
            break
    if session.out.as_json:
        session.out.json({"tables": found})
        return exits.DONE
    now = times.now()
    rows: list[list[Cell]] = [
        [
            str(one["id"]),
            str(one["rowsCount"]),
            times.size(one["dataSizeBytes"]),
            str(one["version"]),
            times.ago(one["lastChangeDate"], now),
            "" if one["health"] == "good" else (str(one["health"]), "red"),
        ]
        for one in found
    ]
    session.out.table(("TABLE", "ROWS", "SIZE", "VERSION", "CHANGED", ""), rows)
    return exits.DONE


def show(session: Session, parsed: Parsed) -> int:
    """Show a table's columns and where it is."""
    one = session.call("storage.table.get", id=parsed.required("table"), branchId=parsed.text("branch"))
    if session.out.as_json:
        session.out.json(one)
        return exits.DONE
    out = session.out
    out.line(f"{one['id']}: {one['rowsCount']} rows, version {one['version']}")
    out.line(f"  {one['uri']}")
    key = one["primaryKey"]
    rows: list[list[Cell]] = [
        [
            str(column["name"]),
            str(column["type"]) + (f"({column['length']})" if column.get("length") else ""),
            "key" if column["name"] in key else "",
        ]
        for column in one["definition"]
    ]
    out.table(("COLUMN", "TYPE", ""), rows)
    out.hint(f"\n  next: lockside table preview {one['id']}")
    return exits.DONE


def history(session: Session, parsed: Parsed) -> int:
    """List a table's versions, the newest first."""
    found = session.call(
        "storage.table.history",
        id=parsed.required("table"),
        branchId=parsed.text("branch"),
        limit=parsed.values.get("limit") or 20,
    )
    if session.out.as_json:
        session.out.json(found)
        return exits.DONE
    now = times.now()
    rows: list[list[Cell]] = [
        [
            str(one["version"]),
            times.ago(one["time"], now),
            str(one["operation"]),
            f"job {one['job']}" if one.get("job") else "",
            str(one["rowsCount"]),
            _changes(one["counts"]),
            "" if one["published"] else ("not published", "yellow"),
        ]
        for one in found["versions"]
    ]
    session.out.table(("VERSION", "WHEN", "OPERATION", "BY", "ROWS", "CHANGES", ""), rows)
    return exits.DONE


def _changes(counts: Json) -> str:
    named = (("rowsInserted", "+"), ("rowsUpdated", "~"), ("rowsDeleted", "-"))
    return " ".join(f"{sign}{counts[name]}" for name, sign in named if counts.get(name))


def preview(session: Session, parsed: Parsed) -> int:
    """Print the first rows of a table."""
    found = session.call(
        "storage.preview",
        table=parsed.required("table"),
        branchId=parsed.text("branch"),
        version=parsed.values.get("version"),
        limit=parsed.values.get("limit") or 20,
    )
    print_rows(session, found)
    if found["isTruncated"]:
        session.out.hint(f"{found['rowsCount']} rows in all")
    return exits.DONE


def print_rows(session: Session, found: Json) -> None:
    """Print columns and rows as a table."""
    if session.out.as_json:
        session.out.json(found)
        return
    headings = [str(column["name"]) for column in found["columns"]]
    rows: list[list[Cell]] = [["" if value is None else str(value) for value in row] for row in found["rows"]]
    session.out.table(headings, rows)


def restore(session: Session, parsed: Parsed) -> int:
    """Give a table the content of an earlier version, and wait for the job that does it."""
    job = session.call(
        "storage.table.restore",
        id=parsed.required("table"),
        branchId=parsed.text("branch"),
        version=parsed.values.get("version"),
        time=parsed.text("time"),
        beforeJob=parsed.text("before_job"),
    )
    return finish(session, parsed, job)


def finish(session: Session, parsed: Parsed, job: Json) -> int:
    """Wait for a job that changes tables, unless told to detach, and print how it ended."""
    if not parsed.flag("detach"):
        job = session.call_patiently("job.wait", id=job["id"], timeoutSeconds=3600)
    if session.out.as_json:
        session.out.json(job)
    else:
        session.out.line(f"job {job['id']}: {job['status']}")
        if job["status"] == "error":
            session.out.line(f"  {job['message']}")
    return exits.FAILED if job["isFinished"] and job["status"] not in ("success", "warning") else exits.DONE


def status(session: Session, _: Parsed) -> int:
    """Show where tables are kept, and what cannot be published."""
    found = session.call("storage.status")
    if session.out.as_json:
        session.out.json(found)
        return exits.DONE
    out = session.out
    out.line(f"{found['backend']}: {found['tables']} tables, {times.size(found['dataSizeBytes'])}")
    out.line(f"  {found['root']}")
    for one in found["unpublished"]:
        cause = f": {one['cause']}" if one.get("cause") else ""
        out.line(f"  version {one['version']} of {one['table']} is not published{cause}")
    for kind in ("foreign", "damaged"):
        for one in found[kind]:
            out.line(f"  {one['table']} is {kind}: {one['cause']}")
    return exits.DONE
