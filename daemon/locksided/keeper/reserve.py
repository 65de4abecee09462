"""A few descriptors kept back, so that processes are found and stopped also when no other is left.

Without them a look into /proc would find nothing, and nothing must never be taken for the proof that a tree
is empty. Single-threaded: nobody else can take what is lent.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

KEPT = 4
"""A folder that is read, a file in it, a pidfd, and one more."""

_kept: list[int] = []
_depth = 0


def keep() -> None:
    """Have the reserve full again, as far as the system lets us."""
    with suppress(OSError):
        while len(_kept) < KEPT:
            _kept.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


@contextmanager
def lent() -> Iterator[None]:
    """The reserve can be used meanwhile."""
    global _depth
    _depth += 1
    while _kept:
        os.close(_kept.pop())
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            keep()
