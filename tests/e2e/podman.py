"""Podman without a registry, for root: its configuration and two images of busybox.

On a machine with both cgroup hierarchies podman refuses to run, so a wrapper hides the second one.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BUSYBOX = Path("/bin/busybox")
NEEDED = ("podman", "crun", "catatonit")
UNIFIED = "/sys/fs/cgroup/unified"

needs_podman = pytest.mark.skipif(
    os.geteuid() != 0 or not BUSYBOX.exists() or not all(map(shutil.which, NEEDED)),
    reason="root, podman, crun, catatonit and busybox-static are needed",
)


class Podman:
    """Podman with its own storage below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "podman"
        self.environment = {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "HOME": str(folder),
        }
        self._configure()

    @property
    def settings(self) -> dict[str, str]:
        """Return the environment of a daemon that uses this podman."""
        return {**self.environment, "LOCKSIDE_CONTAINERS__PODMAN": str(self.program)}

    def _configure(self) -> None:
        hide = f"umount {UNIFIED} 2>/dev/null; " if os.path.ismount(UNIFIED) else ""
        self.program.write_text(
            f'#!/bin/sh\nexec unshare -m --propagation private sh -c \'{hide}exec podman "$@"\' podman "$@"\n'
        )
        self.program.chmod(0o755)
        (self.folder / "containers.conf").write_text(
            '[engine]\ncgroup_manager="cgroupfs"\nevents_logger="none"\nruntime="crun"\n'
            '[containers]\nnetns="host"\ncgroups="disabled"\ninit_path="/usr/bin/catatonit"\npids_limit=0\n'
            'default_ulimits=["nofile=1024:1024","nproc=32768:32768"]\n'
        )
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver="overlay"\nrunroot="{self.folder}/run"\ngraphroot="{self.folder}/graph"\n'
        )

    def run(self, *arguments: str) -> str:
        """Return what podman prints."""
        environment = {"PATH": os.environ["PATH"], **self.environment}
        done = subprocess.run(
            [self.program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def make_image(self, name: str, *changes: str) -> None:
        """Make an image that contains only busybox."""
        root = self.folder / "root"
        for part in ("bin", "etc", "tmp", "proc", "sys", "dev", "data"):
            (root / part).mkdir(parents=True, exist_ok=True)
        shutil.copy(BUSYBOX, root / "bin")
        for applet in ("sh", "cat", "id", "sleep", "env", "setsid", "ls", "touch", "flock", "true"):
            (root / "bin" / applet).unlink(missing_ok=True)
            (root / "bin" / applet).symlink_to("busybox")
        (root / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n")
        archive = shutil.make_archive(str(self.folder / "root"), "tar", root)
        options = [option for change in changes for option in ("--change", change)]
        self.run("import", "--quiet", *options, archive, name)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Podman with the images localhost/plain:1 and, for another user inside, localhost/app:1.

    Its folder has a short name: if the path of a container's socket is too long, podman waits 20 s for it.
    """
    made = Podman(Path(tempfile.mkdtemp(prefix="ls-p", dir="/tmp")))
    made.make_image("localhost/plain:1", 'CMD ["/bin/sh", "-c", "echo the image itself"]')
    made.make_image("localhost/app:1", "USER=1000")
    yield made
    made.run("rm", "--force", "--all")
    for path in (made.folder / "graph" / "overlay", made.folder / "graph"):
        subprocess.run(["umount", "--quiet", str(path)], check=False)
    shutil.rmtree(made.folder, ignore_errors=True)
