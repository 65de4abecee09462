"""Waits for processes, ends them and finds them."""

import os
import select
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 120.0
PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LANG": "C.UTF-8"}


def end_keeper(path: Path) -> None:
    """Make the keeper behind a socket end itself and its jobs; the kernel names the socket's process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return
        pid, _, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    stop_and_wait(pid)


def stop_and_wait(pid: int) -> None:
    """Make a keeper stop its jobs and exit; it may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)


def kill_and_wait(pid: int) -> None:
    ended = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([ended], [], [], PATIENCE_SECONDS)[0], f"process {pid} does not end"
    finally:
        os.close(ended)


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended; it may be gone already."""
    with suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        try:
            assert select.select([ended], [], [], PATIENCE_SECONDS)[0], f"process {pid} does not end"
        finally:
            os.close(ended)


def is_alive(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def is_tracer(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text() == "strace\n"
    return False


def processes_of(folder: Path) -> list[int]:
    """Return the processes that have this folder in their arguments or environment, except this one."""
    mark = os.fsencode(folder) + b"/"
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and int(entry) != os.getpid():
            with suppress(OSError):
                about = b"".join(
                    Path(f"/proc/{entry}/{name}").read_bytes() for name in ("cmdline", "environ")
                )
                if mark in about and is_alive(int(entry)):
                    found.append(int(entry))
    return found
