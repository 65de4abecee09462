"""A run's tree as a cgroup of version 2, with version 1 controllers beside it for limits.

It decides nothing about stopping.
"""

import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from locksided.keeper.loop import Loop
from locksided.keeper.reserve import lent
from locksided.keeper.tree import proc
from locksided.keeper.tree.hierarchy import Hierarchy
from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.usage import Used

SIGKILL = 9
CPU_PERIOD_US = 100_000
RETRY_SECONDS = 0.5
MAX_ROUNDS = 8
"""How often a signal goes over a tree that grows meanwhile."""


def make_tree(
    hierarchy: Hierarchy,
    name: str,
    memory_bytes: int | None,
    cpus: float | None,
    tree_of: "Callable[[str], CgroupTree]",
) -> "CgroupTree":
    """Make the cgroups of a run and set their limits; `tree_of` makes its tree. Raises OSError."""
    path = os.path.join(hierarchy.unified, name)
    _make(path)
    tree = tree_of(path)
    try:
        if memory_bytes is not None:
            tree.limit_memory(hierarchy, name, memory_bytes)
        if cpus is not None:
            tree.limit_cpus(hierarchy, name, cpus)
    except OSError:
        tree.close()
        raise
    return tree


class CgroupTree:
    """The processes in one cgroup and in those that they made below it."""

    proof = "cgroup"

    def __init__(self, loop: Loop, path: str, home_fd: int | None = None) -> None:
        """`home_fd` is open on the `cgroup.procs` of the keeper's own cgroup, if it can come and go."""
        self._loop = loop
        self._home_fd = home_fd
        self.path: str | None = path
        self._folder = path
        self.address_space_bytes: int | None = None
        self._beside: list[str] = []
        self._memory_events: str | None = None
        self._events_fd = -1
        self._is_removed = False
        self._out_of_memory = False
        self._is_limited = False
        self._used: Used | None = None

    @property
    def can_host(self) -> bool:
        """Not where the keeper would take part in limits."""
        return self._home_fd is not None and not self._is_limited

    @contextmanager
    def hosting(self) -> Iterator[None]:
        assert self._home_fd is not None
        _write(self._folder, "cgroup.procs", "0")
        try:
            yield
        finally:
            self._go_home(self._home_fd)

    def _go_home(self, home_fd: int) -> None:
        try:
            os.write(home_fd, b"0")
        except OSError as error:
            # A keeper in a run's cgroup would be killed with the run: better to end now, and loudly.
            raise RuntimeError(f"the keeper cannot leave the cgroup {self._folder}: {error}") from error

    def limit_memory(self, hierarchy: Hierarchy, name: str, memory_bytes: int) -> None:
        self._is_limited = True
        if "memory" in hierarchy.controllers:
            _write(self._folder, "memory.max", str(memory_bytes))
            with suppress(OSError):
                _write(self._folder, "memory.swap.max", "0")
            self._memory_events = os.path.join(self._folder, "memory.events")
        elif hierarchy.memory_v1 is not None:
            folder = self._make_beside(hierarchy.memory_v1, name)
            _write(folder, "memory.limit_in_bytes", str(memory_bytes))
            with suppress(OSError):
                _write(folder, "memory.memsw.limit_in_bytes", str(memory_bytes))
            self._memory_events = os.path.join(folder, "memory.oom_control")
        else:
            self.address_space_bytes = memory_bytes

    def limit_cpus(self, hierarchy: Hierarchy, name: str, cpus: float) -> None:
        self._is_limited = True
        quota_us = max(1000, int(cpus * CPU_PERIOD_US))
        if "cpu" in hierarchy.controllers:
            _write(self._folder, "cpu.max", f"{quota_us} {CPU_PERIOD_US}")
        elif hierarchy.cpu_v1 is not None:
            folder = self._make_beside(hierarchy.cpu_v1, name)
            _write(folder, "cpu.cfs_period_us", str(CPU_PERIOD_US))
            _write(folder, "cpu.cfs_quota_us", str(quota_us))

    def _make_beside(self, parent: str, name: str) -> str:
        folder = os.path.join(parent, name)
        _make(folder)
        self._beside.append(folder)
        return folder

    def enter(self) -> None:
        for folder in (self._folder, *self._beside):
            _write(folder, "cgroup.procs", "0")

    def adopt(self, pid: int) -> None:
        """The process enters by itself."""

    def release(self, pid: int) -> None:
        """The kernel took it out."""

    @lent()
    def members(self) -> list[Process]:
        found = (proc.read(pid) for pid in self._pids())
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
        hits = [Hit(process.pid, process.name, SIGKILL) for process in self.members()]
        with suppress(OSError):
            _write(self._folder, "cgroup.kill", "1")
        return hits

    @lent()
    def freeze(self) -> None:
        with suppress(OSError):
            _write(self._folder, "cgroup.freeze", "1")

    @lent()
    def thaw(self) -> None:
        with suppress(OSError):
            _write(self._folder, "cgroup.freeze", "0")

    def is_empty(self) -> bool:
        """Removing the cgroup is the test: the kernel refuses while a process is in it."""
        if self._is_removed:
            return True
        self._note_memory()
        self._note_usage()
        self._is_removed = _remove(self._folder)
        return self._is_removed

    def on_change(self, callback: Callable[[], None]) -> None:
        if self._events_fd >= 0 or self._is_removed:
            return
        try:
            self._events_fd = os.open(os.path.join(self._folder, "cgroup.events"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            # It is gone, or the system has no descriptor left: look again soon.
            self._loop.after(RETRY_SECONDS, callback)
            return

        def changed() -> None:
            # The kernel tells of the next change only to one who has read this one.
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
        for folder in (*([] if self._is_removed else [self._folder]), *self._beside):
            _remove(folder)

    def _note_memory(self) -> None:
        if self._memory_events is None:
            return
        with suppress(OSError):
            self._out_of_memory = _counts(self._memory_events).get(b"oom_kill", 0) > 0

    def _note_usage(self) -> None:
        """Read what was counted before the cgroup goes. The peak of memory is there since Linux 5.19."""
        with suppress(OSError, ValueError, KeyError):
            spent = _counts(os.path.join(self._folder, "cpu.stat"))
            peak_bytes = None
            with suppress(FileNotFoundError):
                peak_bytes = int(proc.content(os.path.join(self._folder, "memory.peak")))
            self._used = Used(spent[b"user_usec"] / 1e6, spent[b"system_usec"] / 1e6, peak_bytes)

    def _pids(self) -> Iterator[int]:
        for folder, _, _ in os.walk(self._folder):
            with suppress(OSError):
                yield from map(int, proc.content(os.path.join(folder, "cgroup.procs")).split())


def _counts(path: str) -> dict[bytes, int]:
    """The numbers in a file of names and numbers. Raises OSError."""
    words = proc.content(path).split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _make(path: str) -> None:
    try:
        os.mkdir(path)
    except FileNotFoundError:
        os.makedirs(path)


def _remove(path: str) -> bool:
    """Remove a cgroup with the empty ones below it; False if a process is left in it."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return _is_unpopulated(path) and _remove_below(path)
    return True


def _is_unpopulated(path: str) -> bool:
    try:
        return b"populated 0" in proc.content(os.path.join(path, "cgroup.events"))
    except OSError:
        return False


def _remove_below(path: str) -> bool:
    for folder, _, _ in os.walk(path, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)
    return not os.path.exists(path)


def _write(folder: str, name: str, text: str) -> None:
    fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)
