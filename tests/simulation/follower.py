"""A follower in the simulated daemon: it counts the events that concern it, together with its cursor."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from locksided.actors.messages import Decided
from locksided.core.saves import SetMeta
from locksided.core.scheduler import Scheduler
from locksided.followers.follower import Follower
from locksided.store.events import cursor_key
from locksided.store.reads import meta
from locksided.store.rows import EventRow
from locksided.store.transaction import Transaction

if TYPE_CHECKING:
    from simulation.disk import Disk

KIND, COUNT = "job.status", "counted"


async def count(events: Sequence[EventRow], _core: Scheduler) -> Decided:
    """Add these events to the counted ones."""

    def write(tx: Transaction) -> None:
        counted = int(meta(tx.reading(), COUNT) or 0)
        tx.save(SetMeta(COUNT, str(counted + len(events))))

    return Decided(write)


COUNTER = Follower("counter", frozenset({KIND}), count)
BEGIN = f"INSERT INTO meta (key, value) VALUES ('{cursor_key(COUNTER.name)}', '0')"


def check_counted(disk: "Disk", *, is_over: bool = False) -> None:
    """Check that every event up to the cursor was counted exactly once; if `is_over`, all events."""
    key = cursor_key(COUNTER.name)
    ((cursor,),) = disk.rows("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?", key)
    ((counted,),) = disk.rows("SELECT ifnull(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = ?", COUNT)
    limit = "" if is_over else f" AND seq <= {cursor}"
    ((happened,),) = disk.rows(f"SELECT count(*) FROM events WHERE kind = ?{limit}", KIND)
    if counted != happened:
        raise AssertionError(f"a follower counted {counted} of {happened} events, and its cursor is {cursor}")
