"""Says when a path may lead elsewhere (inotify(7), which the standard library does not offer)."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ATTRIB = 0x4  # rights, or the number of links: an open file that is removed
_DELETE_SELF = 0x400
_MOVE_SELF = 0x800
_DONT_FOLLOW = 0x02000000
_NOT_THERE = (FileNotFoundError, NotADirectoryError, PermissionError)

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def watched(path: Path) -> Iterator[int]:
    """A descriptor that becomes readable when the file or a folder above it is removed, renamed or chmod'ed.

    Only these files and folders are watched: what others do in the folders wakes nobody. Raises OSError when
    the kernel has no watch left.
    """
    watching = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    try:
        for place in (path, *path.parents):
            _watch(watching, place)
        yield watching
    finally:
        os.close(watching)


def _watch(watching: int, place: Path) -> None:
    """Watch what is at the path, and a symbolic link there, too."""
    for follow in (0, _DONT_FOLLOW):
        try:
            mask = _ATTRIB | _DELETE_SELF | _MOVE_SELF | follow
            _checked(_libc.inotify_add_watch(watching, os.fsencode(place), mask))
        except _NOT_THERE:
            return


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
