"""`ls`: jobs in a table, filtered as people think of them."""

from __future__ import annotations

from datetime import UTC, datetime

from lockside.cli import jobs, times
from lockside.cli.grammar import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.output import Cell
    from lockside.cli.session import Session

    Json = dict[str, Any]

_ACTIVE = ["created", "waiting", "processing", "terminating"]
_SETS = {
    "active": _ACTIVE,
    "running": ["processing", "terminating"],
    "waiting": ["created", "waiting"],
    "failed": ["error", "cancelled", "terminated"],
}
_PAGE = 1000
_DEFAULT_LIMIT = 20


def ls(session: Session, parsed: Parsed) -> int:
    """List jobs, the newest first."""
    filters = _filters(parsed)
    limit = None if parsed.flag("all") else int(parsed.number("limit") or _DEFAULT_LIMIT)
    found = list(_pages(session, filters, limit))
    if session.out.as_json:
        session.out.json({"jobs": found})
        return 0
    _print(session, found)
    if not found:
        session.out.hint(
            "No jobs" + (" like that." if len(filters) > 0 else " yet. Try: lockside run -- echo hello")
        )
    elif limit is not None and len(found) == limit:
        session.out.hint(f"The newest {limit}; --limit N or --all shows more.")
    return 0


def _pages(session: Session, filters: Json, limit: int | None) -> Iterator[Json]:
    cursor = None
    left = limit
    while left is None or left > 0:
        page = session.call("job.list", **filters, limit=min(left or _PAGE, _PAGE), cursor=cursor)
        yield from page["jobs"]
        cursor = page.get("nextCursor")
        if not cursor:
            return
        left = None if left is None else left - len(page["jobs"])


def _filters(parsed: Parsed) -> Json:
    statuses = [
        *parsed.many("status"),
        *(word for name in _SETS if parsed.flag(name) for word in _SETS[name]),
    ]
    component, _, config = (parsed.text("config") or "").partition("/")
    given: Json = {
        "status": statuses,
        "component": component,
        "config": config,
        "text": parsed.text("text"),
        "parentRunId": parsed.text("parent"),
        "labels": dict(each.split("=", 1) for each in parsed.many("label") if "=" in each),
        "owner": _me() if parsed.flag("mine") else None,
        "visible": False if parsed.flag("hidden") else None,
        "createdFrom": _since(parsed.text("since")),
    }
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


def _since(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return times.wire(times.since(text, datetime.now(UTC)))
    except ValueError as error:
        raise UsageError(f"--since: {error}", "ls") from error


def _me() -> str:
    import os
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _print(session: Session, found: list[Json]) -> None:
    now = datetime.now(UTC)
    out = session.out
    if out.terminal:
        headings = ("ID", "JOB", "STATUS", "TOOK", "CREATED", "")
        rows: list[list[Cell]] = [_row(job, now) for job in found]
        if rows:
            out.table(headings, rows)
        return
    out.table((), [_plain_row(job) for job in found])


def _row(job: Json, now: datetime) -> list[Cell]:
    created = times.ago(job.get("createdTime"), now)
    return [
        str(job["id"]),
        jobs.title(job),
        jobs.status(job),
        jobs.took(job, now),
        (created, "dim"),
        jobs.detail(job),
    ]


def _plain_row(job: Json) -> list[Cell]:
    columns = ("id", "status", "component", "config", "name", "createdTime", "startTime", "endTime")
    return [str(job.get(column) or "") for column in columns]
