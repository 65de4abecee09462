"""`metrics`: the daemon's metrics for other programs."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def metrics(session: Session, _: Parsed) -> int:
    answer = session.call("daemon.metrics")
    if not session.out.is_given(answer):
        session.out.verbatim(str(answer if isinstance(answer, str) else answer["text"]).rstrip("\n"))
    return exits.DONE
