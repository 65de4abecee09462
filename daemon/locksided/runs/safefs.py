"""Files below a folder that others may write to: it follows no links, never blocks, and its work is bounded.

Every function works on the descriptor of an open folder and a plain name in it. Standard library only: it
also runs in a helper process.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_OPEN_LEVELS = 32


class NotPlain(Exception):
    """Something other than a plain file or folder of bounded size was found."""


@contextmanager
def opened_folder(name: str, dir_fd: int | None = None) -> Iterator[int]:
    """Yield the descriptor of a real folder. Raises `NotPlain` for a link or file, `FileNotFoundError`."""
    try:
        fd = os.open(name, _DIRECTORY, dir_fd=dir_fd)
    except NotADirectoryError:
        raise NotPlain(f"{name} is not a folder") from None
    except OSError as error:
        if os.path.islink(name) if dir_fd is None else _is_link(name, dir_fd):
            raise NotPlain(f"{name} is a link") from error
        raise
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def accessible_folder(path: str) -> Iterator[int]:
    """Open a folder whose owner may have removed its own permissions."""
    try:
        is_accessible = os.lstat(path).st_mode & 0o700 == 0o700
    except OSError:
        is_accessible = False
    if not is_accessible:
        make_accessible(path)
    with opened_folder(path) as fd:
        yield fd


def _is_link(name: str, dir_fd: int) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=dir_fd).st_mode)
    except OSError:
        return False


def read_file(name: str, dir_fd: int, limit_bytes: int) -> bytes | None:
    """Return a plain file's content, None if there is none. Raises `NotPlain` for others or larger ones."""
    try:
        with opened_file(name, dir_fd) as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        return None
    if len(content) > limit_bytes:
        raise NotPlain(f"{name} is larger than {limit_bytes} bytes")
    return content


@contextmanager
def opened_file(name: str, dir_fd: int) -> Iterator[BinaryIO]:
    """Open a plain file for reading. Raises `NotPlain` for anything else, `FileNotFoundError`."""
    try:
        fd = os.open(name, _FILE, dir_fd=dir_fd)
    except OSError as error:
        if _is_link(name, dir_fd):
            raise NotPlain(f"{name} is a link") from None
        if error.errno == errno.ENXIO:
            raise NotPlain(f"{name} is a socket") from None
        raise
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise NotPlain(f"{name} is not a plain file")
        yield file


@contextmanager
def opened_below(path: str, dir_fd: int) -> Iterator[BinaryIO]:
    """Open a file at a path below a folder; none of the path's folders may be a link."""
    *folders, name = path.split("/")
    with ExitStack() as stack:
        for folder in folders:
            dir_fd = stack.enter_context(opened_folder(folder, dir_fd))
        yield stack.enter_context(opened_file(name, dir_fd))


def write_file(name: str, dir_fd: int, content: bytes) -> None:
    """Write a new file in place of whatever had that name."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(name, flags, 0o600, dir_fd=dir_fd)
    except FileExistsError:
        remove(name, dir_fd)
        fd = os.open(name, flags, 0o600, dir_fd=dir_fd)
    with os.fdopen(fd, "wb", buffering=0) as file:
        while content:
            content = content[file.write(content) :]


def make_folder(name: str, dir_fd: int) -> None:
    """Ensure that a real folder of that name exists; a link or file in its place is removed."""
    try:
        os.mkdir(name, 0o700, dir_fd=dir_fd)
    except FileExistsError:
        if stat.S_ISDIR(os.lstat(name, dir_fd=dir_fd).st_mode):
            make_accessible(name, dir_fd)
            return
        os.unlink(name, dir_fd=dir_fd)
        os.mkdir(name, 0o700, dir_fd=dir_fd)


def remove(name: str, dir_fd: int) -> None:
    """Remove whatever has that name, including a whole tree; it need not exist."""
    if _is_gone_at_once(name, dir_fd):
        return
    with _opened_for_removal(name, dir_fd) as fd:
        clear(fd)
    os.rmdir(name, dir_fd=dir_fd)


def clear(dir_fd: int) -> None:
    """Remove everything in an open folder.

    At most 32 levels are open at once: deeper folders are first moved up to the top, so that no depth that a
    program can create exhausts descriptors or the stack.
    """
    moved = 0
    while names := os.listdir(dir_fd):
        for name in names:
            moved = _remove_entry(name, dir_fd, dir_fd, 1, moved)


def _remove_entry(name: str, parent_fd: int, top_fd: int, level: int, moved: int) -> int:
    """Remove one entry, or move a folder that is too deep to the top; returns the number of moves."""
    if _is_gone_at_once(name, parent_fd):
        return moved
    if level >= _MAX_OPEN_LEVELS:
        make_accessible(name, parent_fd)
        os.rename(name, f".moved-{os.getpid()}-{moved}", src_dir_fd=parent_fd, dst_dir_fd=top_fd)
        return moved + 1
    with _opened_for_removal(name, parent_fd) as fd:
        for inner in os.listdir(fd):
            moved = _remove_entry(inner, fd, top_fd, level + 1, moved)
    os.rmdir(name, dir_fd=parent_fd)
    return moved


@contextmanager
def _opened_for_removal(name: str, dir_fd: int) -> Iterator[int]:
    """Open a folder whose owner may have removed its own permissions."""
    make_accessible(name, dir_fd)
    with opened_folder(name, dir_fd) as fd:
        yield fd


def make_accessible(name: str, dir_fd: int | None = None) -> None:
    """Restore all permissions of a folder's owner; anything else is left unchanged. Raises `OSError`."""
    fd = os.open(name, _PATH, dir_fd=dir_fd)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{fd}", 0o700)
    finally:
        os.close(fd)


def _is_gone_at_once(name: str, dir_fd: int) -> bool:
    """Remove an entry unless it is a folder with content. Most entries are files, so try unlink first."""
    try:
        os.unlink(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return True
    except OSError as refusal:
        return _is_gone_as_folder(name, dir_fd, refusal)
    return True


def _is_gone_as_folder(name: str, dir_fd: int, refusal: OSError) -> bool:
    """Remove an empty folder; raises `refusal` if the entry is a file."""
    try:
        os.rmdir(name, dir_fd=dir_fd)
    except NotADirectoryError:
        raise refusal from None
    except OSError:
        return False
    return True
