"""Checks whether the files of the database are still those that SQLite has open, with our content.

SQLite does not check: it would continue to write into files that no one can find any more. Paths are compared
by `stat` alone: opening and closing the database would drop its locks, see `connection.create`.
"""

import os
from contextlib import suppress
from enum import Enum
from typing import TypeAlias

from locksided import clock

PAUSE_PER_CHECK = 100
"""A check is followed by a pause of this many times its duration: with the work after the commit, checks take
at most 2 % of the time, for any number of commits.
"""
LONGEST_PAUSE_US = 50_000
SUFFIXES = ("", "-wal", "-shm")

Stamp: TypeAlias = tuple[int, int, int, int]
"""Device, inode, size in bytes, and modification time in nanoseconds of a file."""

Stamps: TypeAlias = tuple[Stamp | None, ...]
"""Of the database, its log, and the log's index; None for a file that does not exist."""


class DatabaseFault(Enum):
    """What happened to the files, and what the store can do about it."""

    LOST = "the database is gone or another one: only a person can bring it back"
    OVERWRITTEN = "somebody else wrote into the files, or they are damaged: the content has to be examined"
    LOG_LOST = "the log or its index is gone: what is still open can be written into the database"
    LOG_REPLACED = "the log or its index is another one: a person has to remove it"


class DatabaseFileError(OSError):
    """The files are not as they were left. The message says what happened, `remedy` what to do."""

    def __init__(self, fault: DatabaseFault, message: str, remedy: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.remedy = remedy


class DatabaseFiles:
    """The files of one open database. `before_commit` and `after_commit` enclose every commit."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known = _stamps(path)
        self._rejected: Stamps | None = None
        self._may_be_misread = False
        self._has_unseen_commits = False
        self._is_due = True
        self._due_us = 0

    def fault(self) -> DatabaseFileError | None:
        """Return what is wrong with the files now, or None."""
        try:
            self.check()
        except DatabaseFileError as error:
            return error
        return None

    def check(self) -> None:
        """Raise DatabaseFileError if something is wrong."""
        try:
            found = _stamps(self._path)
        except OSError as error:
            raise _unreachable(self._path, error) from error
        wrong = fault(self._path, self._known, found, may_be_ours=self._has_unseen_commits)
        if wrong is not None:
            raise wrong

    def before_commit(self) -> None:
        """Like `check`, unless that was done a moment ago."""
        begin_us = clock.boot_us()
        self._is_due = begin_us >= self._due_us
        if not self._is_due:
            self._has_unseen_commits = True
            return
        self.check()
        end_us = clock.boot_us()
        self._due_us = end_us + min((end_us - begin_us) * PAUSE_PER_CHECK, LONGEST_PAUSE_US)

    def after_commit(self) -> None:
        """Accept changes by the commit, which may have moved pages from the log into the database."""
        if self._is_due:
            self.accept()

    def accept(self) -> None:
        """Accept the current content of the files; replaced files stay rejected."""
        with suppress(OSError):
            pairs = zip(self._known, _stamps(self._path), strict=True)
            self._known = tuple([now if _is_same_file(before, now) else before for before, now in pairs])
            self._has_unseen_commits = self._may_be_misread = False

    def distrust(self) -> None:
        """Require an examination of the content: it is damaged, or the disk misread it."""
        database, *others = self._known
        if database is not None:
            self._known = ((*database[:3], -1), *others)
        self._has_unseen_commits = False
        self._may_be_misread = True

    def reject(self) -> None:
        """Reject the content until someone writes again, unless the disk misread it."""
        with suppress(OSError):
            self._rejected = None if self._may_be_misread else _stamps(self._path)

    @property
    def is_rejected(self) -> bool:
        """Whether nothing was written since `reject`."""
        return self._rejected == _stamps(self._path)


def fault(path: str, known: Stamps, found: Stamps, *, may_be_ours: bool) -> DatabaseFileError | None:
    """Return what is wrong with the files of the database at `path`; `known` is how they were left.

    If a change of the content `may_be_ours`, only changes that no commit makes count as foreign.
    """
    for suffix, before, now in zip(SUFFIXES, known, found, strict=True):
        if before is None or before == now:
            continue
        if now is None or not _is_same_file(before, now):
            return _gone(path, suffix, is_replaced=now is not None)
        if _is_overwritten(before, now, is_database=not suffix, may_be_ours=may_be_ours):
            return _overwritten(path + suffix)
    return None


def _is_same_file(before: Stamp | None, now: Stamp | None) -> bool:
    return before is not None and now is not None and before[:2] == now[:2]


def _is_overwritten(before: Stamp, now: Stamp, *, is_database: bool, may_be_ours: bool) -> bool:
    """Return whether another program wrote: commits only append to the log, and no user of it empties it."""
    (_, _, size_before, _), (_, _, size_now, _) = before, now
    if is_database:
        return size_now < size_before or not may_be_ours
    return size_before > 0 and size_now == 0


def _gone(path: str, suffix: str, *, is_replaced: bool) -> DatabaseFileError:
    what = "is another file now" if is_replaced else "was removed or renamed"
    message = f"{path}{suffix} {what}, the daemon has the former one open"
    if not suffix:
        return DatabaseFileError(
            DatabaseFault.LOST,
            message,
            "put the former file back and the daemon goes on by itself; or save what it has with "
            "`lockside backup FILE`, stop the daemon, and run `locksided --restore FILE`",
        )
    if is_replaced:
        remedy = f"end the program that made it, then remove {path}{suffix}: the daemon goes on by itself"
        return DatabaseFileError(DatabaseFault.LOG_REPLACED, message, remedy)
    return DatabaseFileError(
        DatabaseFault.LOG_LOST, message, "nothing: the daemon saves what was in it and goes on by itself"
    )


def _overwritten(path: str) -> DatabaseFileError:
    return DatabaseFileError(
        DatabaseFault.OVERWRITTEN,
        f"another program wrote into {path} while the daemon has it open, or its content is damaged",
        "the daemon goes on by itself if the content proves to be right; if it does not, stop the daemon and "
        "run `locksided --restore FILE` with a backup",
    )


def _unreachable(path: str, error: OSError) -> DatabaseFileError:
    return DatabaseFileError(
        DatabaseFault.LOST,
        f"{path} cannot be reached: {error.strerror}",
        "let the daemon's user reach it and the daemon goes on by itself",
    )


def _stamps(path: str) -> Stamps:
    return tuple([_stamp(path + suffix) for suffix in SUFFIXES])


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
