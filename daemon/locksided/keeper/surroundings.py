"""What all runs of one keeper share."""

from collections.abc import Callable
from typing import Any, NamedTuple

from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop
from locksided.keeper.notes import Notes
from locksided.keeper.start.direct import Direct
from locksided.keeper.start.spares import SpareFolders
from locksided.keeper.start.spawn import Inherited


class Surroundings(NamedTuple):
    """What all runs of one keeper share."""

    loop: Loop
    journal: Journal
    notes: Notes
    spares: SpareFolders
    tell: Callable[[Any], None]
    ended: Callable[[], None]
    wait_for_ended: Callable[[], None]
    null_fd: int
    inherited: Inherited
    direct: Direct
    boot_id: str
