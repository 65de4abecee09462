"""A run's cgroup together with those of its processes that have left it.

A login (`su -`, `sudo -i`) or `systemd-run --scope` inside a job moves processes to other cgroups. They are
still descendants of the keeper, have the run's mark, and are stopped with the rest.
"""

from collections.abc import Callable

from locksided.keeper.loop import Loop
from locksided.keeper.tree.cgroups import CgroupTree
from locksided.keeper.tree.places import Place, Places
from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.scan import SIGCONT, SIGKILL, SIGSTOP, ScanTree, signal_all


class WholeTree(CgroupTree):
    """All processes in the cgroup, and all that left it."""

    def __init__(self, loop: Loop, place: Place, places: Places, descendants: ScanTree) -> None:
        super().__init__(loop, place, places)
        self._descendants = descendants

    def enter(self) -> None:
        self._descendants.enter()
        super().enter()

    def adopt(self, pid: int) -> None:
        """Mark the process: one started while the keeper was hosting did not enter by itself."""
        self._descendants.brand(pid)
        self._descendants.adopt(pid)

    def release(self, pid: int) -> None:
        self._descendants.release(pid)

    def members(self) -> list[Process]:
        found = super().members()
        known = {process.pid for process in found}
        return found + [process for process in self._descendants.in_passing() if process.pid not in known]

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
        return lambda: [process for process in self._descendants.in_passing() if process.pid not in inside]

    def is_empty(self) -> bool:
        return super().is_empty() and self._descendants.is_empty()

    def close(self) -> None:
        self._descendants.close()
        super().close()
