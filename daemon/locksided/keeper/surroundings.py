"""What all runs of one keeper share."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from locksided.keeper import clock
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop
from locksided.keeper.notes import Notes
from locksided.keeper.start.direct import Direct
from locksided.keeper.start.mounts import Mounts
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


def surroundings(
    loop: Loop,
    journal: Journal,
    notes: Notes,
    inherited: Inherited,
    tell: Callable[[Any], None],
    ended: Callable[[], None],
    wait_for_ended: Callable[[], None],
) -> Surroundings:
    """Return the objects shared by a process's runs: `tell` gets reports, `ended` is called at each end."""
    return Surroundings(
        loop=loop,
        journal=journal,
        notes=notes,
        spares=SpareFolders(),
        tell=tell,
        ended=ended,
        wait_for_ended=wait_for_ended,
        null_fd=os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC),
        inherited=inherited,
        direct=Direct(inherited, Mounts(loop)),
        boot_id=clock.boot_id(),
    )
