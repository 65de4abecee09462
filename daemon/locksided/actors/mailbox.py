"""A mailbox: messages for one actor, taken all at once. It decides nothing and loses nothing."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

M = TypeVar("M")


class Mailbox(Generic[M]):
    """An unbounded queue with one reader; who writes is limited before, by the server or by slots."""

    def __init__(self) -> None:
        self._messages: deque[M] = deque()
        self._is_due = False
        self._reader: asyncio.Future[None] | None = None
        self._company: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: M) -> None:
        """Leave a message; never waits."""
        self._messages.append(message)
        self._wake()

    def put_in_company(self, message: M, within_seconds: float) -> None:
        """Leave a message that is taken with the next one of `put`, or alone when none came in that time."""
        self._messages.append(message)
        if not self._is_due and self._company is None:
            self._company = asyncio.get_running_loop().call_later(within_seconds, self._wake)

    async def take(self, at_most: int, within_seconds: float | None = None) -> list[M]:
        """Wait for a message, then take what is there in order. Empty when the time is over first."""
        if not self._is_due:
            await self._woken(within_seconds)
        taken = [self._messages.popleft() for _ in range(min(at_most, len(self._messages)))]
        self._is_due = bool(self._messages)
        if self._company is not None:
            self._company.cancel()
            self._company = None
        return taken

    async def _woken(self, within_seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._reader = loop.create_future()
        timer = None if within_seconds is None else loop.call_later(within_seconds, self._wake)
        try:
            await self._reader
        finally:
            self._reader = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        self._is_due = True
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
