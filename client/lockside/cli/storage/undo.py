"""`undo`: restore the tables that a job wrote and the states that it saved."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.storage.tables import finish


def undo(session: Session, parsed: Parsed) -> int:
    """Undo a job and wait for the job that does it, or show what would change."""
    asked = {
        "id": session.job_id(parsed.required("job")),
        "tables": parsed.many("table"),
        "force": parsed.flag("force"),
    }
    is_plan = parsed.flag("dry_run")
    if is_plan or not session.out.as_json:
        plan = session.call("job.undo", dryRun=True, **asked)
        if session.out.is_given(plan):
            return exits.DONE
        for line in _lines(plan):
            session.out.line(line)
    return exits.DONE if is_plan else finish(session, parsed, session.call("job.undo", **asked))


def _lines(plan: Json) -> list[str]:
    tables = [
        f"{one['id']}: version {one['version']} -> "
        + ("the trash" if one["toVersion"] is None else f"the content of version {one['toVersion']}")
        for one in plan["tables"]
    ]
    states = [
        f"state of {one['component']}/{one['config']}{'#' + one['row'] if one['row'] else ''}: "
        f"version {one['version']} -> "
        + (f"that of version {one['toVersion']}" if one["toVersion"] else "none")
        for one in plan["states"]
    ]
    files = [f"file {one['id']}, {one['name']}: deleted" for one in plan["files"]]
    return [*tables, *states, *files, *plan["conflicts"]]
