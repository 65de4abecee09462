"""Creates the sockets for clients, with the right permissions from the first moment, and removes them.

The state folder is locked before, so no other daemon uses it. Connections are not accepted here.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from locksided import clock
from locksided.inotify import watched
from locksided.server.calls import Log

BACKLOG: Final = 1024
FIRST_PASSED_FD: Final = 3
LONGEST_PATH: Final = 107
PRIVATE_FOLDER: Final = 0o700


class ListenError(Exception):
    """A socket cannot be created at its path; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket and its file. The service manager creates and removes those it passed."""

    socket: socket.socket
    path: Path
    inode: tuple[int, int] | None
    gid: int | None = None
    folder_mode: int = PRIVATE_FOLDER
    is_passed: bool = False

    @property
    def is_in_place(self) -> bool:
        """Whether the path leads to this socket."""
        try:
            return _inode(self.path) == self.inode
        except OSError:
            return False

    def again(self) -> "Listener":
        """Listen again at this path with the same permissions if its file was removed. Raises ListenError."""
        if self.is_passed:
            raise ListenError(
                f"The socket {self.path} is gone, which the service manager made: no new client can connect "
                "until `systemctl restart lockside.socket`"
            )
        return listen(self.path, gid=self.gid, folder_mode=self.folder_mode)

    def close(self) -> None:
        """Stop listening and remove the file, unless it was replaced by another one."""
        self.socket.close()
        if self.is_in_place and not self.is_passed:
            with suppress(FileNotFoundError):
                os.unlink(self.path)


def listen(path: Path, *, gid: int | None = None, folder_mode: int = PRIVATE_FOLDER) -> Listener:
    """Listen at a path of any length, with mode 0600, or 0660 for a group. Raises ListenError.

    The mode is never wider: the socket has it before the bind, and the group is set before its permission.
    The umask is not changed, because other threads create files meanwhile.
    """
    path = path.absolute()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _make_folder(path.parent, folder_mode)
        _remove_stale(path)
        os.fchmod(listening.fileno(), 0o600)
        with _address(path) as address:
            listening.bind(address)
        found = os.lstat(path)
        if gid is not None:
            _open_to_group(path, gid, found)
        listening.listen(BACKLOG)
        mode = stat.S_IMODE(os.stat(path.parent).st_mode)
    except OSError as problem:
        listening.close()
        raise ListenError(f"Cannot listen at {path}: {problem.strerror or problem}") from problem
    except BaseException:
        listening.close()
        raise
    return Listener(listening, path, (found.st_dev, found.st_ino), gid, mode)


def _make_folder(folder: Path, mode: int) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        folder.chmod(mode)


def _inode(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _open_to_group(path: Path, gid: int, made: os.stat_result) -> None:
    """Give exactly the created socket to a group, whatever is at its path by now. Raises OSError."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) != (made.st_dev, made.st_ino):
            raise FileExistsError(errno.EEXIST, "it was replaced meanwhile")
        os.chown(f"/proc/self/fd/{fd}", -1, gid)
        os.chmod(f"/proc/self/fd/{fd}", 0o660)
    finally:
        os.close(fd)


def passed_listeners(environment: MutableMapping[str, str]) -> list[Listener]:
    """Return the Unix stream sockets that systemd passed to this process; the variables are removed.

    Raises ListenError for a passed descriptor that cannot accept connections.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    return [_passed(fd) for fd in range(FIRST_PASSED_FD, FIRST_PASSED_FD + int(count))]


def _passed(fd: int) -> Listener:
    os.set_inheritable(fd, False)
    try:
        listening = socket.socket(fileno=fd)
        accepts = listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as problem:
        raise ListenError(f"The passed descriptor {fd} is not a socket: {problem.strerror}") from problem
    if not accepts or (listening.family, listening.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        raise ListenError(
            f"The passed descriptor {fd} must be a listening Unix stream socket (ListenStream=)"
        )
    listening.setblocking(False)
    path = Path(os.fsdecode(listening.getsockname()))
    with suppress(OSError):
        return Listener(listening, path, _inode(path), is_passed=True)
    return Listener(listening, path, None, is_passed=True)


def _remove_stale(path: Path) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ListenError(f"{path} is not a socket: move it away or choose another path")
    if _answers(path):
        raise ListenError(f"Another process listens at {path}: stop it or choose another path")
    os.unlink(path)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            with _address(path) as address:
                probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            return True
    return True


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Yield the path in the form for the kernel: a longer one uses a descriptor of its folder."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


AGAIN_SECONDS: Final = 5.0


async def made_again(listener: Listener, log: Log) -> Listener:
    """Wait until the listener is displaced, and return the one created in its place.

    The cause of a failure is logged once, and creating it is tried again.
    """
    logged: str | None = None
    while True:
        with _changes(listener.path) as changes:  # watch before looking, so that nothing is missed
            problem = None
            if not listener.is_in_place:
                try:
                    return listener.again()
                except ListenError as error:
                    problem = str(error)
            if problem is not None and problem != logged:
                log.error("cannot listen", cause=problem)
            logged = problem
            await _change(changes, None if changes is not None and problem is None else AGAIN_SECONDS)


async def _change(changes: int | None, seconds: float | None) -> None:
    with clock.real_move_on_after(seconds):
        if changes is None:
            await anyio.sleep_forever()
        else:
            await anyio.wait_readable(changes)


@contextmanager
def _changes(path: Path) -> Iterator[int | None]:
    """Yield a descriptor that becomes readable at a change; None if the kernel cannot provide it."""
    with ExitStack() as stack:
        try:
            changes = stack.enter_context(watched(path))
        except OSError:
            changes = None
        yield changes
