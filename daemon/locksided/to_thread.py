"""anyio's `to_thread`, with a refusal of the system that reads like all others.

When no thread can be started Python raises a RuntimeError, which would pass for a fault of ours.
"""

import errno
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from anyio import to_thread

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_NO_THREAD = "can't start new thread"


async def run_sync(func: Callable[[Unpack[Arguments]], T], *args: *Arguments) -> T:
    """Call it in a worker thread. Raises OSError (EAGAIN) when the system lets us have none."""
    try:
        return await to_thread.run_sync(func, *args)
    except RuntimeError as error:
        if str(error) != _NO_THREAD:
            raise
        raise OSError(errno.EAGAIN, "the system has no thread left") from error
