"""A run's tree as a cgroup of version 2, with version 1 controllers beside it for limits.

Decisions about stopping are made elsewhere.
"""

import os
import select
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress

from locksided.keeper.loop import Loop
from locksided.keeper.reserve import lent
from locksided.keeper.tree import proc
from locksided.keeper.tree.hierarchy import Hierarchy
from locksided.keeper.tree.places import Place, Places
from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.usage import Used

SIGKILL = 9
CPU_PERIOD_US = 100_000
RETRY_SECONDS = 0.5
MAX_ROUNDS = 8
"""The most rounds of a signal over a growing tree."""


class CgroupTree:
    """The processes in one cgroup and in the cgroups that they created below it."""

    proof = "cgroup"

    def __init__(self, loop: Loop, place: Place, places: Places | None = None) -> None:
        """`places` are this keeper's, if the place is one of them."""
        self._loop = loop
        self._place = place
        self._places = places
        self.path: str | None = place.path
        self._folder = place.path
        self.address_space_bytes: int | None = None
        self._beside: list[Place] = []
        self._memory_events: str | None = None
        self._events_fd = -1
        self._is_over = False
        self._out_of_memory = False
        self._is_limited = False
        self._used: Used | None = None

    @property
    def can_host(self) -> bool:
        """Return whether the keeper can visit it; not if limits would apply to the keeper."""
        return self._places is not None and self._places.can_be_visited and not self._is_limited

    def hosting(self) -> AbstractContextManager[None]:
        assert self._places is not None
        return self._places.visiting(self._place)

    def before_fork(self) -> None:
        if self._places is not None:
            self._places.go_home()

    def limit(self, hierarchy: Hierarchy, name: str, memory_bytes: int | None, cpus: float | None) -> None:
        """Set the limits of the run with this name. Raises OSError after removing the cgroups."""
        try:
            if memory_bytes is not None:
                self.limit_memory(hierarchy, name, memory_bytes)
            if cpus is not None:
                self.limit_cpus(hierarchy, name, cpus)
        except OSError:
            self.close()
            raise

    def limit_memory(self, hierarchy: Hierarchy, name: str, memory_bytes: int) -> None:
        self._is_limited = True
        if "memory" in hierarchy.controllers:
            self._place.write("memory.max", str(memory_bytes))
            with suppress(OSError):
                self._place.write("memory.swap.max", "0")
            self._memory_events = os.path.join(self._folder, "memory.events")
        elif hierarchy.memory_v1 is not None:
            beside = self._make_beside(hierarchy.memory_v1, name)
            beside.write("memory.limit_in_bytes", str(memory_bytes))
            with suppress(OSError):
                beside.write("memory.memsw.limit_in_bytes", str(memory_bytes))
            self._memory_events = os.path.join(beside.path, "memory.oom_control")
        else:
            self.address_space_bytes = memory_bytes

    def limit_cpus(self, hierarchy: Hierarchy, name: str, cpus: float) -> None:
        self._is_limited = True
        quota_us = max(1000, int(cpus * CPU_PERIOD_US))
        if "cpu" in hierarchy.controllers:
            self._place.write("cpu.max", f"{quota_us} {CPU_PERIOD_US}")
        elif hierarchy.cpu_v1 is not None:
            beside = self._make_beside(hierarchy.cpu_v1, name)
            beside.write("cpu.cfs_period_us", str(CPU_PERIOD_US))
            beside.write("cpu.cfs_quota_us", str(quota_us))

    def _make_beside(self, parent: str, name: str) -> Place:
        beside = Place.made(os.path.join(parent, name))
        self._beside.append(beside)
        return beside

    def enter(self) -> None:
        for place in (self._place, *self._beside):
            place.enter()

    def adopt(self, pid: int) -> None:
        """Do nothing: the process enters by itself."""

    def release(self, pid: int) -> None:
        """Do nothing: the kernel removed it."""

    @lent()
    def members(self) -> list[Process]:
        found = (proc.read(pid) for pid in (() if self._is_over else self._pids()))
        return [process for process in found if process is not None and process.is_alive]

    @lent()
    def signal(self, number: int) -> list[Hit]:
        hits: dict[int, Hit] = {}
        for _ in range(MAX_ROUNDS):
            fresh = [process for process in self.members() if process.pid not in hits]
            sent = [hit for process in fresh if (hit := proc.send(process, number))]
            if not sent:
                break
            hits.update((hit.pid, hit) for hit in sent)
        return list(hits.values())

    @lent()
    def kill(self) -> list[Hit]:
        if self._is_over:
            return []  # another run may have it by now
        hits = [Hit(process.pid, process.name, SIGKILL) for process in self.members()]
        with suppress(OSError):
            self._place.write("cgroup.kill", "1")
        return hits

    @lent()
    def freeze(self) -> None:
        with suppress(OSError):
            self._place.write("cgroup.freeze", "1")

    @lent()
    def thaw(self) -> None:
        with suppress(OSError):
            self._place.write("cgroup.freeze", "0")

    def is_empty(self) -> bool:
        if self._is_over:
            return True
        if self._places is not None:
            self._places.keep_out(self._place)
        if self._place.is_used_again and not self._place.is_left():
            return False
        self._note_memory()
        self._note_usage()
        self._is_over = self._place.is_used_again or self._place.is_left()
        return self._is_over

    def on_change(self, callback: Callable[[], None]) -> None:
        if self._events_fd >= 0 or self._is_over:
            return
        try:
            self._events_fd = os.open(os.path.join(self._folder, "cgroup.events"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            # It was removed, or the system has no free descriptor: retry soon.
            self._loop.after(RETRY_SECONDS, callback)
            return

        def changed() -> None:
            # The kernel reports the next change only after this one was read.
            with suppress(OSError):
                os.pread(self._events_fd, 256, 0)
            callback()

        self._loop.watch(self._events_fd, changed, select.EPOLLPRI)
        changed()

    def was_out_of_memory(self) -> bool:
        return self._out_of_memory

    def used(self) -> Used | None:
        return self._used

    def close(self) -> None:
        if self._events_fd >= 0:
            self._loop.forget(self._events_fd)
            os.close(self._events_fd)
            self._events_fd = -1
        if self._places is not None:
            self._places.give_back(self._place)
        for beside in self._beside:
            beside.remove()

    def _note_memory(self) -> None:
        if self._memory_events is None:
            return
        with suppress(OSError):
            self._out_of_memory = _counts(proc.content(self._memory_events)).get(b"oom_kill", 0) > 0

    def _note_usage(self) -> None:
        """Read the usage before the cgroup is removed. The peak of memory is available since Linux 5.19."""
        with suppress(OSError, ValueError, KeyError):
            spent, before = _counts(self._place.read("cpu.stat")), _counts(self._place.spent)
            user, system = (
                (spent[name] - before.get(name, 0)) / 1e6 for name in (b"user_usec", b"system_usec")
            )
            peak_bytes = None
            if not self._place.is_used_again:
                with suppress(FileNotFoundError):
                    peak_bytes = int(self._place.read("memory.peak"))
            self._used = Used(user, system, peak_bytes)

    def _pids(self) -> Iterator[int]:
        for folder, _, _ in os.walk(self._folder):
            with suppress(OSError):
                yield from map(int, proc.content(os.path.join(folder, "cgroup.procs")).split())


def _counts(text: bytes) -> dict[bytes, int]:
    """Return the numbers in a text of names and numbers."""
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
