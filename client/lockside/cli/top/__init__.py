"""`top`: a live view on one screen. Only this package needs textual."""

from __future__ import annotations

from lockside.cli import exits
from lockside.errors import LocksideError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session


def top(session: Session, _: Parsed) -> int:
    try:
        from lockside.cli.top.app import Top
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith(("textual", "rich")):
            raise
        raise LocksideError(
            "`lockside top` needs textual, which is not installed here.",
            remedy="Install it with: pip install 'lockside[top]'. Without it: lockside ls --watch --active",
        ) from error
    if not session.out.terminal:
        raise LocksideError(
            "`lockside top` needs a terminal.", remedy="For a program: lockside ls --watch --json"
        )
    session.link.path()
    Top(session.link.socket, session.engine.project).run()
    return exits.DONE
