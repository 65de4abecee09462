"""What systemd passes to a service and expects from it: sockets and readiness.

Both are absent when the process is started by hand.
"""

import os
import socket

FIRST_FD = 3


def passed_socket() -> socket.socket | None:
    """Return the listening socket that systemd passed to this process, if any."""
    is_meant_for_us = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    count = os.environ.pop("LISTEN_FDS", "0")
    os.environ.pop("LISTEN_FDNAMES", None)
    if not is_meant_for_us or not count.isdigit() or int(count) < 1:
        return None
    # A copy with a higher number: the low numbers are for jobs.
    return socket.socket(fileno=os.dup(FIRST_FD))


def notify(state: str) -> None:
    """Report a state such as `READY=1` to systemd, if it wants that."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        try:
            out.sendto(state.encode(), address)
        except OSError:
            # A manager that does not listen is no reason to abandon jobs.
            return
