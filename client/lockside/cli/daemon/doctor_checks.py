"""The checks of `doctor` outside the daemon: of sockets and the state folder."""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from lockside.cli.session import Json
from lockside.cli.times import text_of_seconds
from lockside.paths import MACHINE_SOCKETS, socket_candidates


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. `level` is ok, warning or error; `repair` repairs it or raises OSError."""

    level: str
    check: str
    message: str
    remedy: str = ""
    since: str | None = None
    can_fix: bool = False
    is_fixed: bool = False
    repair: Callable[[], None] | None = None

    def view(self) -> Json:
        """Return the finding for `--json`."""
        return {
            "level": self.level,
            "check": self.check,
            "message": self.message,
            "remedy": self.remedy,
            "since": self.since,
            "canFix": self.can_fix,
            "isFixed": self.is_fixed,
        }


def mend(finding: Finding) -> Finding:
    """Make its repair, if there is one; a failure is added to the remedy."""
    if finding.repair is None:
        return finding
    try:
        finding.repair()
    except OSError as error:
        return replace(finding, remedy=f"{finding.remedy} It did not work: {error}.", can_fix=False)
    return replace(finding, is_fixed=True)


def look_at_sockets(explicit: str | None) -> list[Finding]:
    """Check the socket files from outside."""
    found = []
    for path in socket_candidates(explicit):
        try:
            state = os.stat(path)
        except OSError:
            continue
        found.append(_look_at(path, state))
    return found or [
        Finding("warning", "socket", "there is no socket at " + ", ".join(socket_candidates(explicit)))
    ]


def _look_at(path: str, state: os.stat_result) -> Finding:
    mode = stat.S_IMODE(state.st_mode)
    since = text_of_seconds(state.st_ctime)
    if not stat.S_ISSOCK(state.st_mode):
        return Finding(
            "error", "socket", f"{path} is not a socket", "Move it away and start the daemon again.", since
        )
    if is_stale(path):
        remedy = "Remove it, or start the daemon, which removes it."
        repair = partial(remove_stale, path)
        text = f"{path} is stale: no process listens there"
        return Finding("warning", "socket", text, remedy, since, can_fix=True, repair=repair)
    if mode & 0o007:
        remedy = f"chmod o-rwx {path}"
        repair = partial(os.chmod, path, mode & ~0o007)
        text = f"everybody may open {path} (mode {mode:04o})"
        return Finding("error", "socket", text, remedy, since, can_fix=True, repair=repair)
    return Finding("ok", "socket", f"{path} (mode {mode:04o}, owner {_user(state.st_uid)})")


def is_stale(path: str) -> bool:
    """Return whether it is a socket on which no process listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def remove_stale(path: str) -> None:
    """Remove the file, unless a process listens on it by now."""
    if is_stale(path):
        os.unlink(path)


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


FREE_BYTES = 100_000_000
_OF_AN_INDEX = ("missing from index", "wrong # of entries in index", "non-unique entry in index")


def state_folders(explicit: str | None) -> list[str]:
    """Return the state folder of the daemon that was searched, if it can be found by its socket."""
    sockets = [path for path in socket_candidates(explicit) if not path.startswith("/run/")]
    folders = [os.path.dirname(path) for path in [*sockets, MACHINE_SOCKETS[1]]]
    return [folder for folder in folders if os.path.exists(os.path.join(folder, "lockside.db"))][:1]


def look_at(folder: str) -> list[Finding]:
    """Return all findings about a state folder without its daemon."""
    if not os.path.isdir(folder):
        return [
            Finding("error", "state", f"there is no state folder {folder}", "Name another with --state-dir.")
        ]
    holder = _holder(folder)
    if holder is not None:
        remedy = f"See what pid {holder} does in its log. Nothing is repaired while it runs."
        return [Finding("error", "state", f"a daemon holds {folder}, and does not answer", remedy)]
    return [*_rights(folder), *_room(folder), *_keepers(folder), *_database(folder)]


def _holder(folder: str) -> str | None:
    """Return the pid of the daemon that holds the folder, or None. The lock is not tried: a daemon that
    starts at that moment would take this process for another daemon. A daemon locks the folder and the file
    `lock` in it; an older release locks only the file.
    """
    paths = [path for path in (folder, os.path.join(folder, "lock")) if os.path.exists(path)]
    try:
        inodes = {str(os.stat(path).st_ino) for path in paths}
        with open("/proc/locks", encoding="ascii") as locks:
            held = [line.split() for line in locks]
    except OSError:
        return None
    for _, kind, _, _, pid, place, *_ in (fields for fields in held if "->" not in fields):
        if kind == "FLOCK" and place.rpartition(":")[2] in inodes:
            return pid
    return None


def _rights(folder: str) -> list[Finding]:
    found = os.stat(folder)
    mode = stat.S_IMODE(found.st_mode)
    if not mode & 0o066:
        return []
    text = f"others may read or change {folder} (mode {mode:04o})"
    repair = partial(os.chmod, folder, mode & ~0o066)
    since = text_of_seconds(found.st_ctime)
    return [Finding("error", "rights", text, f"chmod go-rw {folder}", since, can_fix=True, repair=repair)]


def _room(folder: str) -> list[Finding]:
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free >= FREE_BYTES:
        return []
    return [
        Finding("error", "disk", f"only {free // 1_000_000} MB are free for {folder}", "Make room there.")
    ]


def _keepers(folder: str) -> list[Finding]:
    """Check the sockets of keepers: a living keeper has jobs, a dead one has left a stale socket."""
    found = []
    keepers = os.path.join(folder, "keeper")
    names = sorted(os.listdir(keepers)) if os.path.isdir(keepers) else []
    for path in [os.path.join(keepers, name) for name in names if name.endswith(".sock")]:
        if is_stale(path):
            since = text_of_seconds(os.stat(path).st_ctime)
            text = f"the keeper's socket {path} is stale: no keeper listens there"
            repair = partial(remove_stale, path)
            found.append(
                Finding("warning", "keeper_socket", text, f"rm {path}", since, can_fix=True, repair=repair)
            )
        else:
            text = f"a keeper runs at {path}: its jobs continue, and a daemon that starts adopts them"
            found.append(Finding("ok", "keeper", text))
    return found


def _database(folder: str) -> list[Finding]:
    """Check the database, without writing to it; bad indexes can be rebuilt."""
    path = os.path.join(folder, "lockside.db")
    if not os.path.exists(path):
        return []
    try:
        faults = _integrity(path)
    except sqlite3.Error as error:
        faults = [str(error)]
    if not faults:
        return [Finding("ok", "database", f"{path} is sound")]
    if all(any(words in fault for words in _OF_AN_INDEX) for fault in faults):
        remedy = "Rebuild its indexes; no row is changed."
        text = f"{path} has a bad index: {'; '.join(faults)}"
        return [Finding("error", "database", text, remedy, can_fix=True, repair=partial(_reindex, folder))]
    return [Finding("error", "database", f"{path}: {'; '.join(faults)}", _restore_words(folder))]


def _integrity(path: str) -> list[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [str(line) for (line,) in connection.execute("PRAGMA integrity_check(20)") if line != "ok"]
    finally:
        connection.close()


def _reindex(folder: str) -> None:
    """Rebuild the indexes. Raises OSError if that fails, or if a daemon has started meanwhile."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        connection = sqlite3.connect(os.path.join(folder, "lockside.db"))
        try:
            connection.execute("REINDEX")
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
    finally:
        os.close(lock)


def _restore_words(folder: str) -> str:
    """Return how to restore a backup; that loses later changes, so a person must decide."""
    backups = os.path.join(folder, "backups")
    names = [name for name in os.listdir(backups) if name.endswith(".db")] if os.path.isdir(backups) else []
    if not names:
        return "There is no backup: copy the file, and try `sqlite3 lockside.db .recover`."
    newest = max((os.path.join(backups, name) for name in names), key=lambda path: os.stat(path).st_mtime)
    return (
        f"Move lockside.db and lockside.db-wal aside, and copy {newest} in their place; "
        "what was accepted after that backup is lost."
    )
