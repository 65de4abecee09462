"""The paths at which a daemon's socket is searched. Nothing is opened or created here. A client with an
explicit path uses only that. Otherwise it tries the sockets of a daemon of the same user, then those of the
machine's daemon.
"""

from __future__ import annotations

import os


def example_folder() -> str:
    """Return the folder of the example pipeline; raises FileNotFoundError if it is not installed."""
    return shipped("example")


def shipped(name: str) -> str:
    """Return the path of a file or folder of `config`; raises FileNotFoundError if it is not installed."""
    package = os.path.dirname(os.path.abspath(__file__))
    source = os.path.join(os.path.dirname(os.path.dirname(package)), "config", name)
    for path in (os.path.join(package, f"_{name}"), source):
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name} is not installed with this package.")


SOCKET_NAME = "lockside.sock"
MACHINE_SOCKETS = ("/run/lockside/lockside.sock", "/var/lib/lockside/lockside.sock")


def socket_candidates(explicit: str | None = None) -> list[str]:
    """Return the socket paths to try, in order; exactly one if the caller or $LOCKSIDE_SOCKET names it."""
    named = explicit or os.environ.get("LOCKSIDE_SOCKET")
    if named:
        return [os.path.abspath(named)]
    own = _own_sockets()
    ordered = [*MACHINE_SOCKETS, *own] if os.geteuid() == 0 else [*own, *MACHINE_SOCKETS]
    return list(dict.fromkeys(ordered))


def _own_sockets() -> list[str]:
    found = []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        found.append(os.path.join(runtime, "lockside", SOCKET_NAME))
    state = os.environ.get("XDG_STATE_HOME")
    if not state:
        home = os.environ.get("HOME") or os.path.expanduser("~")
        state = os.path.join(home, ".local", "state")
    found.append(os.path.join(state, "lockside", SOCKET_NAME))
    return found
