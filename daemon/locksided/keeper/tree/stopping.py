"""Stops a process tree: signal, grace, SIGKILL, until it is empty.

The run knows the requester and the reason.
"""

import signal
from collections.abc import Callable

from locksided.keeper import clock
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.messages import KillReport
from locksided.keeper.outcome import Signals
from locksided.keeper.tree.proc import Hit
from locksided.keeper.tree.tree import Tree


class Stopper:
    """Performs one stop of one tree."""

    def __init__(
        self, loop: Loop, tree: Tree, stop_signal: int, grace_seconds: float, is_spared: Callable[[int], bool]
    ) -> None:
        """A process that `is_spared`, by its pid, is not the job's: it is signalled, but not reported."""
        self._is_spared = is_spared
        self._loop = loop
        self._tree = tree
        self._stop_signal = stop_signal
        self._grace_seconds = grace_seconds
        self._timer: Timer | None = None
        self._is_killing = False
        self._signals: Signals | None = None

    @property
    def has_begun(self) -> bool:
        return self._signals is not None

    @property
    def report(self) -> KillReport | None:
        """The processes that were signalled; None before the stop began."""
        return None if self._signals is None else self._signals.report()

    def begin(self) -> None:
        """Signal the whole tree to end; after the grace period it is killed."""
        if self._signals is not None:
            return
        self._signals = Signals(self._tree.proof)
        self.ask()
        self._timer = self._loop.after(self._grace_seconds, self._kill)

    def ask(self) -> None:
        """Send the stop signal to all current members, and SIGCONT, so that stopped ones receive it."""
        self._report(self._tree.signal(self._stop_signal))
        self._tree.signal(signal.SIGCONT)

    def push(self) -> None:
        """Kill new processes of a tree that changed and is not empty."""
        if self._is_killing:
            self._kill()

    def finish(self) -> None:
        """Note that the tree is empty."""
        if self._timer is not None:
            self._timer.cancel()

    def _kill(self) -> None:
        self._is_killing = True
        self._report(self._tree.kill())

    def _report(self, hits: list[Hit]) -> None:
        assert self._signals is not None
        self._signals.add([hit for hit in hits if not self._is_spared(hit.pid)], clock.wall_us())
