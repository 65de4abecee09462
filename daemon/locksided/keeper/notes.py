"""When the state of a run is written to its control folder, for the successor of this keeper.

A note costs a file. While the daemon listens, a run that ends and is acknowledged within a moment needs none:
a keeper that dies in that moment is like one that died just before it could write, and its successor finds a
tree without a note in both cases. Without a daemon, notes are written at once.
"""

from typing import Protocol

from locksided.keeper import clock
from locksided.keeper.loop import Loop, Timer

MOMENT_SECONDS = 0.05


class Noted(Protocol):
    """A run that can be noted."""

    token: str

    def note(self) -> None:
        """Write its current state; a failure is logged, never raised."""


class Notes:
    """The runs whose notes wait, oldest first."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[str, tuple[float, Noted]] = {}
        self._timer: Timer | None = None
        self._is_listened_to = False

    def soon(self, run: Noted) -> None:
        """Note the run after a moment, unless it is forgotten or reported again before."""
        if not self._is_listened_to:
            run.note()
            return
        self._waiting.pop(run.token, None)
        self._waiting[run.token] = (clock.boot_seconds() + MOMENT_SECONDS, run)
        if self._timer is None:
            self._timer = self._loop.after(MOMENT_SECONDS, self._write_due)

    def forget(self, token: str) -> None:
        """Forget a run that is over and that the daemon has acknowledged."""
        self._waiting.pop(token, None)

    def somebody_listens(self) -> None:
        self._is_listened_to = True

    def nobody_listens(self) -> None:
        """Write all pending notes now, and from now on every note at once."""
        self._is_listened_to = False
        waiting, self._waiting = self._waiting, {}
        for _, run in waiting.values():
            run.note()

    def _write_due(self) -> None:
        self._timer = None
        now = clock.boot_seconds()
        while self._waiting:
            token = next(iter(self._waiting))
            due, run = self._waiting[token]
            if due > now:
                self._timer = self._loop.after(due - now, self._write_due)
                return
            del self._waiting[token]
            run.note()
