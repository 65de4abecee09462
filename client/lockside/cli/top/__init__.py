"""`top`: everything live on one screen. It needs textual; nothing else here does."""

from __future__ import annotations

from lockside.errors import LocksideError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session


def top(session: Session, _: Parsed) -> int:
    """Show everything live until the person leaves."""
    raise LocksideError("Not yet.")
