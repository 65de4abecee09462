"""The loop of those who act on what is due: one timer for the next item, and an event. It decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from locksided import clock
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.store.errors import StoreUnavailable

PATIENCE_SECONDS = 1.0
MOST_PATIENCE_SECONDS = 60.0

log = structlog.get_logger("rounds")


class Rounds:
    """Setting `news` starts a round. `what` names the rounds in the log."""

    def __init__(self, what: str, news: asyncio.Event | None = None) -> None:
        self.news = news or asyncio.Event()
        self._what = what
        self._failed = 0

    async def run(
        self,
        scheduler: SchedulerActor,
        next_us: Callable[[], Awaitable[int | None]],
        go: Callable[[], Awaitable[None]],
    ) -> NoReturn:
        """Run a round now, at every `news`, and when the time of `next_us` has come, until cancelled.

        A failed round is repeated when the store can be written again, which sets `news`, or after a pause
        that grows with each failure. Nothing is due meanwhile.
        """
        self.news.set()
        while True:
            timer = await self._timer(scheduler, next_us)
            try:
                await self.news.wait()
            finally:
                if timer is not None:
                    timer.cancel()
            self.news.clear()
            try:
                await go()
            except (Refused, StoreUnavailable, OSError) as problem:
                self._failed += 1
                log.warning(f"{self._what} wait", cause=str(problem))
            else:
                self._failed = 0

    async def _timer(
        self, scheduler: SchedulerActor, next_us: Callable[[], Awaitable[int | None]]
    ) -> clock.Timer | None:
        if self._failed:
            return self._pause(scheduler)
        try:
            due_us = await next_us()
        except StoreUnavailable:
            self._failed += 1
            return self._pause(scheduler)
        return None if due_us is None else clock.call_at(due_us, self.news.set)

    def _pause(self, scheduler: SchedulerActor) -> clock.Timer | None:
        if scheduler.trouble is not None:
            return None
        seconds = min(PATIENCE_SECONDS * 2 ** (self._failed - 1), MOST_PATIENCE_SECONDS)
        return clock.call_later(seconds, self.news.set)
