"""`apply` and `validate`: a folder of files against what the daemon has stored.

The plan is made before any change.
"""

from __future__ import annotations

from typing import Any

from lockside.cli import exits
from lockside.cli.differences import differences
from lockside.cli.folder import Folder, read_folder
from lockside.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

Json = dict[str, Any]


class Step:
    """One object to store: `before` is what is stored now, or None."""

    def __init__(self, what: str, method: str, params: Json, before: Json | None, changes: list[str]) -> None:
        self.what = what
        self.method = method
        self.params = params
        self.is_new = before is None
        self.changes = changes


def validate(session: Session, parsed: Parsed) -> int:
    """Check a folder without a daemon."""
    path = parsed.required("dir")
    found = read_folder(path)
    if session.out.as_json:
        session.out.json({"faults": found.faults})
    elif not found.faults:
        session.out.line(f"{path} is fine: {_count(found)}")
    return _faults(session, found)


def _faults(session: Session, found: Folder) -> int:
    for fault in found.faults if not session.out.as_json else ():
        session.say_aside(fault)
    return exits.USAGE if found.faults else exits.DONE


def _count(found: Folder) -> str:
    counts = (
        (len(found.pools), "pool"),
        (len(found.components), "component"),
        (len(found.configs), "configuration"),
        (len(found.variables), "set of variables"),
    )
    listed = [
        f"{count} {word}{'s' if count > 1 and ' ' not in word else ''}" for count, word in counts if count
    ]
    return ", ".join(listed) or "empty"


def apply(session: Session, parsed: Parsed) -> int:
    """Show what differs, and store it unless only the plan was asked for."""
    found = read_folder(parsed.required("dir"))
    if found.faults:
        session.say_aside("nothing is changed:")
        return _faults(session, found)
    steps = plan(session, found)
    changing = [step for step in steps if step.is_new or step.changes]
    if session.out.as_json:
        session.out.json(
            {"changes": [_as_json(step) for step in changing], "unchanged": len(steps) - len(changing)}
        )
    else:
        _show_plan(session, changing, len(steps))
    if not parsed.flag("plan"):
        carry_out(session, changing, parsed.text("message"))
        if changing and not session.out.as_json:
            session.out.line(f"Done: {len(changing)} of {len(steps)} changed.")
    elif changing:
        session.out.hint(f"Nothing is changed yet. Next: lockside apply {parsed.required('dir')}")
    return exits.DONE


def _as_json(step: Step) -> Json:
    return {"object": step.what, "action": "create" if step.is_new else "change", "differences": step.changes}


def _show_plan(session: Session, changing: list[Step], count: int) -> None:
    out = session.out
    if not changing:
        out.line(
            f"Nothing differs: all {count} are as the folder says."
            if count
            else "The folder asks for nothing."
        )
    for step in changing:
        sign, colour = ("+", "green") if step.is_new else ("~", "yellow")
        out.line(out.paint(colour, f"{sign} {step.what}"))
        for change in step.changes:
            out.line(f"    {change}")


def plan(session: Session, found: Folder) -> list[Step]:
    """Compare a folder with what is stored, in the order in which it has to be stored."""
    pools = {pool["id"]: pool for pool in session.call("pool.list")["pools"]} if found.pools else {}
    steps = [
        _step("pool " + name, "pool.put", {"pool": pool}, pool, pools.get(name))
        for name, pool in found.pools.items()
    ]
    for name, component in found.components.items():
        params = {"component": component}
        before = _stored(session, "component.get", id=name)
        steps.append(_step("component " + name, "component.put", params, component, before))
    for name, variables in found.variables.items():
        params = {"variables": variables}
        before = _stored(session, "variables.get", id=name)
        steps.append(_step("variables " + name, "variables.put", params, variables, before))
    for (owner, name), config in found.configs.items():
        before = _stored(session, "config.get", component=owner, config=name)
        steps.append(_step(f"configuration {owner}/{name}", "config.put", config, config, before))
    return steps


def _step(what: str, method: str, params: Json, wanted: Json, before: Json | None) -> Step:
    return Step(
        what, method, params, before, differences(method, wanted, before) if before is not None else []
    )


def _stored(session: Session, method: str, **params: Any) -> Json | None:
    try:
        found: Json = session.call(method, **params)
    except NotFound:
        return None
    return None if found.get("isDeleted") else found


def carry_out(session: Session, steps: list[Step], message: str | None = None) -> None:
    """Store what differs."""
    from lockside.cli.catalog import warn_about

    for step in steps:
        params = step.params
        if message and step.method == "config.put":
            params = params | {"changeDescription": message}
        stored = session.call(step.method, **params)
        warn_about(session, stored.get("warnings") or ())
