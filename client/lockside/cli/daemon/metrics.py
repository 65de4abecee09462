"""`metrics`: what a daemon gives out about itself to other programs."""

from __future__ import annotations

from lockside.cli import exits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session


def metrics(session: Session, _: Parsed) -> int:
    """Print the daemon's metrics."""
    answer = session.call("daemon.metrics")
    session.out.line(str(answer if isinstance(answer, str) else answer["text"]).rstrip("\n"))
    return exits.DONE
