"""The processes started for runs by this process, their orphans, and their trees."""

import os
import zlib
from collections.abc import Mapping

from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop
from locksided.keeper.run import Run
from locksided.keeper.start.order import Order
from locksided.keeper.surroundings import Surroundings
from locksided.keeper.tree import mark
from locksided.keeper.tree.combined_tree import WholeTree
from locksided.keeper.tree.hierarchy import Hierarchy
from locksided.keeper.tree.places import Places
from locksided.keeper.tree.reaping import Reaping
from locksided.keeper.tree.scan import Family, ScanTree
from locksided.keeper.tree.tree import Tree

Runs = Mapping[str, Run | Reaping]


class Children:
    """Starts runs and waits for their processes. `runs` is the caller's table, by token."""

    def __init__(self, loop: Loop, journal: Journal, hierarchy: Hierarchy | None, runs: Runs) -> None:
        self.family = Family(is_everyone=hierarchy is None)
        self._loop = loop
        self._journal = journal
        self._hierarchy = hierarchy
        self._places = None if hierarchy is None else Places(hierarchy)
        self._runs = runs
        self._run_of_pid: dict[int, Run] = {}
        self._is_reaping = False

    def new_run(self, order: Order, around: Surroundings) -> Run:
        """Return a run whose claim is won, with a tree for its processes."""
        return Run(order, self._make_tree(order), around)

    def start(self, run: Run) -> None:
        """Start a run after it was added to the table."""
        run.start()
        self._run_of_pid.update((pid, run) for pid in run.child_pids)

    def reap(self) -> None:
        """Wait for all children that have ended, including orphans of jobs."""
        self.wait_for_ended()
        for run in [run for run in self._runs.values() if run.looks_for_orphans]:
            run.advance()

    def wait_for_ended(self) -> None:
        """Wait for all ended children. Calls made while it runs, by runs that end, return at once."""
        if self._is_reaping:
            return
        self._is_reaping = True
        try:
            self._wait_for_all()
        finally:
            self._is_reaping = False

    def _wait_for_all(self) -> None:
        while (pid := _ended_child()) is not None:
            orphan_of = None if pid in self._run_of_pid else self.family.owner_of(pid)
            _, status, used = os.wait4(pid, 0)
            leader_of = self._run_of_pid.pop(pid, None)
            if leader_of is not None:
                leader_of.child_ended(pid, status, used)
            elif isinstance(run := self._runs.get(orphan_of or ""), Run):
                run.orphan_ended(used)

    def _make_tree(self, order: Order) -> Tree:
        own_mark = mark.of_folder(order.folder)
        if self._hierarchy is not None and self._places is not None:
            name = cgroup_name(order.token, order.folder)
            limits = order.memory_bytes, order.cpus
            try:
                place = self._places.take(name, is_limited=limits != (None, None))
                descendants = ScanTree(self.family, order.token, own_mark, None)
                tree = WholeTree(self._loop, place, self._places, descendants)
                tree.limit(self._hierarchy, name, *limits)
            except OSError as error:
                self._journal.write("no cgroup", token=order.token, error=str(error))
            else:
                return tree
        return ScanTree(self.family, order.token, own_mark, order.memory_bytes)


def _ended_child() -> int | None:
    """Return the pid of an ended child that can still be examined, because it was not waited for."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid


def cgroup_name(token: str, folder: str) -> str:
    """Return the name of a run's cgroup: two daemons may use equal tokens, but not equal control folders."""
    return f"{token}-{zlib.crc32(os.fsencode(folder)):08x}"
