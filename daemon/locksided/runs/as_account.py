"""Runs one operation inside a job's folder, as the account that the folder belongs to.

For the daemon's own account it runs here; otherwise in a helper process that drops all other rights before it
touches anything.
"""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from locksided.core.errors import Refused
from locksided.runs.folder_operations import OPERATIONS
from locksided.runs.safefs import NotPlain, accessible_folder

_HELPER_SECONDS = 600
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from locksided.runs.account_helper import main; sys.exit(main(sys.argv[2]))"
)

_OF_THE_MACHINE = frozenset(
    (
        errno.EAGAIN,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
        errno.ESTALE,
    )
)


class Unusable(Refused):
    """The job's account cannot do what is necessary in the job's folder: it removed its own permissions, put
    foreign files there, has no quota left, or killed the helper. The user's fault.
    """


def perform(
    folder: str,
    operation: str,
    argument: Mapping[str, Any] | None = None,
    account: tuple[int, int, tuple[int, ...]] | None = None,
    *,
    is_long: bool = False,
) -> dict[str, Any]:
    """Run one of `folder_operations` in a folder; `account` is (uid, gid, groups), None for our own.

    An argument `out_fd` is an open file that the operation writes to. An `is_long` operation always uses a
    helper process, because it would block all other threads.

    Raises `NotPlain` for an unexpected file type in the folder, `Unusable` when the account itself is the
    obstacle, `OSError` when the system refuses.
    """
    try:
        with accessible_folder(folder) as fd:
            if account is None or account[0] == os.geteuid():
                if not is_long:
                    return OPERATIONS[operation](fd, argument or {}) or {}
                account = None
            return _ask_helper(fd, {"operation": operation, "argument": argument or {}, "account": account})
    except OSError as error:
        if error.errno is None or error.errno in _OF_THE_MACHINE:
            raise
        raise Unusable(f"Its folder {folder} cannot be used: {error.strerror}.") from error


def _ask_helper(fd: int, order: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _BOOT, _ROOT, str(fd)],
        input=json.dumps(order).encode(),
        capture_output=True,
        pass_fds=(fd, *([order["argument"]["out_fd"]] if "out_fd" in order["argument"] else ())),
        cwd="/",
        env={},
        timeout=_HELPER_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        if done.returncode < 0:
            raise Unusable(f"The helper for its folder was ended by signal {-done.returncode}.")
        last_line = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OSError(f"the helper for a job's folder ended with {done.returncode}: {last_line}")
    answer = json.loads(done.stdout)
    if "problem" in answer:
        raise NotPlain(answer["problem"])
    if "failure" in answer:
        raise Unusable(f"Its folder cannot be used: {answer['failure']}.")
    if "errno" in answer:
        raise OSError(answer["errno"], answer["message"])
    result: dict[str, Any] = answer["result"]
    return result
