"""When a run is noted in its control folder, for whoever comes after this keeper.

A note costs a file. While the daemon listens, what is over and acknowledged within a moment needs none: a
keeper that dies in that moment is like one that died just before it could write, and whoever comes after
finds a tree without its note as in that case. Without a daemon nothing waits.
"""

from typing import Protocol

from locksided.keeper import clock
from locksided.keeper.loop import Loop, Timer

MOMENT_SECONDS = 0.05


class Noted(Protocol):
    """What can be noted."""

    token: str

    def note(self) -> None:
        """Write down how far it has come; a failure is logged, never raised."""


class Notes:
    """The runs whose notes wait, oldest first."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[str, tuple[float, Noted]] = {}
        self._timer: Timer | None = None
        self._is_listened_to = False

    def soon(self, run: Noted) -> None:
        """Have it noted when it was not forgotten within the moment, or said to have come further."""
        if not self._is_listened_to:
            run.note()
            return
        self._waiting.pop(run.token, None)
        self._waiting[run.token] = (clock.boot_seconds() + MOMENT_SECONDS, run)
        if self._timer is None:
            self._timer = self._loop.after(MOMENT_SECONDS, self._write_due)

    def forget(self, token: str) -> None:
        """It is over, and the daemon has it."""
        self._waiting.pop(token, None)

    def somebody_listens(self) -> None:
        self._is_listened_to = True

    def nobody_listens(self) -> None:
        """Write all at once, and from now on everything when it happens."""
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
