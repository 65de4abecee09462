"""What the scheduler needs of those who carry out its actions."""

from collections.abc import Sequence
from typing import Any, Protocol

from locksided.core.actions import Action
from locksided.core.scheduler import Scheduler
from locksided.store.store import Sequel


class Executors(Protocol):
    """Who carries out the actions."""

    def preparing(self, actions: Sequence[Action]) -> Sequel[Any] | None:
        """What is to be read for these actions, on the store's thread after the commit; None for nothing."""

    def perform(self, actions: Sequence[Action], prepared: Any) -> None:
        """Take the actions of a turn with what was read of them; never waits."""

    def flush(self) -> None:
        """Have what the actions of a turn, and who was told that it is saved, want sent go out now."""

    def reconcile(self, core: Scheduler) -> None:
        """Find out what became of every job that is in flight."""
