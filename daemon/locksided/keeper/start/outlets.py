"""The environment of a run's processes, and the pipes that they write to."""

import errno
import os

from locksided.keeper.start.launch import Pipe, close_pipes, make_pipes
from locksided.keeper.start.order import Order
from locksided.keeper.start.spawn import PROGRESS_FD, Inherited
from locksided.keeper.tree import mark

SPARE_DESCRIPTORS = 32
"""The descriptors that must stay free when a run starts, for logs, outcomes and reads of /proc."""


def outlet_pipes(order: Order, inherited: Inherited) -> list[Pipe]:
    """Create the pipes of stdout, stderr and progress. Raises OSError."""
    pipes = make_pipes(3)
    if max(pipes[-1]) > inherited.open_files[1] - SPARE_DESCRIPTORS:
        close_pipes(pipes)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    for pipe in pipes:
        os.set_blocking(pipe.read, False)
        if order.user is not None:
            # A program may open /dev/stdout by name, with its own rights.
            os.fchown(pipe.write, order.user.uid, order.user.gid)
    return pipes


def environment_of(order: Order) -> dict[bytes, bytes]:
    """Return the variables of the order and those that every run gets."""
    return {
        **order.environment,
        b"LOCKSIDE_PROGRESS_FD": str(PROGRESS_FD).encode(),
        b"LOCKSIDE_START_TOKEN": order.token.encode(),
        **marked(order),
    }


def marked(order: Order) -> dict[bytes, bytes]:
    """Return the variable that identifies a process of the run."""
    name, _, value = mark.of_folder(order.folder).entry.partition(b"=")
    return {name: value}
