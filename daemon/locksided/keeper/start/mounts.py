"""Whether this machine has file systems on which access to a path may block, as for a server.

It accesses no path itself; the kernel notifies it when the list of mounts has changed.
"""

import os
import select

from locksided.keeper.loop import Loop

TABLE = "/proc/self/mountinfo"

_MAY_HANG = (
    *("nfs", "cifs", "smb", "ceph", "fuse", "9p", "afs", "lustre", "gfs", "gpfs", "beegfs", "glusterfs"),
    *("orangefs", "pvfs", "ocfs", "autofs", "coda", "davfs", "virtiofs"),
)
"""The prefixes of the types of such file systems."""

_HARMLESS = ("/proc/",)
"""Where systemd has an automount that leads nowhere else."""


class Mounts:
    """The state of the mount table, read again when it changes."""

    def __init__(self, loop: Loop) -> None:
        self._fd = os.open(TABLE, os.O_RDONLY | os.O_CLOEXEC)
        self.may_hang = True
        loop.watch(self._fd, self._look, select.EPOLLPRI)
        self._look()

    def _look(self) -> None:
        os.lseek(self._fd, 0, os.SEEK_SET)
        parts = []
        while part := os.read(self._fd, 1 << 16):
            parts.append(part)
        self.may_hang = has_hanging(b"".join(parts).decode("utf-8", "surrogateescape"))


def has_hanging(mountinfo: str) -> bool:
    """Return whether a mount table contains a file system of such a type."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith(_MAY_HANG) and not before.split()[4].startswith(_HARMLESS):
            return True
    return False
