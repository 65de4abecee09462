"""Disks for one test, in a mount namespace of its daemon: small, full, read-only, without power."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import Daemon, running_in
from e2e.processes import processes_of, wait_for_end


@dataclass
class Disk:
    """A mounted folder as seen by the daemon."""

    daemon: Daemon
    mount: Path

    @property
    def path(self) -> Path:
        return self.daemon.seen(self.mount)

    def fill(self) -> None:
        """Leave no free byte, even if files are truncated meanwhile."""
        with open(self.path / "ballast", "ab") as ballast, suppress(OSError):
            while os.write(ballast.fileno(), b"x" * 4096):
                pass

    def fill_inodes(self) -> None:
        (self.path / "names").mkdir()
        with suppress(OSError):
            for number in range(1_000_000):
                (self.path / "names" / f"{number}").touch()

    def free(self) -> None:
        """Free the space and inodes that were taken."""
        for name in ("ballast", "names"):
            found = self.path / name
            if found.is_dir():
                shutil.rmtree(found)
            elif found.exists():
                found.unlink()

    def remount(self, how: str) -> None:
        """Remount with the mode `ro` or `rw`."""
        assert self.daemon.process is not None
        inside = ["nsenter", "-t", str(self.daemon.process.pid), "-m"]
        done = subprocess.run(
            [*inside, "mount", "-o", f"remount,{how}", str(self.mount)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def unmountable() -> str | None:
    """Return the reason if nothing can be mounted here."""
    if os.geteuid() != 0:
        return "only root can mount a disk"
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "unshare or nsenter is not installed"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    if tried.returncode:
        return f"no mounts here: {tried.stderr.decode()}"
    entered = subprocess.run(
        ["nsenter", "-t", str(os.getpid()), "-m", "test", "-e", __file__], capture_output=True, check=False
    )
    return "whoever enters a mount namespace leaves this chroot" if entered.returncode else None


@contextmanager
def daemon_on(options: str, under: str = "", log: str = "/dev/stderr", **settings: str) -> Iterator[Disk]:
    """Start a daemon whose state folder, or a folder in it, is a tmpfs with these options.

    `log` is the path of its log, relative to the tmpfs.
    """
    mount = f'mkdir -p "$1" && mount -t tmpfs -o mode=700,{options} tmpfs "$1"'
    script = f'{mount} && cd "$1" && shift && exec "$@" 2>>{log}'
    with running_in(
        lambda folder: ["unshare", "-m", "sh", "-c", script, "sh", str(folder / "s" / under)], **settings
    ) as daemon:
        yield Disk(daemon, daemon.state_dir / under)


BOOT_ID = "/proc/sys/kernel/random/boot_id"


@dataclass
class Machine:
    """A daemon with a disk and a boot id of its own, whose power can fail."""

    daemon: Daemon
    boots: int = 0

    @property
    def image(self) -> Path:
        return self.daemon.folder / f"disk-{self.boots}"

    def boot(self, forgotten: str = "nothing") -> None:
        """Start the daemon on the disk as the last power cut left it, under a new boot id.

        `forgotten` is a folder that was not synced, as it may happen on other file systems.
        """
        before = self.image
        self.boots += 1
        if before.exists():
            before.rename(self.image)
        else:
            with open(self.image, "wb") as image:
                image.truncate(32 * 1024 * 1024)
            subprocess.run(["mkfs.ext4", "-q", str(self.image)], check=True)
        boot_id = self.daemon.folder / "boot-id"
        boot_id.write_text(f"{self.boots:08x}-0000-4000-8000-000000000000\n")
        script = (
            'mkdir -p "$1" && mount -o loop,commit=300 "$2" "$1" && mount --bind "$3" "$4"'
            ' && chmod 700 "$1" && rm -rf "$1/$5" && shift 5 && exec "$@"'
        )
        place = [str(self.daemon.state_dir), str(self.image), str(boot_id), BOOT_ID, forgotten]
        self.daemon.start(before=["unshare", "-m", "sh", "-c", script, "sh", *place])

    def cut(self) -> None:
        """Keep only what is on the disk, not pending writes, and end all processes at once."""
        left = processes_of(self.daemon.folder)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        kept = self.daemon.folder / "kept"
        shutil.copyfile(self.image, kept)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.daemon.kill()
        for pid in left:
            wait_for_end(pid)
        kept.rename(self.image)


def unbootable() -> str | None:
    """Return the reason if no disk can be created here."""
    if (reason := unmountable()) is not None:
        return reason
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is not installed"
    return None if os.path.exists("/dev/loop-control") else "there are no loop devices"
