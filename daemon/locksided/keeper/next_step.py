"""A runner that keeps its machine for a moment: the next step of the same job may begin there at once.

Its order is told by a file in the control folder of the step that has ended. Who is too late loses the claim
like anybody else.
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
"""What names the control folder of the next step."""
LOOK_SECONDS = 0.5
"""How often it looks: a folder that machines share sends no events from one to another."""


def wait(control: str, seconds: float) -> str | None:
    """The control folder of the next step; None when none comes in time, or the step did not end well."""
    made = outcome.read(control, outcome.FILE) or {}
    if made.get("exitCode") != 0 or made.get("stopped") is not None:
        return None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    until_seconds = clock.boot_seconds() + seconds
    while clock.boot_seconds() < until_seconds and os.path.isdir(control):
        found = _told(control)
        if found is not None:
            return found
        time.sleep(LOOK_SECONDS)
    return None


def _told(control: str) -> str | None:
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
