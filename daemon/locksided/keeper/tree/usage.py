"""The resource usage of a run as counted by the kernel: for the processes waited for, and the cgroup."""

from resource import struct_rusage
from typing import NamedTuple

from locksided.keeper.messages import Outcome


class Used(NamedTuple):
    """The usage of a whole tree; the peak of its memory is None if it is not counted."""

    user_seconds: float
    system_seconds: float
    peak_bytes: int | None


class Usage:
    """Adds up processor time of the processes that were waited for; keeps the largest memory of one."""

    def __init__(self) -> None:
        self._user_seconds = 0.0
        self._system_seconds = 0.0
        self._max_rss_bytes = 0

    def add(self, used: struct_rusage) -> None:
        """Add a process, including those that it waited for."""
        self._user_seconds += used.ru_utime
        self._system_seconds += used.ru_stime
        self._max_rss_bytes = max(self._max_rss_bytes, used.ru_maxrss * 1024)

    def added_to(self, outcome: Outcome, tree: Used | None) -> Outcome:
        """Return the outcome with the usage: of the whole tree if it was measured, else of its processes."""
        user, system, peak_bytes = self._user_seconds, self._system_seconds, self._max_rss_bytes
        if tree is not None and tree.user_seconds + tree.system_seconds > user + system:
            user, system = tree.user_seconds, tree.system_seconds
        is_whole = tree is not None and tree.peak_bytes is not None
        if tree is not None and tree.peak_bytes is not None:
            peak_bytes = tree.peak_bytes
        return outcome._replace(
            user_seconds=round(user, 6),
            system_seconds=round(system, 6),
            max_rss_bytes=peak_bytes,
            usage_source="cgroup" if is_whole else "processes",
        )
