"""The benchmark's daemons, and their cost for the machine."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.wires import PATIENCE_SECONDS, Line
from e2e.harness import Daemon

COMMAND = {"component": "lockside.command", "configData": {"parameters": {"command": ["/bin/true"]}}}
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Scale:
    """The amount of work: sizes are multiplied by `share`, everything is measured `rounds` times.

    `folder` is for databases (on a disk, otherwise durability costs nothing), `cache` for large ones that are
    kept, `beside` is a checkout of other code that some figures compare with.
    """

    folder: Path
    cache: Path
    rounds: int = 5
    share: float = 1.0
    millions: bool = False
    beside: Path | None = None

    def of(self, full: int, least: int = 1) -> int:
        return max(least, int(full * self.share))


@contextmanager
def short_folder(scale: Scale) -> Iterator[Path]:
    """Create a folder whose path is short enough for sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="lb-", dir=scale.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(
    scale: Scale, database: Path | None = None, python: str | None = None, **settings: str
) -> Iterator[Daemon]:
    """Run a daemon with two slots and a connected keeper, on a copy of a database if one is given.

    `python` is an interpreter with other code than this checkout's.
    """
    with short_folder(scale) as folder:
        daemon = Daemon(folder, **{"LOCKSIDE_POOLS__DEFAULT__SLOTS": "2", **settings})
        if python is not None:
            daemon.program = [python, *daemon.program[1:]]
            daemon.usual_settings = {}  # older code refuses settings that it does not know
        if database is not None:
            daemon.state_dir.mkdir(mode=0o700)
            shutil.copyfile(database, daemon.state_dir / "lockside.db")
        try:
            daemon.start()
            daemon.keeper_pid()
            yield daemon
        finally:
            end(daemon)


def end(daemon: Daemon) -> None:
    """End the daemon and its children, even if a signal to the whole group has already told it to stop."""
    try:
        daemon.end()
    except OSError:
        assert daemon.process is not None
        daemon.process.wait(PATIENCE_SECONDS)
        daemon.end()


def pids(daemon: Daemon) -> tuple[int, int]:
    """Return the pids of the daemon and its keeper."""
    assert daemon.process is not None
    return daemon.process.pid, daemon.keeper_pid()


def pss_megabytes(pid: int) -> float:
    """Return the process's proportional share of memory: private memory and its part of shared memory."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Pss")


def rss_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def wake_ups(pid: int) -> int:
    """Return the voluntary context switches of all threads of a process, which equal its wake-ups."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def create_many(line: Line, requests: list[dict[str, Any]], at_once: int = 100) -> list[str]:
    """Create jobs, several in a call, and return their ids."""
    ids: list[str] = []
    for start in range(0, len(requests), at_once):
        made = line.call("job.createMany", jobs=requests[start : start + at_once], fields=["id"])
        ids += [job["id"] for job in made["jobs"]]
    return ids


def wait_for(line: Line, ids: list[str], status: str = "success") -> None:
    """Wait for the last of these jobs, and check the status of the first and of the last ones."""
    last = ids[-100:]
    line.call("job.wait", ids=last, timeoutSeconds=500, fields=["id"])
    for one in (ids[0], *last):
        seen = line.call("job.get", id=one, fields=["status"])["status"]
        assert seen == status, f"job {one} is {seen}"


def jobs_a_second(daemon: Daemon, requests: list[dict[str, Any]]) -> float:
    """Return the rate from the first request to the last final status; jobs are created by hundreds."""
    with Line(daemon.socket) as line:
        begin = time.monotonic()
        ids = create_many(line, requests)
        last = ids[-100:]
        line.call("job.wait", ids=last, timeoutSeconds=500, fields=["id"])
        took = time.monotonic() - begin
        wait_for(line, ids)
    return len(requests) / took
