"""Disks of the test's own, in a mount namespace of the daemon's own: small, full, without inodes, read-only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import Daemon, running_in


@dataclass
class Disk:
    """A mounted folder as the daemon sees it."""

    daemon: Daemon
    mount: Path

    @property
    def path(self) -> Path:
        return self.daemon.seen(self.mount)

    def fill(self) -> None:
        """Leave no byte, whatever is made small again meanwhile."""
        with open(self.path / "ballast", "ab") as ballast, suppress(OSError):
            while os.write(ballast.fileno(), b"x" * 4096):
                pass

    def fill_inodes(self) -> None:
        (self.path / "names").mkdir()
        with suppress(OSError):
            for number in range(1_000_000):
                (self.path / "names" / f"{number}").touch()

    def free(self) -> None:
        """Give back what was taken."""
        for name in ("ballast", "names"):
            found = self.path / name
            if found.is_dir():
                shutil.rmtree(found)
            elif found.exists():
                found.unlink()

    def remount(self, how: str) -> None:
        """`ro` or `rw`."""
        assert self.daemon.process is not None
        inside = ["nsenter", "-t", str(self.daemon.process.pid), "-m"]
        done = subprocess.run(
            [*inside, "mount", "-o", f"remount,{how}", str(self.mount)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def unmountable() -> str | None:
    """Why nothing can be mounted here, if so."""
    if os.geteuid() != 0:
        return "only root can mount a disk"
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "unshare or nsenter is not installed"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return f"no mounts here: {tried.stderr.decode()}" if tried.returncode else None


@contextmanager
def daemon_on(options: str, under: str = "", **settings: str) -> Iterator[Disk]:
    """A daemon whose state folder, or a folder in it, is a tmpfs with these options."""
    script = f'mkdir -p "$1" && mount -t tmpfs -o mode=700,{options} tmpfs "$1" && shift && exec "$@"'
    with running_in(
        lambda folder: ["unshare", "-m", "sh", "-c", script, "sh", str(folder / "s" / under)], **settings
    ) as daemon:
        yield Disk(daemon, daemon.state_dir / under)
