"""A few reserved descriptors, so that processes can be found and stopped even if no other is free.

Without them /proc could not be read, and that must never be taken for proof that a tree is empty. The process
is single-threaded: nobody else can take a lent descriptor.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

KEPT = 4
"""For a folder, a file in it, a pidfd, and one more."""

_kept: list[int] = []
_depth = 0


def keep() -> None:
    """Refill the reserve, as far as the system allows."""
    with suppress(OSError):
        while len(_kept) < KEPT:
            _kept.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


@contextmanager
def lent() -> Iterator[None]:
    """Make the reserve available inside this context."""
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
