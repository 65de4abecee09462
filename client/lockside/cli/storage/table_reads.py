"""`table diff|lineage`: the changes of a table, and the origin of its rows."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.storage.tables import SHOWN


def diff(session: Session, parsed: Parsed) -> int:
    """Show the rows in which two versions differ."""
    found = session.call("storage.diff", **SHOWN | parsed.members())
    if session.out.is_given(found):
        return exits.DONE
    counts = found["counts"]
    session.out.line(", ".join(f"{counts[what]} {what}" for what in ("inserted", "deleted", "updated")))
    rows = [("+", row) for row in found["inserted"]] + [("-", row) for row in found["deleted"]]
    rows += [pair for one in found["updated"] for pair in (("<", one["before"]), (">", one["after"]))]
    if rows:
        headings = ("", *(str(column["name"]) for column in found["columns"]))
        session.out.table(headings, [[sign, *row] for sign, row in rows])
    return exits.DONE


def lineage(session: Session, parsed: Parsed) -> int:
    """Show what a table was created from, or what was created from it."""
    direction = "down" if parsed.flag("down") else "up"
    found = session.call("storage.lineage", **parsed.members(), direction=direction)
    if session.out.is_given(found):
        return exits.DONE
    nodes = {node["id"]: node for node in found["nodes"]}
    here, there = ("fromId", "toId") if parsed.flag("down") else ("toId", "fromId")
    following: dict[str, list[str]] = {}
    for edge in found["edges"]:
        following.setdefault(edge[here], []).append(edge[there])
    _tree(session, nodes, following, found["nodes"][0]["id"], 0, set())
    return exits.DONE


def _tree(
    session: Session, nodes: Json, following: dict[str, list[str]], place: str, depth: int, seen: set[str]
) -> None:
    again = " (see above)" if place in seen and following.get(place) else ""
    session.out.line("  " * depth + _named(nodes[place]) + again)
    if not again:
        seen.add(place)
        for other in following.get(place, ()):
            _tree(session, nodes, following, other, depth + 1, seen)


def _named(node: Json) -> str:
    if node["kind"] == "table":
        return f"{node['table']}, version {node['version']}"
    of = "/".join(filter(None, (node.get("component"), node.get("config"))))
    return f"job {node['job']} {of}".rstrip()
