"""A mailbox: messages for one actor, taken all at once. It decides nothing and loses nothing."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

import anyio

M = TypeVar("M")


class Mailbox(Generic[M]):
    """An unbounded queue with one reader; who writes is limited before, by the server or by slots."""

    def __init__(self) -> None:
        self._messages: deque[M] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: M) -> None:
        """Leave a message; never waits."""
        self._messages.append(message)
        self._arrived.set()

    async def take(self, at_most: int, within_seconds: float | None = None) -> list[M]:
        """Wait for a message, then take what is there in order. Empty when the time is over first."""
        if not self._messages:
            self._arrived.clear()
            with anyio.move_on_after(within_seconds):
                await self._arrived.wait()
        return [self._messages.popleft() for _ in range(min(at_most, len(self._messages)))]
