"""`ls`: jobs in a table or a tree, with filters for common questions, once or live."""

from __future__ import annotations

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell, Output
from lockside.session import NULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SETS = {
    "active": describe.LIVE,
    "running": describe.RUNNING,
    "waiting": describe.NOT_STARTED,
    "failed": describe.FAILED,
}
_WITH_CHILDREN = ("children", "parent", "config")
_NARROW = 76
DEFAULT_LIMIT = 20


def ls(session: Session, parsed: Parsed) -> int:
    if parsed.flag("watch"):
        from lockside.cli.jobs.ls_watch import watch

        return watch(session, parsed)
    found, has_more = _found(session, parsed, _limit(parsed))
    if not session.out.is_given({"jobs": found}):
        print_jobs(session.out, found, parsed.flag("tree"))
    if not found and not session.out.as_json:
        _hint_at_none(session, parsed)
    elif has_more:
        told = f"Only the newest {_limit(parsed)} are listed; --limit N or --all lists more."
        session.out.hint(told) if session.out.terminal else session.say_aside(told)
    return 0


def jobs_asked_for(session: Session, parsed: Parsed, most: int | None = None) -> list[Json]:
    """Return the jobs that the options select; for a tree also everything below them."""
    return _found(session, parsed, _limit(parsed) if most is None else most)[0]


def _found(session: Session, parsed: Parsed, limit: int | None) -> tuple[list[Json], bool]:
    """Return the jobs that the options select, and whether there are more."""
    filters = filters_of(session, parsed)
    if limit is None:
        found, has_more = list(session.jobs(**filters)), False
    else:
        answer = session.call("job.list", **filters, expand=session.expanded(), limit=limit)
        found, has_more = answer["jobs"], bool(answer.get("nextCursor"))
    return (_with_trees(session, found) if parsed.flag("tree") else found), has_more


def _limit(parsed: Parsed) -> int | None:
    return None if parsed.flag("all") else int(parsed.number("limit") or DEFAULT_LIMIT)


def _hint_at_none(session: Session, parsed: Parsed) -> None:
    if parsed.text("config"):
        session.out.hint(f"No jobs like that.{_suggestion(session, str(parsed.text('config')))}")
    elif filters_of(session, parsed) != {"onlyRoots": True}:
        session.out.hint("No jobs like that.\n  next: lockside ls · lockside ls --children")
    else:
        session.out.hint("No jobs yet. Try: lockside run -- echo hello")


def _suggestion(session: Session, target: str) -> str:
    """Return a suggestion of a configuration, if there is none of that name."""
    from lockside.cli.lookup import config_names, nearest

    names = config_names(session)
    known = {*names, *(name.partition("/")[0] for name in names)}
    near = "" if target in known else nearest(target, sorted(known))
    return f" Did you mean '{near}'?" if near else ""


def _with_trees(session: Session, found: list[Json]) -> list[Json]:
    """Return all jobs of each tree of which a job was found, the newest tree first."""
    from lockside.cli.jobs.job_tree import load_tree

    families = dict.fromkeys(str(job["runId"]).partition(".")[0] for job in found)
    return [job for root in families for job in load_tree(session, root)]


def filters_of(session: Session, parsed: Parsed) -> Json:
    """Convert the options to filters of `job.list`; raises UsageError."""
    statuses = [
        *parsed.many("status"),
        *(word for name, words in _SETS.items() if parsed.flag(name) for word in words),
    ]
    component, _, config = (parsed.text("config") or "").partition("/")
    since = "finishedFrom" if parsed.flag("failed") else "createdFrom"
    given: Json = parsed.members() | {
        "status": statuses,
        "component": component,
        "config": config,
        "parentRunId": _run_id(session, parsed.text("parent")),
        "owner": _user_name() if parsed.flag("mine") else None,
        "visible": NULL if parsed.flag("with_hidden") else False if parsed.flag("hidden") else None,
        "onlyRoots": None if any(parsed.values.get(name) for name in _WITH_CHILDREN) else True,
        "acknowledged": _acknowledged(parsed),
        "unresolved": True if parsed.flag("failed") else None,
        since: times.wire_since(parsed.text("since"), parsed.command.name if parsed.command else ""),
    }
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


def _acknowledged(parsed: Parsed) -> bool | None:
    """Return the filter for acknowledged failures, which are listed only on request."""
    if parsed.flag("acknowledged"):
        return True
    return False if parsed.flag("failed") else None


def _run_id(session: Session, reference: str | None) -> str | None:
    """Return the run id of a parent job; a reference with dots is a run id already."""
    if reference is None or ("." in reference and reference.replace(".", "").isdigit()):
        return reference
    job = session.call("job.get", id=session.job_id(reference), fields=["runId"])
    return str(job["runId"])


def _user_name() -> str:
    import os
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def print_jobs(out: Output, found: list[Json], as_tree: bool) -> None:
    """Print jobs as a table, or whole families as trees."""
    if not out.terminal:
        out.table((), [_plain_row(job) for job in found])
        return
    if not found:
        return
    now = times.now()
    rows: list[list[Cell]]
    if as_tree:
        from lockside.cli.jobs.job_tree import label, tree_rows

        rows = [_row(job, lines + label(job, bool(lines)), now) for lines, job in tree_rows(found)]
    else:
        rows = [_row(job, describe.alone(job), now) for job in found]
    headings = ["JOB", "ID", "STATUS", "TOOK", "CREATED", ""]
    if out.width < _NARROW:
        place = headings.index("CREATED")
        headings = headings[:place] + headings[place + 1 :]
        rows = [row[:place] + row[place + 1 :] for row in rows]
    out.table(headings, rows)


def _row(job: Json, name: str, now: Any) -> list[Cell]:
    word, colour = describe.status(job)
    return [
        name,
        job["id"],
        (f"{describe.SYMBOLS.get(word, '?')} {word}", colour),
        describe.took(job, now),
        (times.ago(job.get("createdTime"), now), "dim"),
        describe.detail(job),
    ]


def _plain_row(job: Json) -> list[Cell]:
    columns = ("id", "status", "component", "config", "name", "createdTime", "startTime", "endTime")
    return [job.get(column) for column in columns]
