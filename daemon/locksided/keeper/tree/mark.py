"""How a process is known as one of a run, whoever of its parents died and whatever sessions it made.

It has an entry in its environment, which it may have overwritten, and a limit that no program touches: the
hard limit of RLIMIT_RTTIME (the longest that a process of real-time priority may compute at a stretch, in
microseconds). A number of some hundred thousand years limits nothing, is inherited over fork and exec, and
can be read of any process.
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
    """What all processes of one run have, and no other on the whole machine."""

    entry: bytes
    """Of the environment: `NAME=value`."""
    number: int
    """The hard limit."""


@lru_cache(16)
def of_folder(folder: str) -> Mark:
    """The mark of the run with this control folder."""
    entry = b"LOCKSIDE_START_FOLDER=" + os.fsencode(folder)
    return Mark(entry, _LEAST_NUMBER + (zlib.crc32(entry) << 29) + zlib.crc32(entry[::-1]))


def impose(mark: Mark) -> None:
    """Give the calling process the number, where it may have it: below a lower limit only root raises it."""
    impose_on(0, mark)


def impose_on(pid: int, mark: Mark) -> None:
    """Give another process the number, as far as that is allowed; what it started before has none."""
    with suppress(OSError, ValueError):
        soft, _ = resource.prlimit(pid, resource.RLIMIT_RTTIME, (mark.number, mark.number))
        if 0 <= soft < mark.number:
            resource.prlimit(pid, resource.RLIMIT_RTTIME, (soft, mark.number))


def number_of(pid: int) -> int | None:
    """The number that a process has, None for one that has none or is gone."""
    try:
        _, _, line = proc.content(f"/proc/{pid}/limits").partition(_LINE)
    except OSError:
        return None
    fields = line.partition(b"\n")[0].split()
    number = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
    return number if number >= _LEAST_NUMBER else None


def is_borne_by(pid: int, mark: Mark) -> bool:
    """Whether a process has the number, or began with the entry in its environment."""
    return number_of(pid) == mark.number or has_entry(pid, mark)


def has_entry(pid: int, mark: Mark) -> bool:
    """Whether the environment that a process was started with holds the mark's entry."""
    try:
        return mark.entry in proc.content(f"/proc/{pid}/environ").split(b"\0")
    except OSError:
        return False
