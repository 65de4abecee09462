"""The process that works in a job's folder under the job's account: one order on stdin, one answer on stdout.

It permanently drops all other rights before it touches anything; for work in the daemon's own folders it gets
no account. It imports little, and only the standard library.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from locksided.runs.folder_operations import operate
from locksided.runs.safefs import NotPlain


def main(fd_text: str) -> int:
    """Carry out the order in the folder whose descriptor was passed."""
    order = json.load(sys.stdin)
    if order["account"] is not None:
        uid, gid, groups = order["account"]
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    os.umask(0o077)
    json.dump(_answer(int(fd_text), order), sys.stdout)
    return 0


def _answer(fd: int, order: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"result": operate(order["operation"], fd, order["argument"])}
    except NotPlain as problem:
        return {"problem": str(problem)}
    except OSError as error:
        return {"errno": error.errno, "message": error.strerror}
    except Exception as error:  # noqa: BLE001 - only the account's files and limits can cause it
        return {"failure": f"{type(error).__name__}: {error}"}
