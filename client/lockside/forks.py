"""What a forked child does with the connections of its parent: it closes its copies and opens its own.

Answers on them are the parent's. While a copy is open, the daemon cannot tell that the parent is gone.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Link(Protocol):
    """What holds connections."""

    def abandon(self) -> None:
        """Close this process's copies, without a word to the daemon, and hold none any more."""


_links: WeakSet[Link] = WeakSet()


def abandon_in_children(link: Link) -> None:
    """Have every forked child begin without the connections of this link."""
    _links.add(link)


def _abandon_all() -> None:
    for link in list(_links):
        link.abandon()


os.register_at_fork(after_in_child=_abandon_all)
