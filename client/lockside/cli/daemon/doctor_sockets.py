"""The socket files, as `doctor` sees them from outside: what they are, and who may open them."""

from __future__ import annotations

import os
import socket
import stat
from functools import partial

from lockside.cli.daemon.findings import Finding
from lockside.cli.times import text_of_seconds
from lockside.paths import socket_candidates


def look_at_sockets(explicit: str | None) -> list[Finding]:
    """Look at the socket files, as a stranger would see them."""
    found = []
    for path in socket_candidates(explicit):
        try:
            state = os.stat(path)
        except OSError:
            continue
        found.append(_look_at(path, state))
    return found or [
        Finding("warning", "socket", "there is no socket at " + ", ".join(socket_candidates(explicit)))
    ]


def _look_at(path: str, state: os.stat_result) -> Finding:
    mode = stat.S_IMODE(state.st_mode)
    since = text_of_seconds(state.st_ctime)
    if not stat.S_ISSOCK(state.st_mode):
        return Finding(
            "error", "socket", f"{path} is no socket", "Move it away and start the daemon again.", since
        )
    if is_stale(path):
        remedy = "Remove it, or start the daemon, which does."
        repair = partial(remove_stale, path)
        text = f"{path} is stale: nobody listens there"
        return Finding("warning", "socket", text, remedy, since, can_fix=True, repair=repair)
    if mode & 0o007:
        remedy = f"chmod o-rwx {path}"
        repair = partial(os.chmod, path, mode & ~0o007)
        text = f"everybody may open {path} (mode {mode:04o})"
        return Finding("error", "socket", text, remedy, since, can_fix=True, repair=repair)
    return Finding("ok", "socket", f"{path} (mode {mode:04o}, owner {_user(state.st_uid)})")


def is_stale(path: str) -> bool:
    """Whether it is a socket at which nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def remove_stale(path: str) -> None:
    """Remove the file, unless somebody listens there by now."""
    if is_stale(path):
        os.unlink(path)


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
