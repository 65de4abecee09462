"""How a process of a run is identified, whichever of its parents died and whatever sessions it created.

It has an entry in its environment, which it may have overwritten, and a limit that no program changes: the
hard limit of RLIMIT_RTTIME (the longest that a real-time process may compute without a break, in
microseconds). A value of some hundred thousand years limits nothing, is inherited over fork and exec, and can
be read for any process.
"""

import os
import resource
import zlib
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from locksided.keeper.tree import proc

_LEAST_NUMBER = 2**62
_LINE = b"Max realtime timeout"


class Mark(NamedTuple):
    """Shared by all processes of one run, and by no other on the machine."""

    entry: bytes
    """The entry of the environment: `NAME=value`."""
    number: int
    """The hard limit."""


@lru_cache(16)
def of_folder(folder: str) -> Mark:
    """Return the mark of the run with this control folder."""
    entry = b"LOCKSIDE_START_FOLDER=" + os.fsencode(folder)
    return Mark(entry, _LEAST_NUMBER + (zlib.crc32(entry) << 29) + zlib.crc32(entry[::-1]))


def impose(mark: Mark) -> None:
    """Set the number of the calling process if allowed: above a lower hard limit only root can."""
    impose_on(0, mark)


def impose_on(pid: int, mark: Mark) -> None:
    """Set the number of another process, as far as allowed; its existing children do not get it."""
    with suppress(OSError, ValueError):
        soft, _ = resource.prlimit(pid, resource.RLIMIT_RTTIME, (mark.number, mark.number))
        if 0 <= soft < mark.number:
            resource.prlimit(pid, resource.RLIMIT_RTTIME, (soft, mark.number))


def number_of(pid: int) -> int | None:
    """Return the number of a process; None if it has none or no longer exists."""
    try:
        _, _, line = proc.content(f"/proc/{pid}/limits").partition(_LINE)
    except OSError:
        return None
    fields = line.partition(b"\n")[0].split()
    number = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
    return number if number >= _LEAST_NUMBER else None


def is_borne_by(pid: int, mark: Mark) -> bool:
    """Return whether a process has the number, or started with the entry in its environment."""
    return number_of(pid) == mark.number or has_entry(pid, mark)


def has_entry(pid: int, mark: Mark) -> bool:
    """Return whether a process was started with the mark's entry in its environment."""
    try:
        return mark.entry in proc.content(f"/proc/{pid}/environ").split(b"\0")
    except OSError:
        return False
