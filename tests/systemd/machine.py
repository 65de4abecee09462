"""A separate machine for testing the units: a real systemd in a container, on a copy-on-write view of `/`.

Nothing of it affects its host: it has its own mounts, processes, network and cgroups, and writes only to
memory. It needs root and systemd-nspawn.
"""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 60.0
PROJECT = Path(__file__).parent.parent.parent
HANDBOOK = PROJECT / "client/lockside/handbook/operating.md"

# The manager in the container must never find itself in a foreign cgroup: it would take it over.
BOOT = r"""
set -eu
base=$1 name=$2; shift 2
for folder in "$@"; do echo $$ > "$folder/cgroup.procs"; done
mount -t tmpfs -o size=1g tmpfs "$base/memory"
cd "$base/memory"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work" root
rm -rf root/etc/systemd/system/*
cp -a ../files/. root/
exec systemd-nspawn --directory="$PWD/root" --machine="$name" --register=no --keep-unit \
    --private-network --console=pipe --notify-ready=yes --boot
"""


def is_possible() -> bool:
    """Return whether such a machine can be booted here."""
    return os.geteuid() == 0 and shutil.which("systemd-nspawn") is not None and bool(_hierarchies())


@dataclass(frozen=True)
class Machine:
    """A booted machine; `leader` is the pid of its first process as seen from outside."""

    leader: int

    def path(self, inside: str) -> Path:
        """Return where a file of the machine can be reached from outside."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in the machine; returns its output."""
        enter = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        done = subprocess.run(
            [*enter, *command], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit)

    def pid(self, unit: str) -> int:
        """Return the pid of a unit's main process as seen from outside."""
        inside = self.property(unit, "MainPID")
        for entry in os.listdir("/proc"):
            if entry.isdecimal() and self._numbers(int(entry))[1:] == [inside]:
                return int(entry)
        raise AssertionError(f"{unit} has no process {inside}")

    def _numbers(self, pid: int) -> list[str]:
        """Return the pids of a process in each namespace, outermost first; none for a foreign process."""
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{self.leader}/ns/pid"):
                status = Path(f"/proc/{pid}/status").read_text()
                return next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
        return []


@contextmanager
def booted(base: Path) -> Iterator[Machine]:
    """Install lockside as the handbook describes, boot, and remove everything afterwards."""
    name = f"lockside-test-{os.getpid()}"
    (base / "memory").mkdir()
    install(base / "files")
    folders = [folder / name for folder in _hierarchies()]
    for folder in folders:
        folder.mkdir()
    try:
        with _nspawn(base, name, folders) as (process, leader):
            machine = Machine(leader)
            machine.run("systemctl", "is-system-running", "--wait", check=False)
            yield machine
            machine.run("systemctl", "poweroff", check=False)
            process.wait(PATIENCE_SECONDS)
    finally:
        for folder in folders:
            _end_all(folder)
            for inner, _, _ in os.walk(folder, topdown=False):
                os.rmdir(inner)


@contextmanager
def _nspawn(base: Path, name: str, folders: list[Path]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BOOT, "boot", str(base), name]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
        open(base / "console", "wb") as console,
    ):
        ready.bind(f"\0{name}")
        ready.settimeout(PATIENCE_SECONDS)
        environment = {
            "PATH": os.environ["PATH"],
            "NOTIFY_SOCKET": f"@{name}",
            "UNIFIED_CGROUP_HIERARCHY": "1",
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
        }
        process = subprocess.Popen(
            [*command, *map(str, folders)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=environment,
            start_new_session=True,
        )
        try:
            yield process, _leader(ready, base / "console")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(PATIENCE_SECONDS)


def _end_all(folder: Path) -> None:
    """End what is left in a cgroup, in case anything went wrong, and wait for it."""
    pids = [int(pid) for procs in folder.rglob("cgroup.procs") for pid in procs.read_text().split()]
    for pid in pids:
        with suppress(ProcessLookupError):
            ended = os.pidfd_open(pid)
            signal.pidfd_send_signal(ended, signal.SIGKILL)
            select.select([ended], [], [], PATIENCE_SECONDS)
            os.close(ended)


def _leader(ready: socket.socket, console: Path) -> int:
    leader = 0
    while True:
        try:
            notice = dict(line.partition("=")[::2] for line in ready.recv(4096).decode().splitlines())
        except TimeoutError:
            raise AssertionError(f"it does not boot: {console.read_text(errors='replace')}") from None
        leader = int(notice.get("X_NSPAWN_LEADER_PID", leader))
        if notice.get("READY") == "1":
            return leader


def _hierarchies() -> list[Path]:
    """Return the cgroup hierarchies of systemd: the unified one, and the legacy one named after it."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(maxsplit=2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(before.split()[4]))
    return found


def _python() -> Path:
    """Return a Python of the tests' version in a place outside all home directories."""
    for folder in ("/usr/bin", "/usr/local/bin", "/opt/python/bin"):
        found = Path(folder) / f"python{sysconfig.get_python_version()}"
        if found.exists():
            return found
    raise AssertionError("the units need a Python of this version in /usr/bin or /usr/local/bin")


def installation() -> list[str]:
    """Return the commands by which the handbook installs the service."""
    block = re.search(r"```sh\n(python3 -m venv /opt/lockside\n.*?)```", HANDBOOK.read_text(), re.DOTALL)
    assert block
    return block[1].splitlines()


def lay_out(root: Path) -> None:
    """Copy units and settings below `root` with the handbook's commands."""
    copying = [line for line in installation() if line.startswith(("mkdir ", "cp "))]
    subprocess.run(
        ["sh", "-ec", "\n".join(copying).replace(" /etc", f" {root}/etc")], cwd=PROJECT, check=True
    )


def install(root: Path) -> None:
    """Install lockside, its units and its settings below `root`, without a package index."""
    packages = Path("lib") / f"python{sysconfig.get_python_version()}" / "site-packages"
    place = root / "opt/lockside"
    shutil.copytree(
        sysconfig.get_path("purelib"), place / packages, ignore=shutil.ignore_patterns("mypy*", "pip*")
    )
    for source in (PROJECT / "daemon/locksided", PROJECT / "client/lockside"):
        shutil.copytree(source, place / packages / source.name, dirs_exist_ok=True)
    python = _python()
    (place / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    (place / "bin").mkdir()
    (place / "bin/python").symlink_to(python)
    for name, module in (
        ("locksided", "locksided.__main__"),
        ("locksided-keeper", "locksided.keeper.main"),
        ("locksided-executor", "locksided.executors.__main__"),
        ("lockside", "lockside.cli.main"),
    ):
        script = place / "bin" / name
        script.write_text(
            f"#!/opt/lockside/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
    lay_out(root)
    (root / "etc/lockside/conf.d").mkdir()
    for folder in (root, root / "opt", root / "etc", root / "etc/systemd"):
        folder.chmod(0o755)
