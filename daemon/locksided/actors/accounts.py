"""The account that a job's processes have. Only a daemon of root can give them another than its own."""

import os
import pwd
from functools import lru_cache

from locksided.core.errors import Refused
from locksided.runner.environment import RunAs


class NoAccount(Refused):
    """There is no such account, or this daemon cannot become it."""


def account_of(uid: int, user: str | None) -> tuple[RunAs | None, str]:
    """Whom to become (None: nobody else) and that account's home, for a submitter and a component's `user`.

    Raises NoAccount.
    """
    run_as, home = _known(user, uid)
    if os.geteuid() == 0 and run_as.uid != 0:
        return run_as, home
    if user is not None and run_as.uid != os.geteuid():
        raise NoAccount(f"The component runs as '{user}', which only a daemon of root can do.")
    return None, _known(None, os.geteuid())[1]


@lru_cache(256)
def _known(name: str | None, uid: int) -> tuple[RunAs, str]:
    try:
        entry = pwd.getpwnam(name) if name is not None else pwd.getpwuid(uid)
    except KeyError:
        if name is not None:
            text = f"There is no user '{name}' to run as: have it made, or change the component."
            raise NoAccount(text) from None
        return RunAs(uid, uid, ()), "/"
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return RunAs(entry.pw_uid, entry.pw_gid, groups), entry.pw_dir
