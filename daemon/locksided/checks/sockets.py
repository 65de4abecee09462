"""The socket files: ours and its permissions, and those left by dead keepers."""

import fcntl
import os
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path

from locksided import threads
from locksided.checks.problem import Problem
from locksided.server.listeners import Listener


def own(listener: Listener, *, has_group: bool) -> list[Problem]:
    """Check that clients find the socket, and only permitted users can open it."""
    path = listener.path
    if not listener.is_in_place:
        return [_displaced(listener)]
    found = os.lstat(path)
    mode = stat.S_IMODE(found.st_mode)
    wanted = 0o660 if has_group else 0o600
    if not mode & ~wanted:
        return []
    text = f"The socket {path} can be opened by others (mode {mode:04o} instead of {wanted:04o})."
    mend = partial(threads.run_sync, os.chmod, path, mode & wanted)
    return [Problem("socket_rights", text, f"chmod {mode & wanted:04o} {path}", _since(found), mend)]


def _displaced(listener: Listener) -> Problem:
    """Report a displaced socket: the daemon creates it again at once, so something prevents that."""
    path = listener.path
    state = "is another process's" if os.path.lexists(path) else "is gone"
    text = f"The socket {path} {state}: no new client can connect."
    repair = f"end the process that listens at {path}, or remove what is there; the daemon then listens again"
    if listener.is_passed:
        repair = "`systemctl restart lockside.socket lockside` (jobs go on)"
    return Problem("socket", text, repair, details={"path": str(path)})


def of_keepers(folder: Path) -> list[Problem]:
    """Return sockets without a listener: their keepers are dead, and connecting to them fails."""
    return [_stale(path) for path in sorted(folder.glob("*.sock")) if is_stale(path)]


def is_stale(path: Path) -> bool:
    """Return whether it is a socket whose keeper is dead: a living one holds the lock beside it."""
    if not path.is_socket():
        return False
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _stale(path: Path) -> Problem:
    text = f"The keeper's socket {path} is stale: no keeper listens there."
    mend = partial(threads.run_sync, remove_stale, path)
    return Problem("keeper_socket", text, f"rm {path}", _since(os.lstat(path)), mend, {"path": str(path)})


def remove_stale(path: Path) -> None:
    """Remove a dead keeper's socket, unless a keeper is about to listen there."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _since(found: os.stat_result) -> int:
    return int(found.st_ctime * 1_000_000)
