"""anyio's `to_thread`, with a refusal of the system that reads like all others, and a share for each account.

When no thread can be started Python raises a RuntimeError, which would pass for a fault of ours. What is to
be done in an account's folders is done by helpers that this account can stop: it must run out of its own
threads then, not of everybody's.
"""

import errno
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from anyio import CapacityLimiter, to_thread

THREADS_OF_AN_ACCOUNT = 4

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_NO_THREAD = "can't start new thread"


_limiters: dict[int, CapacityLimiter] = {}


class AtWork:
    """Counts what threads do for the event loop: as long as the context lasts, which belongs to one task."""

    count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


at_work = AtWork()
"""All threads of the process, the store's included."""


async def run_sync(func: Callable[[Unpack[Arguments]], T], *args: *Arguments) -> T:
    """Call it in a worker thread. Raises OSError (EAGAIN) when the system lets us have none."""
    return await _run(None, func, *args)


async def run_for(uid: int | None, func: Callable[[Unpack[Arguments]], T], *args: *Arguments) -> T:
    """The same for what waits for an account's helpers; None stands for our own, which has none."""
    if uid is None:
        return await _run(None, func, *args)
    limiter = _limiters.setdefault(uid, CapacityLimiter(THREADS_OF_AN_ACCOUNT))
    try:
        return await _run(limiter, func, *args)
    finally:
        if not limiter.borrowed_tokens and not limiter.statistics().tasks_waiting:
            _limiters.pop(uid, None)


async def _run(
    limiter: CapacityLimiter | None, func: Callable[[Unpack[Arguments]], T], *args: *Arguments
) -> T:
    try:
        with at_work:
            return await to_thread.run_sync(func, *args, limiter=limiter)
    except RuntimeError as error:
        if str(error) != _NO_THREAD:
            raise
        raise OSError(errno.EAGAIN, "the system has no thread left") from error
