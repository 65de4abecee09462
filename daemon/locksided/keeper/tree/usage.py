"""What the processes of a run have used, as the kernel tells when they are waited for."""

from resource import struct_rusage

from locksided.keeper.messages import Outcome


class Usage:
    """Adds up processor time; of memory it keeps the largest of all processes."""

    def __init__(self) -> None:
        self._user_seconds = 0.0
        self._system_seconds = 0.0
        self._max_rss_bytes = 0

    def add(self, used: struct_rusage) -> None:
        self._user_seconds += used.ru_utime
        self._system_seconds += used.ru_stime
        self._max_rss_bytes = max(self._max_rss_bytes, used.ru_maxrss * 1024)

    def added_to(self, outcome: Outcome) -> Outcome:
        return outcome._replace(
            user_seconds=round(self._user_seconds, 6),
            system_seconds=round(self._system_seconds, 6),
            max_rss_bytes=self._max_rss_bytes,
        )
