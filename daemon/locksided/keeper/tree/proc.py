"""Reads processes from /proc and signals them safely: never a pid that now belongs to another process."""

import os
import signal
from contextlib import suppress
from typing import NamedTuple

from locksided.keeper import clock

_HZ = os.sysconf("SC_CLK_TCK")
_READ_BYTES = 4096


class Process(NamedTuple):
    """A process as shown by /proc; pid and start ticks together identify it until the next boot."""

    pid: int
    parent_pid: int
    session: int
    start_ticks: int
    state: str
    name: str

    @property
    def is_alive(self) -> bool:
        return self.state not in "ZX"


class Hit(NamedTuple):
    """A signal that reached a process."""

    pid: int
    name: str
    signal: int


def content(path: str) -> bytes:
    """Return the content of a small file of the kernel, without a costly file object. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = b""
        while part := os.read(fd, _READ_BYTES):
            text += part
        return text
    finally:
        os.close(fd)


def read(pid: int) -> Process | None:
    """Return `pid` as shown by /proc, or None if there is no such process."""
    try:
        return parse_stat(content(f"/proc/{pid}/stat"))
    except OSError:
        return None


def parse_stat(text: bytes) -> Process:
    """Parse /proc/<pid>/stat; the name may contain anything, including brackets and blanks."""
    opening, closing = text.index(b"("), text.rindex(b")")
    fields = text[closing + 2 :].split()
    return Process(
        pid=int(text[:opening]),
        parent_pid=int(fields[1]),
        session=int(fields[3]),
        start_ticks=int(fields[19]),
        state=fields[0].decode("ascii"),
        name=text[opening + 1 : closing].decode("utf-8", "replace"),
    )


def read_all() -> dict[int, Process]:
    """Return all visible processes of the machine."""
    found = (read(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {process.pid: process for process in found if process is not None}


def start_ticks(pid: int) -> int:
    """Return when `pid` started, in clock ticks since boot; 0 if it no longer exists."""
    process = read(pid)
    return process.start_ticks if process else 0


def ticks_now() -> int:
    """Return the start ticks of a process that would start now."""
    return int(clock.boot_seconds() * _HZ)


def open_pidfd(process: Process) -> int | None:
    """Return a descriptor of exactly this process, or None if it no longer exists.

    Raises OSError if the system has no free descriptor.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    now = read(process.pid)
    if now is None or now.start_ticks != process.start_ticks or not now.is_alive:
        os.close(fd)
        return None
    return fd


def send(process: Process, number: int) -> Hit | None:
    """Signal exactly this process; return None if it no longer exists or must not be signalled."""
    try:
        fd = open_pidfd(process)
    except OSError:
        return None
    if fd is None:
        return None
    try:
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return None
    finally:
        os.close(fd)
    return Hit(process.pid, process.name, number)


def all_child_pids(pid: int) -> set[int]:
    """Return the direct children of all threads of a process; some may be missed."""
    found: set[int] = set()
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found.update(map(int, content(f"/proc/{pid}/task/{thread}/children").split()))
    return found


def newest_pid() -> int:
    """Return the last pid assigned; if it is unchanged, nothing was forked in between.

    Returns 0 if the system does not provide it.
    """
    with suppress(OSError, ValueError, IndexError):
        return int(content("/proc/loadavg").split()[4])
    return 0


class Children:
    """The direct children of a single-threaded process; the list stays open, as every run needs it."""

    def __init__(self, pid: int) -> None:
        self._path = f"/proc/{pid}/task/{pid}/children"
        self._fd = -1

    def pids(self) -> set[int] | None:
        """Return the pids; None if the kernel does not list them, or the system has no free descriptor."""
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            text = part = os.pread(self._fd, _READ_BYTES, 0)
            while len(part) > _READ_BYTES // 2:  # the kernel ends a part where the next pid does not fit
                part = os.pread(self._fd, _READ_BYTES, len(text))
                text += part
        except OSError:
            return None
        return set(map(int, text.split()))
