"""A run whose keeper died: its survivors are stopped, its tree is proved empty, then it is reported as lost.

How such a run ended is unknown: only its keeper was the parent. An outcome recorded by the dead keeper is
reported unchanged.
"""

from typing import Any

from locksided.keeper import clock, outcome
from locksided.keeper.messages import Ended, KeptRun, LogGrown, Outcome, ReapOrder
from locksided.keeper.surroundings import Surroundings
from locksided.keeper.tree import mark
from locksided.keeper.tree.cgroups import CgroupTree
from locksided.keeper.tree.hierarchy import Hierarchy, find_left_by_others, holder_of
from locksided.keeper.tree.places import Place
from locksided.keeper.tree.stopping import Stopper
from locksided.keeper.tree.survivors import SurvivorTree
from locksided.keeper.tree.tree import Tree


class Reaping:
    """One run of a dead keeper."""

    def __init__(
        self, order: ReapOrder, around: Surroundings, hierarchy: Hierarchy | None, cgroup_name: str
    ) -> None:
        self.token = order.token
        self.outcome: Any = None
        """An `Outcome`, or the unchanged record of a dead keeper of any release."""
        self.is_recorded = False
        self._order = order
        self._around = around
        self._run = outcome.read(order.folder, outcome.RUN_FILE) or {}
        self._tree = self._find_tree(hierarchy, cgroup_name)
        self._stopper = Stopper(
            around.loop, self._tree, order.stop_signal, order.grace_seconds, lambda _: False
        )

    @property
    def looks_for_orphans(self) -> bool:
        """False: its processes are not children of this keeper."""
        return False

    def begin(self) -> None:
        """Report at once if the end is known or nothing lives; else stop what lives."""
        recorded = outcome.read(self._order.folder, outcome.FILE)
        if recorded is not None:
            self.is_recorded = True
            self._end(recorded)
        elif self._is_of_this_boot() and not self._tree.is_empty():
            self._stopper.begin()
            self._tree.thaw()
            self._tree.on_change(self.advance)
            self.advance()
        else:
            self._end(self._lost())

    def advance(self) -> None:
        if self.outcome is not None:
            return
        if self._tree.is_empty():
            self._stopper.finish()
            self._end(self._lost())
        else:
            self._stopper.push()

    def stop(self, reason: str) -> None:
        """Do nothing: it is already being stopped."""

    def pause(self) -> None:
        self.resume()

    def resume(self) -> None:
        self._around.tell({"op": "resumed", "token": self.token})

    def watch(self, seq: int) -> None:
        """Report the log as complete: it gets no more frames."""
        self._around.tell(LogGrown(self.token, seq, complete=True))

    def describe(self) -> KeptRun:
        return KeptRun(
            self.token,
            "stopping" if self.outcome is None else "ended",
            pid=self._run.get("pid"),
            start_ticks=self._run.get("startTicks"),
            spawn_time=self._run.get("spawnTime"),
            outcome=self.outcome,
        )

    def tell_state(self) -> None:
        if self.outcome is not None:
            self._around.tell(Ended(self.token, self.outcome))

    def record(self) -> None:
        """Write the outcome to the control folder; after a failure the next hello retries."""
        if self.is_recorded or self.outcome is None:
            return
        try:
            outcome.write_outcome(self._order.folder, self.outcome)
        except OSError as error:
            self._around.journal.write("outcome not recorded", token=self.token, error=str(error))
            return
        self.is_recorded = True

    def _end(self, made: Any) -> None:
        self.outcome = made
        self._tree.close()
        self.record()
        self.tell_state()
        self._around.ended()

    def _lost(self) -> Outcome:
        return outcome.blank(self.token)._replace(
            pid=self._run.get("pid"),
            spawn_time=self._run.get("spawnTime"),
            exit_time=clock.wall_us(),
            lost=True,
            kill_report=self._stopper.report,
        )

    def _is_of_this_boot(self) -> bool:
        return bool(self._run.get("bootId", self._around.boot_id) == self._around.boot_id)

    def _find_tree(self, hierarchy: Hierarchy | None, cgroup_name: str) -> Tree:
        """Return the cgroup created by the dead keeper, if any, else the processes with the run's mark."""
        path = self._run.get("cgroup")
        if path is None and hierarchy is not None:
            path = find_left_by_others(hierarchy, cgroup_name)
        if isinstance(path, str) and self._is_of_this_boot() and holder_of(path) in (None, cgroup_name):
            return CgroupTree(self._around.loop, Place(path))
        leader = (self._run.get("pid", 0), self._run.get("startTicks", 0))
        return SurvivorTree(self._around.loop, mark.of_folder(self._order.folder), leader)
