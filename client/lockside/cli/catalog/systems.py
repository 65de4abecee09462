"""`system check`: whether a system can be used."""

from __future__ import annotations

from lockside.cli import exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session


def check(session: Session, parsed: Parsed) -> int:
    """Have the daemon try it, and tell what it found."""
    answer = session.call("system.check", id=parsed.required("system"))
    if session.out.as_json:
        session.out.json(answer)
        return exits.DONE
    entries = answer["entries"]
    found = "it answers" if entries is None else f"{entries} entries"
    written = ", a file was written and removed" if answer["isWritable"] else ""
    session.out.line(f"{answer['id']} can be used: {found}{written}")
    return exits.DONE
