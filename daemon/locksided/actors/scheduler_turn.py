"""What the scheduler actor collects from all queued messages, to be saved and followed up together."""

from dataclasses import dataclass, field
from typing import Any

from locksided.actors.messages import Ask, Write
from locksided.core.actions import Action
from locksided.core.saves import Save
from locksided.store.rows import EventRow


@dataclass(slots=True)
class SchedulerTurn:
    """The content of one transaction, and what follows it."""

    saves: list[Save] = field(default_factory=list)
    operations: list[tuple[Ask, Write]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    answers: list[tuple[Ask, Any]] = field(default_factory=list)
    first_asks: dict[tuple[str, int, str, str], Ask] = field(default_factory=dict)
    repeats: list[tuple[Ask, Ask]] = field(default_factory=list)
    progress: list[EventRow] = field(default_factory=list)
