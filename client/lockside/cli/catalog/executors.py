"""`executor`: the kinds of executors."""

from __future__ import annotations

from lockside.cli import exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session
    from lockside.cli.terminal.output import Cell


def ls(session: Session, _: Parsed) -> int:
    found = session.call("executor.list")["executors"]
    if session.out.is_given({"executors": found}):
        return exits.DONE
    rows: list[list[Cell]] = [
        [
            str(one["kind"]),
            str(one.get("version") or ""),
            "up" if one["isUp"] else "not running",
            ", ".join(one["capabilities"]),
            str(one.get("cause") or ""),
        ]
        for one in found
    ]
    session.out.table(("EXECUTOR", "VERSION", "STATE", "CAN", ""), rows)
    return exits.DONE
