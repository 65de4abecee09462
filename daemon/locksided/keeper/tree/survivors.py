"""The processes of a run left by a dead keeper, found without cgroups: by marks, sessions and descent.

This keeper is not their parent.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from locksided.keeper.loop import Loop
from locksided.keeper.reserve import lent
from locksided.keeper.tree import mark, proc
from locksided.keeper.tree.mark import Mark
from locksided.keeper.tree.proc import Hit, Process
from locksided.keeper.tree.scan import SIGCONT, SIGKILL, SIGSTOP, Identity, descendants, signal_all

MOST_LOOKS = 20
"""The number of scans that surely find a process that hops from pid to pid while others fork constantly."""

RETRY_SECONDS = 1.0
"""The pause before a process is examined again if the system had no free descriptor to watch it."""


class SurvivorTree:
    """All processes of the machine that have a run's mark, are its known leader or a session of it, or
    descend from one.

    A session counts only while its leader has the mark or is the known one: its number could be reused.
    """

    proof = "scan"
    path: str | None = None
    address_space_bytes: int | None = None

    def __init__(self, loop: Loop, own_mark: Mark, leader: Identity) -> None:
        self._loop = loop
        self._mark = own_mark
        self._leader = leader
        self._known: set[Identity] = set()
        self._pidfds: dict[Identity, int] = {}
        self._changed: Callable[[], None] | None = None

    can_host = False

    def hosting(self) -> AbstractContextManager[None]:
        raise AssertionError("nothing is started for a run that is over")

    def before_fork(self) -> None:
        """Do nothing: the keeper is in no tree."""

    def enter(self) -> None:
        raise AssertionError("nothing new is started in what a dead keeper left")

    def adopt(self, pid: int) -> None:
        """Do nothing: none of them was forked here."""

    def release(self, pid: int) -> None:
        """Do nothing: none of them is waited for here."""

    @lent()
    def members(self) -> list[Process]:
        everyone = proc.read_all()
        found = {process.pid: process for process in everyone.values() if self._is_marked(process)}
        for process in everyone.values():
            if process.session in found:
                found[process.pid] = process
        for pid in list(found):
            found.update((process.pid, process) for process in descendants(everyone, pid))
        alive = [process for process in found.values() if process.is_alive and process.pid != os.getpid()]
        self._known = {(process.pid, process.start_ticks) for process in alive}
        return alive

    def _members_surely(self) -> list[Process]:
        """Return the members; none only after a scan during which nothing was forked, or after many scans."""
        for _ in range(MOST_LOOKS):
            newest = proc.newest_pid()
            members = self.members()
            if members or newest == proc.newest_pid():
                return members
        return []

    def _is_marked(self, process: Process) -> bool:
        identity = (process.pid, process.start_ticks)
        return (
            identity == self._leader
            or identity in self._known
            or (process.is_alive and mark.is_borne_by(process.pid, self._mark))
        )

    def signal(self, number: int) -> list[Hit]:
        return signal_all(self.members, number)

    def kill(self) -> list[Hit]:
        return self.signal(SIGKILL)

    def freeze(self) -> None:
        self.signal(SIGSTOP)

    def thaw(self) -> None:
        self.signal(SIGCONT)

    def is_empty(self) -> bool:
        members = self._members_surely()
        if self._changed is not None:
            members = [process for process in members if self._watch(process)]
        return not members

    def on_change(self, callback: Callable[[], None]) -> None:
        self._changed = callback

    def was_out_of_memory(self) -> bool:
        return False

    def used(self) -> None:
        """Return None: usage was not counted."""

    def close(self) -> None:
        self._changed = None
        for identity in list(self._pidfds):
            self._unwatch(identity)

    def _watch(self, process: Process) -> bool:
        """Watch for the end of a member; return False if it has already ended."""
        identity = (process.pid, process.start_ticks)
        if identity in self._pidfds:
            return True
        try:
            fd = proc.open_pidfd(process)
        except OSError:
            self._loop.after(RETRY_SECONDS, self._look_again)
            return True
        if fd is None:
            return False
        self._pidfds[identity] = fd
        self._loop.watch(fd, lambda: self._ended(identity))
        return True

    def _look_again(self) -> None:
        if self._changed is not None:
            self._changed()

    def _ended(self, identity: Identity) -> None:
        self._unwatch(identity)
        self._look_again()

    def _unwatch(self, identity: Identity) -> None:
        fd = self._pidfds.pop(identity, None)
        if fd is not None:
            self._loop.forget(fd)
            with suppress(OSError):
                os.close(fd)
