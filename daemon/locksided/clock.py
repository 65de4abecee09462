"""The only place that looks at a clock. Times inside are microseconds since the epoch, UTC."""

import time
from functools import lru_cache

from lockside.documents.times import time_text, time_us


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1000


def boot_us() -> int:
    """Microseconds since the machine's start, suspended time included: nobody can set it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def boot_id() -> str:
    """What names this boot of the machine; a process of another boot is surely gone."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


@lru_cache(maxsize=64)  # a job has the same moment in many fields
def to_text(moment_us: int | None) -> str | None:
    """RFC 3339 in UTC with microseconds and Z."""
    return None if moment_us is None else time_text(moment_us)


def from_text(text: str) -> int:
    """Microseconds of an RFC 3339 time. Raises ValueError when it is none."""
    return time_us(text)
