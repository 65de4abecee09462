"""The keeper's clocks: wall time for records, boot time for limits. Nothing here waits."""

import time


def wall_us() -> int:
    """Microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def boot_seconds() -> float:
    """Seconds since boot, including suspended time: the clock of time limits."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """The kernel's id of this boot; a pid and its start ticks mean nothing in another one."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
