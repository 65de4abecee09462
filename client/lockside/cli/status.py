"""`backup` and `metrics`: what a daemon gives out about itself to other programs."""

from __future__ import annotations

import os

from lockside.cli import exits, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session


def backup(session: Session, parsed: Parsed) -> int:
    """Write a copy of the daemon's database."""
    path = parsed.text("file")
    answer = session.call("daemon.backup", path=os.path.abspath(path) if path else None)
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"{answer['path']} ({times.size(answer['sizeBytes'])})")
    return exits.DONE


def metrics(session: Session, _: Parsed) -> int:
    """Print the daemon's metrics."""
    answer = session.call("daemon.metrics")
    session.out.line(str(answer if isinstance(answer, str) else answer["text"]).rstrip("\n"))
    return exits.DONE
