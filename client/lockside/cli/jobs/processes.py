"""The processes of running jobs as /proc shows them: whole trees, with names, processor time and memory.

Where /proc cannot be read, or shows other processes than the daemon sees, there are none.
"""

from __future__ import annotations

import os
from time import time
from typing import Any, NamedTuple

from lockside.cli import times

Json = dict[str, Any]

_SLACK_SECONDS = 5.0
TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PPID, _UTIME, _STIME, _STARTTIME, _RSS = 1, 11, 12, 19, 21


class Process(NamedTuple):
    """A process; times in ticks of the kernel."""

    name: str
    parent: int
    ticks: int
    start_ticks: int
    memory_bytes: int


class ProcessTable:
    """All processes at one moment."""

    def __init__(self, proc: str = "/proc") -> None:
        self.processes: dict[int, Process] = {}
        self._below: dict[int, list[int]] = {}
        for name in os.listdir(proc) if os.path.isdir(proc) else ():
            process = _read(f"{proc}/{name}/stat") if name.isdigit() else None
            if process is not None:
                self.processes[int(name)] = process
                self._below.setdefault(process.parent, []).append(int(name))
        self._booted = time() - _uptime(proc)

    def of_job(self, job: Json) -> list[int]:
        """The pids of a job's process and of all below it; none unless that process is the job's own."""
        pid = int((job.get("process") or {}).get("pid") or 0)
        if pid not in self.processes or not self._is_of(job, self.processes[pid]):
            return []
        found, left = [], [pid]
        while left:
            pid = left.pop()
            found.append(pid)
            left += self._below.get(pid, ())
        return sorted(found)

    def _is_of(self, job: Json, process: Process) -> bool:
        """Tell whether a process began when the job's did: its number alone may mean another one by now."""
        spawned = job["process"].get("spawnTime") or job.get("startTime")
        if not spawned:
            return False
        began = self._booted + process.start_ticks / TICKS
        return abs(began - times.parsed(spawned).timestamp()) < _SLACK_SECONDS


def processes_of(job: Json) -> list[tuple[int, str]]:
    """The processes of a job by pid and name."""
    table = ProcessTable()
    return [(pid, table.processes[pid].name) for pid in table.of_job(job)]


def _read(path: str) -> Process | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            head, _, tail = file.read().rpartition(")")
    except OSError:
        return None  # It has ended since the folder was listed.
    fields = tail.split()
    if len(fields) <= _RSS:
        return None
    ticks = int(fields[_UTIME]) + int(fields[_STIME])
    memory_bytes = int(fields[_RSS]) * _PAGE_BYTES
    name = head.partition("(")[2]
    return Process(name, int(fields[_PPID]), ticks, int(fields[_STARTTIME]), memory_bytes)


def _uptime(proc: str) -> float:
    try:
        with open(f"{proc}/uptime", encoding="ascii") as file:
            return float(file.read().split()[0])
    except OSError:
        return 0.0
