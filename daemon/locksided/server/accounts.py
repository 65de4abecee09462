"""What the machine's user database knows of users. It may ask the network: call it in a thread."""

import os
import pwd

from locksided.core.errors import NotFound


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
