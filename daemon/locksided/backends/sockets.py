"""The sockets of keepers. Beside each is a lock that the keeper holds as long as it lives.

Without a service manager the sockets are in the state folder, named after protocol and build, and the daemon
starts the keepers. A service manager's sockets are named in the settings, and connecting to one starts a
keeper if none is alive.
"""

import fcntl
import os
import socket
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import structlog

from lockside.transport import connect_unix
from locksided.backends.messages import BUILD, VERSION
from locksided.backends.process import launch
from locksided.settings import KeeperSettings


def connected(path: Path) -> socket.socket:
    """Return a blocking stream socket connected to `path`. Raises OSError."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connect_unix(opened, os.fspath(path))
    except BaseException:
        opened.close()
        raise
    return opened


log = structlog.get_logger("keeper")


class SocketFolder(Protocol):
    """Where the sockets of owners of runs are, and how an owner is started."""

    def live(self) -> list[Path]:
        """Return the sockets with a living owner."""

    def is_alive(self, path: Path) -> bool:
        """Return whether the owner behind a socket is alive."""

    def free(self, taken: Container[Path]) -> Path | None:
        """Return a socket for an owner for new starts; None if all are taken."""

    async def start_keeper(self, path: Path) -> None:
        """Start an owner behind a free socket, if that is our task. Raises KeeperNotStartedError, OSError."""

    def clear(self, path: Path) -> None:
        """Remove the socket of an owner that is gone."""


class Sockets:
    """The sockets of one daemon's keepers."""

    def __init__(self, folder: Path, settings: KeeperSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._given = [Path(path) for path in settings.socket.split(":") if path]

    def live(self) -> list[Path]:
        """Return the sockets with a living keeper; remains of dead ones in our own folder are removed."""
        found = []
        for path in [*self._given, *sorted(self._folder.glob("*.sock"))]:
            if self.is_alive(path):
                found.append(path)
            else:
                self.clear(path)
        return found

    def is_alive(self, path: Path) -> bool:
        """Return whether a keeper is alive: the kernel releases its lock at its death."""
        return is_alive(path)

    def free(self, taken: Container[Path]) -> Path | None:
        """Return a socket for a keeper for new starts; None if all are taken."""
        candidates = self._given or [self._folder / f"{VERSION}-{BUILD}.sock"]
        return next((path for path in candidates if path not in taken), None)

    async def start_keeper(self, path: Path) -> None:
        """Start a keeper behind a free socket, if that is our task. Raises KeeperNotStartedError, OSError."""
        if path in self._given or self.is_alive(path):
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        log_file = self._folder / "log"
        pid = await launch(path, log_file, self._settings.linger_seconds, self._settings.cgroups)
        log.info("started a keeper", pid=pid)

    def clear(self, path: Path) -> None:
        """Remove the socket of a keeper that is gone. Its lock stays: a keeper may be about to take it."""
        if path not in self._given:
            clear(path)


def is_alive(path: Path) -> bool:
    """Return whether the lock beside a socket is held: the kernel releases it at its holder's death."""
    with _locked(path) as is_ours:
        return is_ours is False


def clear(path: Path) -> None:
    """Remove a socket without a living owner. Its lock stays: an owner may be about to take it."""
    with _locked(path) as is_ours, suppress(FileNotFoundError):
        if is_ours:
            os.unlink(path)


@contextmanager
def _locked(path: Path) -> Iterator[bool | None]:
    """Hold the lock beside a socket: True; False if a keeper has it, None if there is none."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)
