"""The interface between a run and its process tree, whether a cgroup or a scan."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.usage import Used


class Tree(Protocol):
    """All processes of one run, even if they forked, called setsid or became daemons."""

    proof: str
    """The evidence that the tree is empty: `cgroup` or `scan`."""

    path: str | None
    """The run's cgroup, if there is one."""

    address_space_bytes: int | None
    """The limit that every process must set for itself because nothing else can."""

    @property
    def can_host(self) -> bool:
        """Whether children of the keeper are born as members while it is `hosting`."""

    def hosting(self) -> AbstractContextManager[None]:
        """Make the keeper itself a member for a moment. Raises OSError with the keeper where it was."""

    def before_fork(self) -> None:
        """Ensure that the next forked process starts outside of all runs; then it must `enter`."""

    def enter(self) -> None:
        """Make the calling process a member; called between fork and exec. Raises OSError."""

    def adopt(self, pid: int) -> None:
        """Note a process that the keeper started for this run."""

    def release(self, pid: int) -> None:
        """Note that such a process has ended and its pid may be reused."""

    def members(self) -> list[Process]:
        """Return the living processes of the tree."""

    def signal(self, number: int) -> list[Hit]:
        """Signal all members, including those that appear meanwhile."""

    def kill(self) -> list[Hit]:
        """Send SIGKILL to all members."""

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def is_empty(self) -> bool:
        """Return whether no process is left: exact, and cheap if so. An empty cgroup is given up."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back from now on when the tree may have become empty."""

    def was_out_of_memory(self) -> bool: ...

    def used(self) -> Used | None:
        """Return the usage of the whole tree once it is empty; None if it is not counted."""

    def close(self) -> None:
        """Forget the tree; only when it is empty."""
