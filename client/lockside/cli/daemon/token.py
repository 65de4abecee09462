"""`token`: tokens are made, listed and revoked."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def create(session: Session, parsed: Parsed) -> int:
    """Make a token and print its secret alone, so that a script can keep it."""
    seconds = parsed.number("expires")
    answer = session.call(
        "token.create",
        name=parsed.required("name"),
        role=parsed.text("role"),
        user=parsed.text("user"),
        expiresTime=None if seconds is None else times.wire_ago(-seconds),
    )
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(answer["secret"])
        session.out.hint(
            f"Token {answer['id']}; it is not shown again. End it: lockside token revoke {answer['id']}"
        )
    return exits.DONE


def ls(session: Session, _: Parsed) -> int:
    """List tokens."""
    found = session.call("token.list")["tokens"]
    if session.out.as_json:
        session.out.json({"tokens": found})
        return exits.DONE
    now = times.now()
    session.out.table(
        ("TOKEN", "NAME", "USER", "ROLE", "CREATED", "EXPIRES"),
        [
            [
                *(one["id"], one["name"], one["user"], one["role"], times.ago(one["createdTime"], now)),
                times.ago(one.get("expiresTime"), now) or "never",
            ]
            for one in found
        ],
    )
    if not found:
        session.out.hint("No tokens yet. Try: lockside token create NAME --role viewer")
    return exits.DONE


def revoke(session: Session, parsed: Parsed) -> int:
    """End a token."""
    answer = session.call("token.revoke", id=parsed.required("token"))
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"Token {answer['id']} is revoked.")
    return exits.DONE
