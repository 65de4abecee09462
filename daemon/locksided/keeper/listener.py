"""The keeper's socket: created safely, held by one keeper, open only to its own user and root."""

import fcntl
import os
import signal
import socket
import struct
from contextlib import suppress

from locksided.keeper import private

LOCK_SECONDS = 1.0
"""A process just forked by a dead keeper may hold its lock for a moment; this is how long to wait."""

_BACKLOG = 16
_PEER = struct.Struct("3i")


class KeeperLives(Exception):
    """Another keeper holds this socket."""


def take_lock(path: str) -> int:
    """Take the lock beside the socket and return its descriptor. Raises KeeperLives."""
    fd = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, LOCK_SECONDS)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except TimeoutError:
        os.close(fd)
        raise KeeperLives(f"another keeper lives on {path}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return private.add(fd)


def _give_up(_number: int, _frame: object) -> None:
    raise TimeoutError


def listen(path: str) -> socket.socket:
    """Bind and listen, replacing a stale socket; the path may be longer than a socket address."""
    folder, name = os.path.split(os.path.abspath(path))
    folder_fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder_fd)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(f"/proc/self/fd/{folder_fd}/{name}")
    finally:
        os.close(folder_fd)
    listening.listen(_BACKLOG)
    return listening


def accept(listening: socket.socket) -> socket.socket | None:
    """Accept the next connection if there is one and its peer is allowed."""
    try:
        peer, _ = listening.accept()
    except (BlockingIOError, ConnectionError):
        return None
    _, uid, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if uid not in (0, os.geteuid()):
        peer.close()
        return None
    peer.setblocking(False)
    return peer
