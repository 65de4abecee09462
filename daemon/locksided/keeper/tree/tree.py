"""What a run needs to know of its process tree, whoever keeps it together: a cgroup or a scan."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.usage import Used


class Tree(Protocol):
    """All processes of one run, whatever they forked, setsid'ed or daemonised."""

    proof: str
    """What the emptiness of the tree rests on: `cgroup` or `scan`."""

    path: str | None
    """The run's cgroup, if there is one."""

    address_space_bytes: int | None
    """The limit that every process must set for itself because nothing else can."""

    @property
    def can_host(self) -> bool:
        """Whether what the keeper starts while it is `hosting` is born as a member."""

    def hosting(self) -> AbstractContextManager[None]:
        """Have the keeper itself be a member for a moment. Raises OSError with the keeper where it was."""

    def before_fork(self) -> None:
        """Have what is forked next begin outside of all runs; then it is to `enter`."""

    def enter(self) -> None:
        """Make the calling process a member; called between fork and exec. Raises OSError."""

    def adopt(self, pid: int) -> None:
        """Take note of a process that the keeper started for this run."""

    def release(self, pid: int) -> None:
        """Take note that such a process has ended and its pid may be given to another."""

    def members(self) -> list[Process]:
        """The living processes of the tree."""

    def signal(self, number: int) -> list[Hit]:
        """Signal all members, also those that appear meanwhile."""

    def kill(self) -> list[Hit]:
        """Send SIGKILL to all members."""

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def is_empty(self) -> bool:
        """Whether no process is left: exact, and cheap if so. A cgroup that is empty is given up."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back from now on when the tree may have become empty."""

    def was_out_of_memory(self) -> bool: ...

    def used(self) -> Used | None:
        """What all of it used, once it is empty; None where nobody counts."""

    def close(self) -> None:
        """Forget the tree; only when it is empty."""
