"""A run's cgroup together with those of its processes that have left it.

A login (`su -`, `sudo -i`) or `systemd-run --scope` inside a job moves processes to cgroups of their own.
They are descendants of the keeper all the same, bear the run's mark, and are stopped with the rest.
"""

from collections.abc import Callable

from locksided.keeper import mark
from locksided.keeper.cgroups import CgroupTree
from locksided.keeper.loop import Loop
from locksided.keeper.mark import Mark
from locksided.keeper.proc import Hit, Process
from locksided.keeper.scan import SIGCONT, SIGKILL, SIGSTOP, Family, ScanTree, signal_all


class WholeTree(CgroupTree):
    """Everything in the cgroup, and everything that strayed from it."""

    def __init__(self, loop: Loop, path: str, family: Family, name: str, own_mark: Mark) -> None:
        super().__init__(loop, path)
        self._mark = own_mark
        self._descendants = ScanTree(family, name, own_mark, None)
        self._family = family
        self._name = name

    def enter(self) -> None:
        mark.impose(self._mark)
        super().enter()

    def adopt(self, pid: int) -> None:
        self._descendants.adopt(pid)

    def release(self, pid: int) -> None:
        self._descendants.release(pid)

    def members(self) -> list[Process]:
        found = super().members()
        known = {process.pid for process in found}
        return found + [
            process for process in self._family.in_passing(self._name) if process.pid not in known
        ]

    def kill(self) -> list[Hit]:
        inside = self._inside()
        hits = super().kill()
        known = {hit.pid for hit in hits}
        return hits + [hit for hit in signal_all(self._strayed(inside), SIGKILL) if hit.pid not in known]

    def freeze(self) -> None:
        super().freeze()
        signal_all(self._strayed(self._inside()), SIGSTOP)

    def thaw(self) -> None:
        signal_all(self._strayed(self._inside()), SIGCONT)
        super().thaw()

    def _inside(self) -> set[int]:
        return {process.pid for process in super().members()}

    def _strayed(self, inside: set[int]) -> Callable[[], list[Process]]:
        return lambda: [
            process for process in self._family.in_passing(self._name) if process.pid not in inside
        ]

    def is_empty(self) -> bool:
        return super().is_empty() and self._descendants.is_empty()

    def close(self) -> None:
        self._descendants.close()
        super().close()
