"""What the scheduler requires of those who carry out its actions."""

from collections.abc import Sequence
from typing import Any, Protocol

from locksided.core.actions import Action
from locksided.core.scheduler import Scheduler
from locksided.store.store import FollowUp


class Executors(Protocol):
    """Carries out the actions."""

    def preparing(self, actions: Sequence[Action]) -> FollowUp[Any] | None:
        """Return what to read for these actions on the store's thread after the commit; None for nothing."""

    def perform(self, actions: Sequence[Action], prepared: Any) -> None:
        """Carry out the actions of a turn with the data read for them; never waits."""

    def flush(self) -> None:
        """Send what the actions of a turn, and those notified that it is saved, have queued."""

    def reconcile(self, core: Scheduler) -> None:
        """Find out what happened to every job in flight."""
