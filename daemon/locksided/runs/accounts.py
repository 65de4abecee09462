"""The account that a job's processes have. Only a daemon of root can give them another than its own."""

import os
import pwd
from functools import lru_cache

from locksided import clock
from locksided.core.errors import Refused
from locksided.keeper.messages import User


class NoAccount(Refused):
    """There is no such account, or this daemon cannot become it."""


KEPT_US = 30_000_000
"""So long what the user database says may be out of date: somebody who left a group has left it soon."""


def account_of(uid: int, gid: int | None, user: str | None) -> tuple[User | None, str]:
    """Whom to become (None: nobody else) and that account's home, for a submitter and a component's `user`.

    `gid` is the group that the submitter called with; it counts only for one whom the user database does not
    know. Raises NoAccount.
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
            text = f"There is no user '{name}' to run as: have it made, or change the component."
            raise NoAccount(text) from None
        return User(uid, uid if gid is None else gid, ()), "/"
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return User(entry.pw_uid, entry.pw_gid, groups), entry.pw_dir
