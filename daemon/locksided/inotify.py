"""inotify(7), which the standard library does not provide: watches and their events."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ATTRIB = 0x4  # permissions, or the number of links: an open file that is removed
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
UNMOUNT = 0x2000
OVERFLOW = 0x4000
IGNORED = 0x8000
ONLY_DIRECTORY = 0x01000000
DONT_FOLLOW = 0x02000000
MASK_ADD = 0x20000000
_NOT_THERE = (FileNotFoundError, NotADirectoryError, PermissionError)
_EVENT = struct.Struct("iIII")
_READ_BYTES = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class Notice(NamedTuple):
    """One event: the number of the watch, what happened, and the name in a watched folder."""

    watch: int
    mask: int
    name: bytes


@contextmanager
def watched(path: Path) -> Iterator[int]:
    """Yield a descriptor, readable when the file or a folder above it is removed, renamed or chmod'ed.

    Only these files and folders are watched: other changes in the folders cause no wake-up. Raises OSError
    when the kernel has no watch left.
    """
    watching = new_descriptor()
    try:
        for place in (path, *path.parents):
            for follow in (0, DONT_FOLLOW):  # what is at the path, and a symbolic link there, too
                if watch(watching, place, ATTRIB | DELETE_SELF | MOVE_SELF | follow) is None:
                    break
        yield watching
    finally:
        os.close(watching)


def new_descriptor() -> int:
    """Return a non-blocking descriptor for watches. Raises OSError."""
    return _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))


def watch(watching: int, place: str | Path, mask: int) -> int | None:
    """Add a watch; returns its number, or None for a missing or inaccessible path. Raises OSError."""
    try:
        return _checked(_libc.inotify_add_watch(watching, os.fsencode(place), mask))
    except _NOT_THERE:
        return None


def notices(watching: int) -> Iterator[Notice]:
    """Yield the events since the last call."""
    try:
        while data := os.read(watching, _READ_BYTES):
            at = 0
            while at < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size + length
                yield Notice(number, mask, data[at - length : at].rstrip(b"\0"))
    except BlockingIOError:
        return


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
