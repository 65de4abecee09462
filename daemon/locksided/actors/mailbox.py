"""A mailbox: messages for one actor, taken together. It decides nothing and loses nothing."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from locksided import clock

M = TypeVar("M")


class Mailbox(Generic[M]):
    """An unbounded queue with one reader; writers are limited elsewhere, by the server or by slots."""

    def __init__(self) -> None:
        self._messages: deque[M] = deque()
        self._is_due = False
        self._reader: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: M) -> None:
        """Append a message; never waits."""
        self._messages.append(message)
        self._wake()

    async def take(self, at_most: int, set_timer: Callable[[clock.Callback], clock.Timer]) -> list[M]:
        """Wait for a message, then take the queued messages in order. Empty if the timer fires first.

        The timer is set only when the queue is empty.
        """
        if not self._is_due:
            await self._woken(set_timer)
        taken = [self._messages.popleft() for _ in range(min(at_most, len(self._messages)))]
        self._is_due = bool(self._messages)
        return taken

    async def _woken(self, set_timer: Callable[[clock.Callback], clock.Timer]) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        timer = set_timer(self._wake)
        try:
            await self._reader
        finally:
            self._reader = None
            timer.cancel()

    def _wake(self) -> None:
        self._is_due = True
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
