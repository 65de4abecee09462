"""What the machine's user database knows of users. It may ask the network: call it in a thread."""

import os
import pwd

from lockside.protocol.words import Role
from locksided.core.errors import Forbidden, NotFound
from locksided.server.access import Access, Principal
from locksided.server.peers import user_name


def user_of(name: str, path: str = "$.owner") -> tuple[int, int, str]:
    """The uid, the primary group and the name of a user. Raises NotFound."""
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):  # ValueError of a NUL in the name
        raise NotFound(f"There is no user {name!r} on this machine.", path=path) from None
    return entry.pw_uid, entry.pw_gid, entry.pw_name


def groups_of(uid: int, gid: int) -> tuple[int, ...]:
    """All groups of a user, `gid` among them; that one alone of a user who has no name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return (gid,)
    return tuple(sorted({gid, *os.getgrouplist(entry.pw_name, entry.pw_gid)}))


def owner_now(access: Access, uid: int, gid: int, user: str) -> Principal:
    """The owner with the rights that he has now; may ask the network, so call it in a thread.

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
