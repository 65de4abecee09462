"""When a file is reported: it is a regular file, nobody writes it, and its size and time stayed the same."""

import errno
import fcntl
import heapq
import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from locksided.triggers.names import is_meant

MOST_FILES = 100_000
_INTEGER = 2**63 - 1
"""The largest integer of the database."""


class Watch(NamedTuple):
    """The watch of one condition of a trigger."""

    number: int
    folder: str
    match: str
    exclude: tuple[str, ...]
    settle_seconds: float
    poll_seconds: float | None


class Identity(NamedTuple):
    """Identifies the content of a file at a path. Times are nanoseconds."""

    inode: int
    size: int
    mtime: int


class TooManyFilesError(Exception):
    """A condition has more files than allowed."""


class Files:
    """The files of one watch: those that wait until they have settled, and those that were reported.

    `tell` is called with the members of each report. Times are seconds of a monotonic clock.
    """

    def __init__(self, watch: Watch, tell: Callable[..., None]) -> None:
        self._watch = watch
        self._report = tell
        self._reported: dict[str, Identity] = {}
        self._waiting: dict[str, tuple[Identity, float]] = {}
        self._queue: list[tuple[float, str]] = []
        self._to_list: set[str] | None = None
        self._is_listed = False

    @property
    def due(self) -> float | None:
        """When the next file may have settled."""
        return self._queue[0][0] if self._queue else None

    def compare(self, now: float) -> None:
        """Examine all files; a folder that cannot be read is skipped. Raises TooManyFilesError."""
        try:
            names = {name for name in os.listdir(self._watch.folder) if self._matches(name)}
        except OSError:
            return
        if len(names) > MOST_FILES:
            raise TooManyFilesError
        for name in [one for one in (*self._reported, *self._waiting) if one not in names]:
            self.gone(name)
        for name in names:
            self.appeared(name, now)
        if not self._is_listed and self._to_list is None:
            self._to_list = set(self._waiting)
            self._note_listed()

    def appeared(self, name: str, now: float) -> None:
        """Note that a file was closed, moved in, or found. Raises TooManyFilesError."""
        identity = self._identity(name) if self._matches(name) else None
        if identity is None or self._reported.get(name) == identity:
            return
        if len(self._reported) + len(self._waiting) >= MOST_FILES and name not in self._reported:
            raise TooManyFilesError
        self._wait(name, identity, now)

    def gone(self, name: str) -> None:
        """Note that a file was deleted or moved away."""
        self._waiting.pop(name, None)
        if self._reported.pop(name, None) is not None:
            self._report(gone=_text(name))

    def settle(self, now: float) -> None:
        """Report the files that have settled by now."""
        while self._queue and self._queue[0][0] <= now:
            due, name = heapq.heappop(self._queue)
            identity, until = self._waiting.get(name, (None, 0.0))
            if identity is not None and until == due:  # else it has changed since, or no longer exists
                self._settled(name, identity, now)
        self._note_listed()

    def _settled(self, name: str, identity: Identity, now: float) -> None:
        del self._waiting[name]
        found = self._identity(name)
        is_free = found is None or _is_free(self._path(name))
        if found is not None and (found != identity or (not is_free and self._watch.poll_seconds)):
            self._wait(name, found, now)
        elif found is not None and is_free:  # else its writer will close it
            self._reported[name] = found
            self._report(name=_text(name), changed=self._changed(name), **found._asdict())

    def _wait(self, name: str, identity: Identity, now: float) -> None:
        due = now + self._watch.settle_seconds
        self._waiting[name] = identity, due
        heapq.heappush(self._queue, (due, name))

    def _note_listed(self) -> None:
        """Report once that all files found at the start have been reported."""
        if self._to_list is not None and not self._to_list & self._waiting.keys():
            self._to_list, self._is_listed = None, True
            self._report(listed=True)

    def _matches(self, name: str) -> bool:
        return is_meant(name, self._watch.match, self._watch.exclude)

    def _path(self, name: str) -> str:
        return f"{self._watch.folder}/{name}"

    def _identity(self, name: str) -> Identity | None:
        """Return the identity; None if the file does not exist or is not a regular file."""
        try:
            found = os.lstat(self._path(name))
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        mtime_ns = max(min(found.st_mtime_ns, _INTEGER), -_INTEGER)  # users can set any time
        return Identity(found.st_ino & _INTEGER, found.st_size, mtime_ns)

    def _changed(self, name: str) -> int:
        """Return when the file was last written, renamed or moved, in nanoseconds."""
        try:
            return os.lstat(self._path(name)).st_ctime_ns
        except OSError:
            return 0


def _text(name: str) -> str:
    """Return the name as text; bytes that are not UTF-8 are escaped with backslashes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_free(path: str) -> bool:
    """Return whether nobody writes it, as far as known: a lease on a file open for writing is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as refusal:
        return refusal.errno != errno.EAGAIN
    else:
        return True
    finally:
        os.close(descriptor)


def watches_of(order: list[dict[str, object]]) -> Iterator[Watch]:
    for one in order:
        yield Watch(**{**one, "exclude": tuple(one["exclude"])})  # type: ignore[arg-type]
