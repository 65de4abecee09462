"""Kernel calls missing in the standard library. No policy belongs here."""

import ctypes
import os
import struct

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLOCK_BOOTTIME = 7
_TFD_TIMER_ABSTIME = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def become_subreaper() -> None:
    """Make this process the parent of all orphans among its descendants, whatever sessions they created."""
    _checked(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def die_with_parent(signal: int) -> None:
    """Ask the kernel to send this process a signal when its parent ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def boot_timer() -> int:
    """Return a file descriptor that becomes readable at the time given to `arm_boot_timer`."""
    return _checked(_libc.timerfd_create(_CLOCK_BOOTTIME, os.O_NONBLOCK | os.O_CLOEXEC))


def arm_boot_timer(timer: int, deadline_seconds: float | None) -> None:
    """Set the timer to a time of CLOCK_BOOTTIME (seconds), or disarm it with None."""
    # All zero would disarm it, so a time long past becomes the first nanosecond after boot.
    moment_ns = 0 if deadline_seconds is None else max(1, int(deadline_seconds * 1_000_000_000))
    setting = struct.pack("qqqq", 0, 0, *divmod(moment_ns, 1_000_000_000))
    _checked(_libc.timerfd_settime(timer, _TFD_TIMER_ABSTIME, setting, None))
