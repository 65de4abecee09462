"""Descriptors that are the keeper's alone: its socket, its lock, its connection.

A new process closes them before anything else. They close themselves at its exec, too, but until then the
process would keep a dead keeper's socket and lock, and the daemon would take the keeper for alive.
"""

import os
from contextlib import suppress

_fds: set[int] = set()


def add(fd: int) -> int:
    """Take note of a descriptor; answers it."""
    _fds.add(fd)
    return fd


def remove(fd: int) -> None:
    """It is about to be closed."""
    _fds.discard(fd)


def close_all() -> None:
    """Close them; only in a new process."""
    for fd in _fds:
        with suppress(OSError):
            os.close(fd)
