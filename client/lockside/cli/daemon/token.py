"""`token`: creates and lists tokens."""

from __future__ import annotations

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell


def create(session: Session, parsed: Parsed) -> int:
    """Create a token and print only its secret to stdout, for scripts."""
    seconds = parsed.number("expires")
    end = {} if seconds is None else {"expiresTime": times.wire_ago(-seconds)}
    answer = session.call("token.create", **parsed.members(), **end)
    number = answer["id"]
    told = f"This is token {number}; it is not shown again. To revoke it: lockside token revoke {number}"
    return session.out.result(answer, answer["secret"], told)


def ls(session: Session, _: Parsed) -> int:
    """List tokens."""
    now = times.now()

    def row(token: Json) -> list[Cell]:
        made, end = times.ago(token["createdTime"], now), times.ago(token.get("expiresTime"), now)
        return [token["id"], token["name"], token["user"], token["role"], made, end or "never"]

    headings = ("TOKEN", "NAME", "USER", "ROLE", "CREATED", "EXPIRES")
    none = "No tokens yet. Try: lockside token create NAME --role viewer"
    return session.out.listed(session.call("token.list"), "tokens", headings, row, none)
