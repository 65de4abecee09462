"""Users: the user at the other end of a socket, and lookups in the machine's user database.

The user and all groups of a peer are those at connect time; nothing that the peer claims is used. The user
database may use the network: call it in a thread.
"""

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Final

from lockside.protocol.words import Role
from locksided.core.errors import Forbidden, NotFound
from locksided.server.access import Access, Principal

_CREDENTIALS: Final = struct.Struct("iII")
_SO_PEERGROUPS: Final = 59
_GID_BYTES: Final = 4
_MOST_BYTES: Final = 1024  # limit of Python's getsockopt: 256 groups


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's process, user and groups, including its primary group."""

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...]


def peer_of(connected: socket.socket) -> Peer:
    """Return the peer of a connected Unix socket. Raises OSError for other sockets."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    return Peer(pid, uid, gid, tuple(sorted({gid, *_groups_of(connected, uid, gid)})))


def user_name(uid: int) -> str:
    """Return the user's name, or its number as text if nameless; may use the network: call it in a thread."""
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


def user_of(name: str, path: str = "$.owner") -> tuple[int, int, str]:
    """Return the uid, the primary group and the name of a user. Raises NotFound."""
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):  # ValueError: a NUL in the name
        raise NotFound(f"There is no user {name!r} on this machine.", path=path) from None
    return entry.pw_uid, entry.pw_gid, entry.pw_name


def groups_of(uid: int, gid: int) -> tuple[int, ...]:
    """Return all groups of a user, including `gid`; only that for a user without a name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return (gid,)
    return tuple(sorted({gid, *os.getgrouplist(entry.pw_name, entry.pw_gid)}))


def owner_now(access: Access, uid: int, gid: int, user: str) -> Principal:
    """Return the owner with its current rights; may use the network, so call it in a thread.

    Raises Forbidden when the user is gone, when the uid has another name, or when the role is too low.
    """
    if user_name(uid) != user:
        raise Forbidden(
            f"The owner {user} (uid {uid}) is gone: an admin can give it to another user with `owner`.",
            path="$.schedule.owner",
        )
    groups = groups_of(uid, gid)
    role = access.role_of(uid, groups)
    if role < Role.OPERATOR:
        raise Forbidden(
            f"The owner {user} has the role {role.word} now, which may not create jobs.",
            path="$.schedule.owner",
        )
    return Principal(uid, gid, user, groups, role, 0)
