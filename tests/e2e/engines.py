"""A daemon with third-party executors: plug-ins installed for this daemon alone, and their cluster."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from e2e.harness import Daemon, short_folder
from e2e.processes import wait_for_end
from e2e.wire import Message, Wire

PLUGINS = Path(__file__).resolve().parents[1] / "engines"
ENTRY_POINTS = """[lockside.executors]
fake = fake_engine:describe
fakewise = fake_engine:describe_wise
unpausing = fake_engine:describe_unpausing
broken = fake_engine:describe_bad
"""


class Cluster:
    """The folder that acts as the cluster, the daemon that uses it, and its pool."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.root = folder / "shared"
        self.jobs = folder / "cluster"
        self.root.mkdir()
        self.jobs.mkdir()
        site = folder / "site" / "fake_engine-1.0.dist-info"
        site.mkdir(parents=True)
        (site / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-engine\nVersion: 1.0\n")
        (site / "entry_points.txt").write_text(ENTRY_POINTS)
        path = os.pathsep.join([str(site.parent), str(PLUGINS)])
        self.daemon = Daemon(folder, PYTHONPATH=path, FAKE_CLUSTER=str(self.jobs), **settings)

    def behave(self, **how: Any) -> None:
        """Make the engine misbehave in this way from now on."""
        made = self.jobs / "behave.new"
        made.write_text(json.dumps(how))
        made.rename(self.jobs / "behave.json")

    def put_pool(
        self, wire: Wire, kind: str = "fake", pool: str = "far", slots: int = 8, **more: Any
    ) -> Message:
        """Store a pool whose jobs run in the cluster."""
        options = {"workRoot": str(self.root), "python": sys.executable, **more}
        body = {"id": pool, "slots": slots, "executor": kind, "options": options}
        put: Message = wire.call("pool.put", pool=body)
        return put

    def executor_pid(self, kind: str = "fake") -> int:
        """Return the pid of the executor of this kind."""
        return holder_of(self.daemon.state_dir / "executors" / f"{kind}.sock.lock")

    def kill_executor(self, kind: str = "fake") -> None:
        pid = self.executor_pid(kind)
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)

    def check(self, kind: str, *more: str) -> "subprocess.CompletedProcess[str]":
        """Run the test suite that every executor must pass."""
        command = [sys.executable, "-m", "locksided.executors.check", kind, str(self.root)]
        command += ["--option", f"python={sys.executable}", *more]
        environment = {**os.environ, **self.daemon.settings}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=200, check=False
        )

    def runners(self) -> list[int]:
        """Return the pids of the living runners: the parent of each is its guard, started by the engine."""
        guards = [path.read_text().strip() for path in self.jobs.glob("*.pid")]
        found: list[int] = []
        for pid in filter(None, guards):
            with suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def end(self) -> None:
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.daemon.stop()  # it would start other executors
        for kind in ("fake", "fakewise", "unpausing"):
            with suppress(OSError):
                self.kill_executor(kind)
        for pid in self.runners():
            wait_for_end(pid)  # it has reported the end, and is about to exit
        self.daemon.end()


def holder_of(lock: Path) -> int:
    """Return the pid of the process that holds a lock. Raises ProcessLookupError."""
    inode = lock.stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if "FLOCK" in fields and fields[-3].endswith(f":{inode}"):
            return int(fields[-4])
    raise ProcessLookupError(f"nobody holds {lock}")


@contextmanager
def a_cluster(**settings: str) -> Iterator[Cluster]:
    """A daemon whose executors use a folder as their cluster."""
    with short_folder() as folder:
        made = Cluster(folder, **settings)
        try:
            made.daemon.start()
            made.daemon.keeper_pid()
            yield made
        finally:
            made.end()
