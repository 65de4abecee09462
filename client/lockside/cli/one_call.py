"""The commands that are one call of a method: what was typed is sent, and its answer told in a sentence."""

from __future__ import annotations

from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def tell(session: Session, parsed: Parsed) -> int:
    """Call the method; its answer's members, and what was `typed`, fill the sentences of the command."""
    command = parsed.command
    assert command is not None
    answer = session.call(command.method, **parsed.members())
    words = {**answer, "typed": parsed.values}
    return session.out.result(answer, command.says.format(**words), command.next.format(**words))
