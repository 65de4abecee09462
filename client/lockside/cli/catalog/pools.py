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
    """List pools."""
    found = session.call("pool.list")["pools"]
    if session.out.as_json:
        session.out.json({"pools": found})
    else:
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
    """Make a pool, or change it; what is not named stays as it is."""
    name = parsed.required("pool")
    known = {pool["id"]: pool for pool in session.call("pool.list")["pools"]}
    slots = parsed.values.get("slots")
    if slots is None and name not in known:
        raise UsageError("a new pool needs --slots N.", "pool put")
    before = known.get(name, {})
    pool = {
        "id": name,
        "slots": before.get("slots") if slots is None else slots,
        "executor": before.get("executor") or "local",
        "description": parsed.text("description") or before.get("description"),
    }
    stored = session.call("pool.put", pool={key: value for key, value in pool.items() if value is not None})
    return _tell(session, stored, "now has" if before else "created with")


def _tell(session: Session, pool: Json, did: str) -> int:
    if session.out.as_json:
        session.out.json(pool)
    else:
        slots = pool.get("slots")
        session.out.line(f"pool {pool['id']} {did} {slots} {'slot' if slots == 1 else 'slots'}")
    return exits.DONE


def pause(session: Session, parsed: Parsed) -> int:
    """Start nothing more in a pool."""
    pool = session.call("pool.pause", id=parsed.required("pool"), comment=parsed.text("comment"))
    if session.out.as_json:
        session.out.json(pool)
        return exits.DONE
    session.out.line(f"pool {pool['id']} is paused; running jobs go on")
    session.out.hint(f"  next: lockside pool resume {pool['id']}")
    return exits.DONE


def resume(session: Session, parsed: Parsed) -> int:
    """Let a pool go on."""
    return _tell(session, session.call("pool.resume", id=parsed.required("pool")), "goes on with")


def rm(session: Session, parsed: Parsed) -> int:
    """Delete a pool that no live job names."""
    name = parsed.required("pool")
    answer = session.call("pool.delete", id=name)
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"pool {name} is deleted")
    return exits.DONE
