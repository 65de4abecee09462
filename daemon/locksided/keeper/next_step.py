"""A runner that keeps its machine for a while: the next step of the same job may start there at once.

A file in the control folder of the ended step names the next order. A runner that is too late loses the claim
like any other.
"""

import os
import resource
import signal
import sys
import time
from typing import NoReturn

from locksided.keeper import clock, outcome, remote
from locksided.keeper.start.spawn import Inherited

NEXT = "next.json"
"""The file that names the control folder of the next step."""
LOOK_SECONDS = 0.5
"""The pause between checks: a shared folder sends no events from one machine to another."""


def wait(control: str, seconds: float) -> str | None:
    """Return the control folder of the next step; None if none arrives in time, or the step failed."""
    made = outcome.read(control, outcome.FILE) or {}
    if made.get("exitCode") != 0 or made.get("stopped") is not None:
        return None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    until_seconds = clock.boot_seconds() + seconds
    while clock.boot_seconds() < until_seconds and os.path.isdir(control):
        found = _next_control(control)
        if found is not None:
            return found
        time.sleep(LOOK_SECONDS)
    return None


def _next_control(control: str) -> str | None:
    try:
        found = (remote.read(control, NEXT) or {}).get("control")
    except OSError:
        return None
    return found if isinstance(found, str) else None


def begin(control: str, rest: list[str], inherited: Inherited) -> NoReturn:
    """Become the runner of that step, as if the engine had started it. Raises OSError."""
    os.umask(inherited.umask)
    resource.setrlimit(resource.RLIMIT_NOFILE, inherited.open_files)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:3], control, *rest])
