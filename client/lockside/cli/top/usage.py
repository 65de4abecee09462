"""The current usage of running jobs from /proc: processor and memory of whole process trees. The wire has no
such figures; if /proc cannot be read, or shows other processes, there are none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from time import monotonic, time
from typing import Any, NamedTuple

from lockside.cli import times

Json = dict[str, Any]

_SLACK_SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PPID, _UTIME, _STIME, _STARTTIME, _RSS = 1, 11, 12, 19, 21


class Usage(NamedTuple):
    """Processor usage in percent of one processor (None at first), and memory in bytes."""

    percent: float | None
    memory_bytes: int


class _Process(NamedTuple):
    parent: int
    ticks: int
    start_ticks: int
    memory_bytes: int


class Sampler:
    """Takes samples; processor time is counted since the previous sample."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._before: dict[str, tuple[float, dict[int, int]]] = {}

    def sample(self, jobs: Iterable[Json]) -> dict[str, Usage]:
        """Return the usage of those jobs whose process can be identified."""
        wanted = [
            job for job in jobs if (job.get("process") or {}).get("pid") and job["status"] == "processing"
        ]
        if not wanted:
            self._before.clear()
            return {}
        processes = self._processes()
        below: dict[int, list[int]] = {}
        for pid, process in processes.items():
            below.setdefault(process.parent, []).append(pid)
        booted = time() - _uptime(self._proc)
        found = {}
        for job in wanted:
            pid = int(job["process"]["pid"])
            if pid in processes and _is_same_process(processes[pid], job, booted):
                found[str(job["id"])] = self._usage(str(job["id"]), _tree(pid, below), processes)
        self._before = {number: self._before[number] for number in found}
        return found

    def _usage(self, number: str, tree: list[int], processes: dict[int, _Process]) -> Usage:
        now = monotonic()
        ticks = {pid: processes[pid].ticks for pid in tree}
        before = self._before.get(number)
        self._before[number] = (now, ticks)
        percent = None
        if before is not None and now > before[0]:
            used = sum(count - before[1].get(pid, 0) for pid, count in ticks.items())
            percent = max(0.0, used / _TICKS / (now - before[0]) * 100)
        return Usage(percent, sum(processes[pid].memory_bytes for pid in tree))

    def _processes(self) -> dict[int, _Process]:
        found = {}
        for name in os.listdir(self._proc):
            if name.isdigit():
                process = _read(f"{self._proc}/{name}/stat")
                if process is not None:
                    found[int(name)] = process
        return found


def _read(path: str) -> _Process | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None  # The process has ended since the folder was listed.
    if len(fields) <= _RSS:
        return None
    ticks = int(fields[_UTIME]) + int(fields[_STIME])
    return _Process(int(fields[_PPID]), ticks, int(fields[_STARTTIME]), int(fields[_RSS]) * _PAGE_BYTES)


def _uptime(proc: str) -> float:
    with open(f"{proc}/uptime", encoding="ascii") as file:
        return float(file.read().split()[0])


def _is_same_process(process: _Process, job: Json, booted: float) -> bool:
    """Return whether a process started when the job's did: its pid may have been reused."""
    spawned = job["process"].get("spawnTime") or job.get("startTime")
    if not spawned:
        return False
    return abs(booted + process.start_ticks / _TICKS - times.parsed(spawned).timestamp()) < _SLACK_SECONDS


def _tree(root: int, below: dict[int, list[int]]) -> list[int]:
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += below.get(pid, ())
    return found
