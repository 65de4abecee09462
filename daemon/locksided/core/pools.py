"""A pool: a number of slots, the jobs that take them, and the heads of lines that could take one next.

Slots are never counted: `running` is the set of this pool's jobs that are processing or terminating,
`sought` that of those whose program is being looked for. They are next, so each keeps the slot that it is to
take: nobody overtakes it, and no more programs are looked for at once than jobs could start.
"""

from typing import TYPE_CHECKING

from locksided.core.lines import Line
from locksided.core.ranked import Ranked

if TYPE_CHECKING:
    from locksided.core.jobs import Job

FIRST_PAUSE_US = 1_000_000
LONGEST_PAUSE_US = 60_000_000


class Trouble:
    """Why a pool can start nothing: since when, and when one job is tried again (None: when told).

    `remedy` is what a person could do about it, empty when that is not known.
    """

    __slots__ = ("cause", "pause_us", "remedy", "retry_at_us", "since_us", "trial_id")

    def __init__(self, cause: str, since_us: int, remedy: str = "") -> None:
        self.cause = cause
        self.remedy = remedy
        self.since_us = since_us
        self.pause_us = 0
        self.retry_at_us: int | None = None
        self.trial_id: int | None = None

    @property
    def until_told(self) -> bool:
        """Whether only its executor's return ends it: no pause is running, and nothing is tried."""
        return not self.pause_us

    def wait_longer(self, now_us: int) -> None:
        """Double the pause, from one second to a minute."""
        self.pause_us = min(max(self.pause_us * 2, FIRST_PAUSE_US), LONGEST_PAUSE_US)
        self.retry_at_us = now_us + self.pause_us
        self.trial_id = None


class Pool:
    """A named line with its own slots. `slots` None means as many as there are jobs; 0 pauses it.

    `heads` are the heads of its lines that their gates admit: the first of them takes the next free slot.
    """

    __slots__ = (
        "comment",
        "description",
        "executor",
        "full_since_us",
        "heads",
        "id",
        "open_line",
        "paused_by",
        "paused_us",
        "running",
        "slots",
        "sought",
        "trouble",
    )

    def __init__(self, pool_id: str, slots: int | None, executor: str = "local") -> None:
        self.id = pool_id
        self.slots = slots
        self.executor = executor
        self.description = ""
        self.paused_by: str | None = None
        self.paused_us = 0
        self.comment: str | None = None
        self.running: dict[int, Job] = {}
        self.sought: dict[int, Job] = {}
        self.full_since_us = 0
        self.trouble: Trouble | None = None
        self.open_line = Line(None, self)
        self.heads = Ranked()

    @property
    def takers(self) -> list[int]:
        """The ids of the jobs that take its slots."""
        return [*self.running, *self.sought]

    @property
    def is_full(self) -> bool:
        """Whether every slot is taken (a pool of 0 slots is paused, not full, until something runs)."""
        return self.slots is not None and len(self.running) + len(self.sought) >= max(self.slots, 1)

    @property
    def is_paused(self) -> bool:
        """Whether somebody keeps it from starting anything."""
        return self.paused_by is not None or self.slots == 0

    @property
    def is_troubled(self) -> bool:
        """Whether its executor cannot be asked now; one trial job at a time is let through after a pause."""
        trouble = self.trouble
        return trouble is not None and (
            trouble.until_told or trouble.retry_at_us is not None or trouble.trial_id is not None
        )

    @property
    def has_room(self) -> bool:
        """Whether a job could start now."""
        return not (self.is_full or self.is_paused or self.is_troubled)
