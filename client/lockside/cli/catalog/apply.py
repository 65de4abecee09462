"""`apply`: stores a folder of files in the daemon. The daemon computes the plan and applies it in one
transaction; either exactly the plan that was shown is applied, or nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from lockside.cli import exits
from lockside.cli.catalog.plan_text import counts, lines
from lockside.cli.catalog.validate import faults_json, print_faults, print_notes
from lockside.cli.files.faults import FileFault
from lockside.cli.files.folder import Folder, read_folder
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session
from lockside.documents.paths import steps_of
from lockside.errors import LocksideError

Json = dict[str, Any]


def apply(session: Session, parsed: Parsed) -> int:
    found = read_folder(parsed.required("dir"))
    if found.faults:
        return _refuse(session, found, found.faults)
    asked = found.asked() | {"prune": parsed.flag("prune") or None, "branchId": parsed.text("branch")}
    try:
        plan = session.call("catalog.apply", **asked, dryRun=True)
    except LocksideError as error:
        faults = _located(found, error)
        if not faults:
            raise
        return _refuse(session, found, faults)
    if not session.out.as_json:
        print_notes(session, found)
        _show(session, found, plan)
    if parsed.flag("plan") or not plan["changes"]:
        return _end_of_plan(session, parsed, plan)
    if not parsed.flag("yes") and not _is_confirmed(session, plan):
        session.out.line("Nothing was changed.")
        return exits.FAILED
    done = session.call("catalog.apply", **asked, plan=plan["plan"], changeDescription=parsed.text("message"))
    if not session.out.is_given(done):
        session.out.line(f"Done: {counts(done, past=True)}.")
        _print_next_step(session, done)
    return exits.DONE


def apply_folder(session: Session, found: Folder) -> Json:
    """Store the objects of a folder without faults, and return the changes."""
    done: Json = session.call("catalog.apply", **found.asked())
    return done


def _refuse(session: Session, found: Folder, faults: list[FileFault]) -> int:
    if session.out.as_json:
        found.faults = faults
        session.out.json(faults_json(found))
        return exits.USAGE
    session.say_aside("nothing was changed:")
    return print_faults(session, faults)


def _located(found: Folder, error: LocksideError) -> list[FileFault]:
    """Return the files and lines of the daemon's faults; empty if they do not concern a file."""
    told = error.data.get("faults") or [{"path": error.path, "message": error.message}]
    located = []
    for one in told:
        path = one.get("path") or ""
        steps = steps_of(path)
        item = found.item(str(steps[0]), steps[1]) if len(steps) > 1 and isinstance(steps[1], int) else None
        if item is None:
            return []
        message = one["message"].removeprefix(f"{path}: ").removeprefix(f"{path} ")
        located.append(item.fault(steps[2:], message.removeprefix(f"`{path.removeprefix('$.')}`: ")))
    return located


def _show(session: Session, found: Folder, plan: Json) -> None:
    out = session.out
    if not plan["changes"]:
        count = plan["unchanged"]
        out.line(
            f"Nothing to change: {count} unchanged." if count else "Nothing to change: the folder is empty."
        )
        return
    for colour, text in lines(plan["changes"]):
        out.line(out.paint(colour, text))
    out.line(f"Plan: {counts(plan)}, {plan['unchanged']} unchanged.")


def _end_of_plan(session: Session, parsed: Parsed, plan: Json) -> int:
    if not session.out.is_given(plan) and plan["changes"]:
        prune = " --prune" if parsed.flag("prune") else ""
        session.out.hint(f"Nothing was changed yet. Next: lockside apply {parsed.required('dir')}{prune}")
    return exits.DONE


def _is_confirmed(session: Session, plan: Json) -> bool:
    """Ask for confirmation before anything is removed; scripts confirm it by --prune."""
    removed = sum(change["action"] == "delete" for change in plan["changes"])
    if not removed or not _is_interactive(session):
        return True
    session.out.flush()
    try:
        answer = input(f"Remove {removed} stored object{'' if removed == 1 else 's'}? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in {"y", "yes"}


def _is_interactive(session: Session) -> bool:
    return session.out.terminal and sys.stdin.isatty()


def _print_next_step(session: Session, done: Json) -> None:
    configs = [
        change for change in done["changes"] if change["kind"] == "config" and change["action"] != "delete"
    ]
    if configs:
        name = f"{configs[-1]['component']}/{configs[-1]['id']}"
        session.out.hint(f"Next: lockside run {name} --follow")
