"""The state folder: checks that it can be used, and that only one daemon uses it.

The lock is an flock, which the kernel releases at any death. It is held on the folder itself, which cannot be
removed while the database is in it, and on a file in it that has the pid: other programs use that one to find
the holder.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from locksided.paths import StateDir


class ForeignFolderError(OSError):
    """The state folder belongs to another user."""


def prepare_state_dir(root: Path) -> StateDir:
    """Create the state folder if it is missing (0700). Raises ForeignFolderError for another user's."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = root.stat().st_uid
    if owner not in (0, os.geteuid()):
        raise ForeignFolderError(
            f"The state folder {root} belongs to user {owner}, who could change all in it: "
            f"name another, or `chown -R {os.geteuid()} {root}`."
        )
    return StateDir(root)


class LostDatabaseError(OSError):
    """The state folder has jobs but no database."""


def refuse_lost_database(place: StateDir) -> None:
    """Raise LostDatabaseError if a database was lost: a new one would reuse its numbers.

    In addition, SQLite removes the log of a missing database, and with it the latest commits.
    """
    log, runs = Path(f"{place.database}-wal"), place.root / "runs"
    left = [log] if log.exists() else []
    if runs.is_dir() and any(path.name.isdecimal() for path in runs.iterdir()):  # it may be a disk of its own
        left.append(runs)
    if left and not place.database.exists():
        raise LostDatabaseError(
            f"The database {place.database} is gone, but {left[0]} is there: put the database back or run "
            f"`locksided --restore FILE`; to begin anew, move {left[0]} away."
        )


class AnotherDaemonError(Exception):
    """Another daemon has this state folder; the message names its pid."""


class FolderLock(NamedTuple):
    """The open files that hold the lock."""

    folder: int
    file: int

    def release(self) -> None:
        """Release the lock and close the folder: another daemon may take it."""
        os.close(self.file)
        os.close(self.folder)


def take_lock(path: Path) -> FolderLock:
    """Lock the folder of the lock file `path` until it is released or this process ends.

    Raises AnotherDaemonError.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    lock = FolderLock(folder, file)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _pid_in(file) or _pid_of_holder(folder) or "unknown"
        lock.release()
        raise AnotherDaemonError(
            f"another locksided (pid {pid}) already runs on {path.parent}: "
            "stop it first, or name another folder with --state-dir"
        ) from None
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return lock


def _pid_in(file: int) -> str:
    return os.read(file, 32).decode("ascii", "replace").strip()


def _pid_of_holder(folder: int) -> str | None:
    """Read the kernel's list of locks, in case the file with the pid was removed."""
    inode = str(os.fstat(folder).st_ino)
    with suppress(OSError), open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            _, kind, _, _, pid, place, *_ = line.replace("->", "").split()
            if kind == "FLOCK" and place.rpartition(":")[2] == inode:
                return pid
    return None
