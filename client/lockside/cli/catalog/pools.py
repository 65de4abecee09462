"""`pool`: queues of jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell


def ls(session: Session, _: Parsed) -> int:
    headings = ("POOL", "SLOTS", "RUNNING", "WAITING", "STATE", "")
    return session.out.listed(session.call("pool.list"), "pools", headings, _row)


def _row(pool: Json) -> list[Cell]:
    figures = pool.get("slots"), pool["running"], pool["queued"]
    return [pool["id"], *figures, _state(pool), pool.get("description")]


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
    executor = parsed.text("executor") or before.get("executor") or "local"
    kept = before.get("options") if executor == before.get("executor") else None
    pool = {
        "id": name,
        "slots": before.get("slots") if slots is None else slots,
        "executor": executor,
        "options": {**(kept or {}), **_given(parsed.values.get("option"))} or None,
        "backends": before.get("backends") or None,
        "description": parsed.text("description") or before.get("description"),
    }
    stored = session.call("pool.put", pool={key: value for key, value in pool.items() if value is not None})
    return _tell(session, stored, "now has" if before else "created with")


def _given(options: Sequence[tuple[str, str]] | None) -> Json:
    """Return options by name; lists and objects are given as JSON."""
    found: Json = {}
    for name, text in options or ():
        try:
            found[name] = json.loads(text) if text[:1] in ("[", "{") else text
        except ValueError as error:
            raise UsageError(f"--option {name}: {error}.", "pool put") from None
    return found


def _tell(session: Session, pool: Json, did: str) -> int:
    slots = pool.get("slots")
    return session.out.result(pool, f"pool {pool['id']} {did} {slots} {'slot' if slots == 1 else 'slots'}")


def resume(session: Session, parsed: Parsed) -> int:
    return _tell(session, session.call("pool.resume", id=parsed.required("pool")), "goes on with")
