"""What running jobs take right now, as /proc tells: processor and memory of whole process trees.

The wire has no such figures; where /proc cannot be read, or shows other processes, there are none.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Any, NamedTuple

from lockside.cli.jobs.processes import TICKS, ProcessTable

Json = dict[str, Any]


class Usage(NamedTuple):
    """Processor time per time, in percent of one processor (None at first), and memory in bytes."""

    percent: float | None
    memory_bytes: int


class Sampler:
    """Takes samples; processor time is what was used since the sample before."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._before: dict[str, tuple[float, dict[int, int]]] = {}

    def sample(self, jobs: Iterable[Json]) -> dict[str, Usage]:
        """Give the usage of each of these jobs whose process is seen to be its own."""
        wanted = [
            job for job in jobs if (job.get("process") or {}).get("pid") and job["status"] == "processing"
        ]
        if not wanted:
            self._before.clear()
            return {}
        table = ProcessTable(self._proc)
        found = {}
        for job in wanted:
            if tree := table.of_job(job):
                found[str(job["id"])] = self._usage(str(job["id"]), tree, table)
        self._before = {number: self._before[number] for number in found}
        return found

    def _usage(self, number: str, tree: list[int], table: ProcessTable) -> Usage:
        now = monotonic()
        ticks = {pid: table.processes[pid].ticks for pid in tree}
        before = self._before.get(number)
        self._before[number] = (now, ticks)
        percent = None
        if before is not None and now > before[0]:
            used = sum(count - before[1].get(pid, 0) for pid, count in ticks.items())
            percent = max(0.0, used / TICKS / (now - before[0]) * 100)
        return Usage(percent, sum(table.processes[pid].memory_bytes for pid in tree))
