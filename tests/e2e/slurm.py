"""A Slurm of three nodes on this machine, and a daemon that uses it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from campaign.figures import LONG
from e2e.engines import holder_of
from e2e.harness import Daemon, short_folder
from e2e.processes import processes_of, wait_for_end
from e2e.wire import Message, Wire

SCRIPT = Path(__file__).resolve().parents[1] / "engines" / "slurm.sh"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "munged")


def missing() -> str | None:
    """Return why Slurm is missing here; None when it is installed."""
    if os.geteuid() != 0:
        return "Slurm's daemons need root here"
    lacking = [
        name for name in PROGRAMS if shutil.which(name) is None and not Path("/usr/sbin", name).exists()
    ]
    return f"not installed: {', '.join(lacking)}" if lacking else None


WRAPPER = """#!/bin/sh
echo {name} >> {log}
at= skip=
for one do
    shift
    case "$skip:$one" in
        1:*) skip= ;;
        :-M) skip=1 ;;
        :--clusters=*) at=";${{one#*=}}" ;;
        *) set -- "$@" "$one" ;;
    esac
done
[ -n "$at" ] || exec {program} "$@"
said=$({program} "$@") && echo "$said$at"
"""
"""Simulates a second cluster: its name is removed from the arguments and appended to ids, as Slurm does."""


ACCOUNTS = """#!/bin/sh
for one do case "$one" in --delimiter=*) with=${{one#*=}} ;; esac; done
exec sed "s/|/$with/g" {folder}/accounts
"""


def _wrapped(folder: Path, log: Path) -> Path:
    """Return a folder of Slurm commands that log their use, and of an `sacct` that prints a file."""
    folder.mkdir()
    for name in ("sbatch", "squeue", "scancel", "scontrol"):
        (folder / name).write_text(WRAPPER.format(name=name, log=log, program=shutil.which(name)))
    (folder / "sacct").write_text(ACCOUNTS.format(folder=folder))
    for made in folder.iterdir():
        made.chmod(0o755)
    return folder


class Slurm:
    """The cluster, the folder that its nodes share, and the daemon that uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "slurm"
        self.root = folder / "shared"
        self.root.mkdir()
        self.has_cgroups = False
        """Whether the cluster limits memory and finds all processes of a job."""
        port = 12_000 + os.getpid() % 2_500 * 8  # eight of its own, which the kernel gives to nobody
        self.environment = {**os.environ, "SLURM_TEST_DIR": str(self.folder), "SLURM_TEST_PORT": str(port)}
        self.prefix = f"n{port}x"  # cgroups are named after nodes, and there may be other clusters
        self.environment["SLURM_TEST_NODES"] = self.prefix
        if not LONG:  # on a busy machine nodes are slow, and the short form waits for no dead one
            self.environment["SLURM_TEST_SILENCE"] = "100"
        self.environment["SLURM_CONF"] = str(self.folder / "slurm.conf")
        self.environment["PATH"] += ":/usr/sbin:/sbin"
        self._log = folder / "commands"
        path = f"{_wrapped(folder / 'bin', self._log)}:{self.environment['PATH']}"
        self.daemon = Daemon(folder, SLURM_CONF=self.environment["SLURM_CONF"], PATH=path)

    def up(self) -> None:
        """Start the cluster. Skips the tests where Slurm itself cannot run."""
        for how in (["cgroup"], []):
            try:
                command = ["bash", SCRIPT, "up", "3", *how]
                subprocess.run(command, env=self.environment, check=True, timeout=60)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
                self.down()
                told = problem
            else:
                self.has_cgroups = bool(how)
                return
        pytest.skip(f"Slurm does not run here: {told}")

    def down(self) -> None:
        subprocess.run(["bash", SCRIPT, "down"], env=self.environment, check=False, timeout=60)

    def node(self, number: int) -> str:
        """Return the name of a node; nodes are numbered from 1 to 3."""
        return f"{self.prefix}{number}"

    def tell(self, *command: str) -> str:
        """Return what one of Slurm's commands prints."""
        done = subprocess.run(
            command, env=self.environment, check=True, timeout=60, capture_output=True, text=True
        )
        return done.stdout

    def commands(self) -> list[str]:
        """Return the names of the Slurm commands that the executor has used."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def account(self, line: str) -> None:
        """Set what the accounting reports, in the format that `sacct` is asked for."""
        (self._log.parent / "bin/accounts").write_text(f"{line}\n")

    def pid(self, name: str) -> int:
        """Return the pid of `slurmctld`, or of the `slurmd` of a node: `slurmd-NODE`."""
        return int((self.folder / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)

    def start(self, name: str, *options: str, within: Sequence[str] = ()) -> None:
        """Start `slurmctld` or `slurmd-NODE`; `within` is a command that runs it."""
        program, _, node = name.partition("-")
        command = [*within, program, "-f", self.environment["SLURM_CONF"], *(["-N", node] if node else [])]
        subprocess.run([*command, *options], env=self.environment, check=True, timeout=60)

    def start_and_resume(self, name: str) -> None:
        """The same; resumes nodes that a controller drains for jobs whose start it has forgotten."""
        self.start(name)
        subprocess.run(["sleep", "3"], check=True)  # it learns of such jobs when the nodes register
        self.resume()

    def resume(self) -> None:
        """Make all nodes accept jobs again; Slurm reports an error for a node that already does."""
        resume = ["scontrol", "update", f"nodename={self.prefix}[1-3]", "state=resume"]
        subprocess.run(resume, env=self.environment, check=False, timeout=60, capture_output=True)

    def put_pool(self, wire: Wire, pool: str = "cluster", slots: int = 8, **options: Any) -> Message:
        given = {"workRoot": str(self.root), "python": sys.executable, **options}
        body = {"id": pool, "slots": slots, "executor": "slurm", "options": given}
        put: Message = wire.call("pool.put", pool=body)
        return put

    def end(self) -> None:
        self.down()
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.daemon.stop()
        for path in self.daemon.state_dir.glob("executors/*.sock.lock"):
            with suppress(ProcessLookupError):
                os.kill(holder_of(path), signal.SIGKILL)
        for pid in processes_of(self.daemon.folder):  # some wait for a controller that is gone
            with suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().startswith("slurm"):
                    os.kill(pid, signal.SIGKILL)
                    wait_for_end(pid)
        self.daemon.end()


@contextmanager
def a_slurm() -> Iterator[Slurm]:
    """A cluster and a daemon; both are ended, and nothing is left behind."""
    with short_folder() as folder:
        made = Slurm(folder)
        try:
            made.up()
            made.daemon.start()
            made.daemon.keeper_pid()
            yield made
        finally:
            made.end()
