"""How much of unfinished requests is held for all clients together: past the bound the largest gives way.

So a crowd that sends beginnings without ends costs bounded memory, and a request of ordinary size is taken.
"""

from typing import Protocol


class Holder(Protocol):
    """Who holds an unfinished request."""

    def give_way(self) -> None:
        """Hold it no more, and say so to the client; `note` is called with 0 by that."""


class Unfinished:
    """The sizes in bytes of what all holders hold."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._sizes: dict[Holder, int] = {}
        self._total = 0

    def note(self, holder: Holder, size: int) -> None:
        """A holder has this much now; whoever has the most gives way while all have too much."""
        self._total += size - self._sizes.pop(holder, 0)
        if size:
            self._sizes[holder] = size
        while self._total > self.max_bytes:
            max(self._sizes, key=self._sizes.__getitem__).give_way()
