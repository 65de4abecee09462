"""A process above the runner, for engines that do not kill what a killed program leaves behind.

Such an engine considers a run over when the process that it started has ended. The guard makes that true: if
the runner dies, everything that it started is killed before the guard ends.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from locksided.keeper import libc
from locksided.keeper.tree import proc, scan

FORWARDED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def guarded(run: Callable[[], int]) -> int:
    """Run it in a child: return its exit code there, and here once none of its processes lives."""
    libc.become_subreaper()
    runner = os.fork()
    if runner == 0:
        libc.die_with_parent(signal.SIGTERM)
        return run()
    for number in FORWARDED:
        signal.signal(number, lambda caught, _: os.kill(runner, caught))
    _, status = os.waitpid(runner, 0)
    for number in FORWARDED:
        signal.signal(number, signal.SIG_IGN)
    with suppress(ChildProcessError):
        while True:
            for process in scan.descendants(proc.read_all(), os.getpid()):
                proc.send(process, signal.SIGKILL)
            os.waitpid(-1, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
