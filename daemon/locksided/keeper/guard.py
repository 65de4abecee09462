"""A process above the runner, for engines that leave alone what a killed program leaves behind.

To such an engine a run is over when the process that it started is. With the guard that is true: when the
runner dies, whatever it started is killed before the guard ends.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from locksided.keeper import libc
from locksided.keeper.tree import proc, scan

FORWARDED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def guarded(run: Callable[[], int]) -> int:
    """Run it in a child; returns its exit code there, and here when nothing of it lives."""
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
