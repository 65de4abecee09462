"""One daemon per state folder: an flock, which the kernel gives back at any death, with the pid in it."""

import fcntl
import os
from pathlib import Path


class AnotherDaemonError(Exception):
    """Another daemon has this state folder; the message names its pid."""


def take_lock(path: Path) -> int:
    """Hold the folder's lock until this process ends; answers the open file. Raises AnotherDaemonError."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(opened, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(opened)
        raise AnotherDaemonError(
            f"another locksided (pid {pid}) already runs on {path.parent}: "
            "stop it first, or name another folder with --state-dir"
        ) from None
    os.ftruncate(opened, 0)
    os.pwrite(opened, f"{os.getpid()}\n".encode(), 0)
    return opened
