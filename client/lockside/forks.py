"""Closes a forked child's copies of its parent's connections; the child opens its own. Answers on the copies
belong to the parent, and while one is open, the daemon cannot notice the parent's end.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Link(Protocol):
    """An object with connections."""

    def abandon(self) -> None:
        """Close and forget this process's copies, without a message to the daemon."""


_links: WeakSet[Link] = WeakSet()


def abandon_in_children(link: Link) -> None:
    """Make every forked child start without the connections of this link."""
    _links.add(link)


def _abandon_all() -> None:
    for link in list(_links):
        link.abandon()


os.register_at_fork(after_in_child=_abandon_all)
