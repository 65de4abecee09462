"""`metrics`: what a daemon gives out about itself to other programs."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def metrics(session: Session, _: Parsed) -> int:
    answer = session.call("daemon.metrics")
    if session.out.as_json:
        session.out.json(answer)
        return 0
    session.out.verbatim(str(answer if isinstance(answer, str) else answer["text"]).rstrip("\n"))
    return exits.DONE
