"""Looks for programs as a keeper would find them: in the keeper's own view of the file system.

The daemon may be confined more tightly than the keeper, so it looks through the keeper's root. Only what is
certainly missing is reported; the start finds out the rest.
"""

import errno
import os
import stat
from collections.abc import Sequence

from locksided import clock, threads
from locksided.backends.base import RequiredPrograms

MOST_LINKS = 40
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


TRUSTED_US = 1_000_000
MOST_TRUSTED = 1000


class ProgramLookup:
    """Caches what was found briefly, so that starts of existing programs cost nothing."""

    def __init__(self) -> None:
        self._found: dict[RequiredPrograms, int] = {}

    async def missing(self, required: Sequence[RequiredPrograms], root: str) -> str | None:
        """Return the first missing item, in the keeper's words; None if there is none, or it is unknown."""
        now_us = clock.boot_us()
        new = [one for one in required if self._found.get(one, 0) < now_us]
        if not new:
            return None
        missing = await threads.run_sync(_first_missing, new, root)
        if missing is None:
            if len(self._found) >= MOST_TRUSTED:
                self._found.clear()
            self._found.update(dict.fromkeys(new, now_us + TRUSTED_US))
        return missing


def _first_missing(required: Sequence[RequiredPrograms], root: str) -> str | None:
    found = (missing_program(one, root) for one in required)
    return next((one for one in found if one is not None), None)


class Untold(Exception):
    """It cannot be determined whether something exists."""


def missing_program(required: RequiredPrograms, root: str) -> str | None:
    """Return what is missing, in the keeper's words; None if nothing is, or it is unknown.

    `root` is the folder that represents the root of the file system.
    """
    try:
        os.lstat(f"{root}/")
        if required.cwd is not None and _status(root, required.cwd) is None:
            return f"working folder {required.cwd}: {os.strerror(errno.ENOENT)}"
        for name in required.names:
            number = _search(root, name, required)
            if number is not None:
                return f"{name}: {os.strerror(number)}"
    except (Untold, OSError):
        return None
    return None


def _search(root: str, name: str, required: RequiredPrograms) -> int | None:
    """Return None if the program is found, else the errno that a start would get. Raises Untold."""
    failure = errno.ENOENT
    folders = [""] if "/" in name else required.path.split(":")
    for folder in folders:
        path = os.path.join(required.cwd or "", folder, name)
        try:
            found = _status(root, path) if path.startswith("/") else None
        except PermissionError:
            failure = errno.EACCES  # if it may not look here, it may not start anything here either
            continue
        if found is None:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_mode & _EXECUTABLE:
            return None
        failure = errno.EACCES
    return failure


def _status(root: str, path: str) -> os.stat_result | None:
    """Return the status of a path below that root, following links inside it; None if surely absent.

    Raises Untold, or OSError if access is denied.
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
            raise Untold  # it differs between processes
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
