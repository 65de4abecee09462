"""`pool`: the lines that jobs wait in."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session
    from lockside.cli.terminal.output import Cell

    Json = dict[str, Any]


def ls(session: Session, _: Parsed) -> int:
    found = session.call("pool.list")["pools"]
    if not session.out.is_given({"pools": found}):
        table(session, found)
    return exits.DONE


def table(session: Session, found: list[Json]) -> None:
    """Print pools as a table."""
    rows: list[list[Cell]] = [
        [
            str(pool["id"]),
            str(pool.get("slots")),
            str(pool["running"]),
            str(pool["queued"]),
            _state(pool),
            str(pool.get("description") or ""),
        ]
        for pool in found
    ]
    session.out.table(("POOL", "SLOTS", "RUNNING", "WAITING", "STATE", ""), rows)


def _state(pool: Json) -> Cell:
    if pool["isPaused"]:
        by = f" by {pool['pausedBy']}" if pool.get("pausedBy") else ""
        comment = f": {pool['comment']}" if pool.get("comment") else ""
        return f"paused{by}{comment}", "yellow"
    return "open", "green"


def put(session: Session, parsed: Parsed) -> int:
    name = parsed.required("pool")
    known = {pool["id"]: pool for pool in session.call("pool.list")["pools"]}
    slots = parsed.values.get("slots")
    if slots is None and name not in known:
        raise UsageError("a new pool needs --slots N.", "pool put")
    before = known.get(name, {})
    pool = {
        "id": name,
        "slots": before.get("slots") if slots is None else slots,
        "executor": parsed.text("executor") or before.get("executor") or "local",
        "options": {**(before.get("options") or {}), **dict(parsed.values.get("option") or ())} or None,
        "backends": before.get("backends") or None,
        "description": parsed.text("description") or before.get("description"),
    }
    stored = session.call("pool.put", pool={key: value for key, value in pool.items() if value is not None})
    return _tell(session, stored, "now has" if before else "created with")


def _tell(session: Session, pool: Json, did: str) -> int:
    slots = pool.get("slots")
    return session.out.result(pool, f"pool {pool['id']} {did} {slots} {'slot' if slots == 1 else 'slots'}")


def pause(session: Session, parsed: Parsed) -> int:
    pool = session.call("pool.pause", id=parsed.required("pool"), comment=parsed.text("comment"))
    text = f"pool {pool['id']} is paused; running jobs go on"
    return session.out.result(pool, text, f"  next: lockside pool resume {pool['id']}")


def resume(session: Session, parsed: Parsed) -> int:
    return _tell(session, session.call("pool.resume", id=parsed.required("pool")), "goes on with")


def rm(session: Session, parsed: Parsed) -> int:
    name = parsed.required("pool")
    return session.out.result(session.call("pool.delete", id=name), f"pool {name} is deleted")
