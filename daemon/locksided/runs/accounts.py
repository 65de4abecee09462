"""The account of a job's processes. Only a daemon that runs as root can use another account than its own."""

import os
import pwd
from functools import lru_cache

from locksided import clock
from locksided.core.errors import Refused
from locksided.keeper.messages import User


class NoAccount(Refused):
    """The account does not exist, or this daemon cannot switch to it."""


KEPT_US = 30_000_000
"""How long entries of the user database are reused: a change of groups takes effect after this time."""


def account_of(uid: int, gid: int | None, user: str | None) -> tuple[User | None, str]:
    """Return the account to switch to (None: no other) and its home, for a submitter and a component's
    `user`.

    `gid` is the group of the submitter's call; it is used only if the user database does not know the user.
    Raises NoAccount.
    """
    moment = clock.boot_us() // KEPT_US
    run_as, home = _known(user, uid, gid, moment)
    if os.geteuid() == 0 and run_as.uid != 0:
        return run_as, home
    if user is not None and run_as.uid != os.geteuid():
        raise NoAccount(f"The component runs as '{user}', which only a daemon of root can do.")
    return None, _known(None, os.geteuid(), os.getegid(), moment)[1]


@lru_cache(256)
def _known(name: str | None, uid: int, gid: int | None, _moment: int) -> tuple[User, str]:
    try:
        entry = pwd.getpwnam(name) if name is not None else pwd.getpwuid(uid)
    except KeyError:
        if name is not None:
            text = f"There is no user '{name}' to run as: create the user, or change the component."
            raise NoAccount(text) from None
        return User(uid, uid if gid is None else gid, ()), "/"
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return User(entry.pw_uid, entry.pw_gid, groups), entry.pw_dir
