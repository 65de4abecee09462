"""Descriptors that belong to the keeper alone: its socket, its lock, its connection.

A new process closes them first. They are also closed by exec, but until then the process would hold a dead
keeper's socket and lock, and the daemon would believe that the keeper lives.
"""

import os
from contextlib import suppress

_fds: set[int] = set()


def add(fd: int) -> int:
    """Register a descriptor; return it."""
    _fds.add(fd)
    return fd


def remove(fd: int) -> None:
    """Unregister a descriptor that is about to be closed."""
    _fds.discard(fd)


def close_all() -> None:
    """Close them; only in a new process."""
    for fd in _fds:
        with suppress(OSError):
            os.close(fd)
