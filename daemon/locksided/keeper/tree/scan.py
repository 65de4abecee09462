"""A run's tree without cgroups: found by scanning the keeper's descendants.

It can limit only address space.

The keeper is the subreaper of all processes of its jobs, so every process of a job is a descendant of the
keeper, whatever sessions it created and whichever of its parents died. The run of an orphan is the one that
it was seen with before, that of its mark, that of its session, or the only run that is possible.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

from locksided.keeper import clock
from locksided.keeper.reserve import lent
from locksided.keeper.tree import mark, proc
from locksided.keeper.tree.mark import Mark
from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.usage import Used

SIGKILL = 9
SIGSTOP = 19
SIGCONT = 18
MAX_ROUNDS = 8
CATCH_SECONDS = 0.2
"""The longest time in one turn to chase processes that constantly replace each other."""

Identity = tuple[int, int]
"""Pid and start ticks."""


class Kin(NamedTuple):
    """How to recognise the processes of one run."""

    leaders: set[int]
    """Children that the keeper forked and has not waited for yet."""
    sessions: set[int]
    """All sessions that they ever created."""
    mark: Mark
    """The run's mark, which no process of another run has."""
    since_ticks: int
    """No process of the run is older."""


class Family:
    """Finds the run of each descendant of the keeper."""

    def __init__(self, is_everyone: bool) -> None:
        """`is_everyone`: all runs of the keeper are known here, so the run of an orphan can be inferred."""
        self._is_everyone = is_everyone
        self._keeper_pid = os.getpid()
        self._children = proc.Children(self._keeper_pid)
        self._kins: dict[str, Kin] = {}
        self._seen: dict[Identity, str] = {}

    def add(self, name: str, kin: Kin) -> None:
        self._kins[name] = kin

    def remove(self, name: str) -> None:
        self._kins.pop(name, None)
        self._seen = {identity: owner for identity, owner in self._seen.items() if owner != name}

    def is_empty(self, name: str, *, but: Iterable[int] = ()) -> bool:
        """Return whether the run surely has no process left, `but` these. Exact if the kernel lists children.

        Each remaining process is below a child of the keeper that is the run's. Such a child stays in the
        list until the keeper waits for it, and its own children are listed before it is a zombie: so if none
        in the list is alive and of the run, and a second read finds nothing new, none is left, however fast
        processes replace each other.
        """
        others = set(but)
        for owner, kin in self._kins.items():
            others |= kin.leaders if owner != name else set()
        looked_at: set[int] = set()
        while True:
            children = self._children.pids()
            if children is None:
                return not self.members(name)
            if children <= looked_at:
                return True
            if any(self._is_of(pid, name) for pid in children - looked_at - others):
                return False
            looked_at |= children

    def _is_of(self, child_pid: int, name: str) -> bool:
        process = proc.read(child_pid)
        return process is not None and process.is_alive and self._owner_of(process) == name

    def in_passing(self, name: str) -> list[Process]:
        """Return living processes of the run, found quickly from parents to children; some may be missed."""
        children = self._children.pids()
        if children is None:
            return self.members(name)
        others = {pid for owner, kin in self._kins.items() if owner != name for pid in kin.leaders}
        waiting = [pid for pid in children - others if self._is_of(pid, name)]
        found = []
        while waiting:
            process = proc.read(waiting.pop())
            if process is not None and process.is_alive:
                found.append(process)
                waiting += proc.all_child_pids(process.pid)
        return found

    def owner_of(self, pid: int) -> str | None:
        """Return the run of an orphan that the keeper has not waited for yet."""
        process = proc.read(pid)
        return None if process is None else self._owner_of(process)

    def members(self, name: str) -> list[Process]:
        """Return the living processes of a run."""
        return [process for process, owner in self._attribute() if owner == name]

    def strays(self) -> list[Process]:
        """Return living descendants of the keeper that fit no run; none if runs have cgroups."""
        if not self._is_everyone:
            return []
        return [process for process, owner in self._attribute() if owner is None]

    @lent()
    def _attribute(self) -> list[tuple[Process, str | None]]:
        """Return all living descendants of the keeper with their runs, parents before children."""
        owners: dict[int, str | None] = {}
        found = []
        for process in descendants(proc.read_all(), self._keeper_pid):
            owner = owners.get(process.parent_pid) or self._owner_of(process)
            owners[process.pid] = owner
            if process.is_alive:
                found.append((process, owner))
        alive = {(process.pid, process.start_ticks): owner for process, owner in found}
        self._seen = {identity: owner for identity, owner in alive.items() if owner is not None}
        return found

    def _owner_of(self, process: Process) -> str | None:
        """Return the run of an orphan or a leader."""
        seen = self._seen.get((process.pid, process.start_ticks))
        if seen is not None:
            return seen
        possible = {n: kin for n, kin in self._kins.items() if kin.since_ticks <= process.start_ticks}
        number = mark.number_of(process.pid)
        signs: tuple[Callable[[Kin], bool], ...] = (
            lambda kin: process.pid in kin.leaders,
            lambda kin: number == kin.mark.number,
            lambda kin: mark.has_entry(process.pid, kin.mark),
            lambda kin: process.session in kin.sessions,
        )
        for sign in signs:
            for name, kin in possible.items():
                if sign(kin):
                    return name
        return next(iter(possible)) if self._is_everyone and len(possible) == 1 else None


def descendants(processes: dict[int, Process], root: int) -> Iterable[Process]:
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent_pid, []).append(process)
    waiting = list(children.get(root, ()))
    while waiting:
        process = waiting.pop()
        yield process
        waiting += children.get(process.pid, ())


class ScanTree:
    """The descendants of the keeper that belong to one run."""

    proof = "scan"
    path: str | None = None

    def __init__(self, family: Family, name: str, own_mark: Mark, memory_bytes: int | None) -> None:
        self._family = family
        self._name = name
        self._mark = own_mark
        self._since_ticks = proc.ticks_now()
        self._kin: Kin | None = None
        self.address_space_bytes = memory_bytes

    can_host = False
    """A process born there would not have the mark, which this tree depends on."""

    def hosting(self) -> AbstractContextManager[None]:
        raise AssertionError("nothing is born marked")

    def before_fork(self) -> None:
        """Do nothing: the keeper is in no tree."""

    def enter(self) -> None:
        """Set the mark of the run; being a descendant is enough to enter."""
        mark.impose(self._mark)

    def brand(self, pid: int) -> None:
        """Set the mark of a process that did not enter by itself."""
        mark.impose_on(pid, self._mark)

    def in_passing(self) -> list[Process]:
        """Return the members that can be found without waiting."""
        return self._family.in_passing(self._name)

    def adopt(self, pid: int) -> None:
        if self._kin is None:
            self._kin = Kin(set(), set(), self._mark, self._since_ticks)
            self._family.add(self._name, self._kin)
        self._kin.leaders.add(pid)
        self._kin.sessions.add(pid)

    def release(self, pid: int) -> None:
        if self._kin is not None:
            self._kin.leaders.discard(pid)

    def members(self) -> list[Process]:
        return self._family.members(self._name)

    def signal(self, number: int) -> list[Hit]:
        return signal_all(self.members, number)

    def kill(self) -> list[Hit]:
        """First stop all that can be caught, so that nothing is forked while others die; then kill."""
        self._catch()
        return signal_all(self.members, SIGKILL)

    def _catch(self) -> None:
        caught: set[Identity] = set()
        until = clock.boot_seconds() + CATCH_SECONDS
        while clock.boot_seconds() < until:
            seen = self._family.in_passing(self._name)
            fresh = [process for process in seen if (process.pid, process.start_ticks) not in caught]
            if not fresh and not self._is_fleeing(caught):
                return
            caught.update((one.pid, one.start_ticks) for one in fresh if proc.send(one, SIGSTOP))

    def _is_fleeing(self, caught: set[Identity]) -> bool:
        """Return whether a process is left that was missed when the others were found."""
        pids = {pid for pid, _ in caught}
        return not self._family.is_empty(self._name, but=pids)

    def freeze(self) -> None:
        self.signal(SIGSTOP)

    def thaw(self) -> None:
        self.signal(SIGCONT)

    def is_empty(self) -> bool:
        return self._family.is_empty(self._name)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Do nothing: the keeper checks whenever a child ends, and a tree's last process is its child."""

    def was_out_of_memory(self) -> bool:
        return False

    def used(self) -> Used | None:
        return None

    def close(self) -> None:
        self._family.remove(self._name)


@lent()
def signal_all(members: Callable[[], list[Process]], number: int) -> list[Hit]:
    """Signal a tree repeatedly until it has no new process."""
    hits: dict[Identity, Hit] = {}
    for _ in range(MAX_ROUNDS):
        fresh = [process for process in members() if (process.pid, process.start_ticks) not in hits]
        sent = {(p.pid, p.start_ticks): hit for p in fresh if (hit := proc.send(p, number))}
        if not sent:
            break
        hits.update(sent)
    return list(hits.values())
