"""`system check`: whether a system can be used."""

from __future__ import annotations

from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def check(session: Session, parsed: Parsed) -> int:
    """Make the daemon check a system, and print the result."""
    answer = session.call("system.check", id=parsed.required("system"))
    entries = answer["entries"]
    found = "it answers" if entries is None else f"{entries} entries"
    written = ", a file was written and removed" if answer["isWritable"] else ""
    return session.out.result(answer, f"{answer['id']} can be used: {found}{written}")
