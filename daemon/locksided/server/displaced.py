"""Notices that the path of a socket no longer leads to it, and makes the socket again.

The kernel tells of it (inotify). A timer helps out where it cannot, and while the socket cannot be made.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import anyio

from locksided import clock
from locksided.inotify import watched
from locksided.server.calls import Log
from locksided.server.listeners import Listener, ListenError

AGAIN_SECONDS: Final = 5.0


async def made_again(listener: Listener, log: Log) -> Listener:
    """Wait until the listener is not in its place any more, and answer the one that was made there instead.

    What keeps it from being made is logged once, and tried again.
    """
    told: str | None = None
    while True:
        with _changes(listener.path) as changes:  # watched before it is looked at: nothing is missed
            problem = None
            if not listener.is_in_place:
                try:
                    return listener.again()
                except ListenError as error:
                    problem = str(error)
            if problem is not None and problem != told:
                log.error("cannot listen", cause=problem)
            told = problem
            await _change(changes, None if changes is not None and problem is None else AGAIN_SECONDS)


async def _change(changes: int | None, seconds: float | None) -> None:
    with clock.real_move_on_after(seconds):
        if changes is None:
            await anyio.sleep_forever()
        else:
            await anyio.wait_readable(changes)


@contextmanager
def _changes(path: Path) -> Iterator[int | None]:
    """What becomes readable at a change; None where the kernel does not tell."""
    with ExitStack() as stack:
        try:
            changes = stack.enter_context(watched(path))
        except OSError:
            changes = None
        yield changes
