"""Looks for programs as a keeper would find them: in the keeper's own view of the file system.

The daemon may be shut in more tightly than the keeper, so it looks through the keeper's root. Only what
is surely not there is told; whatever cannot be told for sure is for the start to find out.
"""

import errno
import os
import stat

from locksided.runner.programs import Wanted

MOST_LINKS = 40
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class Untold(Exception):
    """It cannot be told whether something is there."""


def lacking(wanted: Wanted, root: str) -> str | None:
    """What is not there, in the keeper's words; None when nothing is missing, or nobody can tell.

    `root` is the folder that stands for the root of the file system.
    """
    try:
        os.lstat(f"{root}/")
        if wanted.cwd is not None and _status(root, wanted.cwd) is None:
            return f"working folder {wanted.cwd}: {os.strerror(errno.ENOENT)}"
        for name in wanted.names:
            number = _search(root, name, wanted)
            if number is not None:
                return f"{name}: {os.strerror(number)}"
    except (Untold, OSError):
        return None
    return None


def _search(root: str, name: str, wanted: Wanted) -> int | None:
    """None when the program is found; else the number of the error that a start would meet. Raises Untold."""
    failure = errno.ENOENT
    folders = [""] if "/" in name else wanted.path.split(":")
    for folder in folders:
        path = os.path.join(wanted.cwd or "", folder, name)
        try:
            found = _status(root, path) if path.startswith("/") else None
        except PermissionError:
            failure = errno.EACCES  # who may not look here may not start anything here either
            continue
        if found is None:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_mode & _EXECUTABLE:
            return None
        failure = errno.EACCES
    return failure


def _status(root: str, path: str) -> os.stat_result | None:
    """What is at a path below that root, links followed inside it; None when surely nothing is.

    Raises Untold, or OSError when it may not be looked at.
    """
    here, rest, links = "", path.split("/")[::-1], 0
    found = _look_at(f"{root}/")
    while rest:
        part = rest.pop()
        if part in ("", "."):
            continue
        if part == "..":
            here = os.path.dirname(here)
            continue
        there = f"{here}/{part}"
        if there == "/proc":
            raise Untold  # it shows every process another thing
        found = _look_at(root + there)
        if found is None:
            return None
        if not stat.S_ISLNK(found.st_mode):
            here = there
            continue
        links += 1
        if links > MOST_LINKS:
            raise Untold
        target = os.readlink(root + there)
        here = "" if target.startswith("/") else here
        rest += target.split("/")[::-1]
    return found


def _look_at(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
