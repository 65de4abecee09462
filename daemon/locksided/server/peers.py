"""Asks the kernel who is at the other end of a Unix socket.

The user and all groups are those that the peer had when it connected; nothing the peer says is believed.
"""

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Final

_CREDENTIALS: Final = struct.Struct("iII")
_SO_PEERGROUPS: Final = 59
_GID_BYTES: Final = 4
_MOST_BYTES: Final = 1024  # what Python's getsockopt takes: 256 groups


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's process, user and groups, its primary group among them."""

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...]


def peer_of(connected: socket.socket) -> Peer:
    """The peer of a connected Unix socket. Raises OSError if it is none."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    return Peer(pid, uid, gid, tuple(sorted({gid, *_groups_of(connected, uid, gid)})))


def user_name(uid: int) -> str:
    """The user's name, or the number as text when it has none; may ask the network, so ask in a thread."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _groups_of(connected: socket.socket, uid: int, gid: int) -> list[int]:
    try:
        raw = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError:  # more groups than that, or a kernel before 4.13: ask the user database
        return os.getgrouplist(user_name(uid), gid)
    return list(struct.unpack(f"{len(raw) // _GID_BYTES}I", raw))
