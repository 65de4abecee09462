"""Fires the triggers that are due: one timer serves all, and the database knows which is next."""

from contextlib import suppress
from functools import partial

import structlog

from locksided import clock
from locksided.api.service import Service
from locksided.core.errors import Refused
from locksided.followers.follower import RECOVERED
from locksided.store import triggers
from locksided.store.errors import StoreUnavailable
from locksided.store.rows import EventRow
from locksided.store.time_rows import TriggerName
from locksided.triggers.firing import Firings, NothingToFire
from locksided.triggers.hearing import Hearing

AT_ONCE = 100

log = structlog.get_logger("triggers")


class TriggerPlanner:
    """Runs until cancelled; it is woken when a follower has kept causes."""

    def __init__(self, service: Service, hearing: Hearing) -> None:
        self._service = service
        self._firings = Firings(service)
        self._news = hearing.news

    async def run(self) -> None:
        """Fire what is due until cancelled. What cannot be saved now waits for news."""
        with self._service.broker.watching(self._note):
            self._news.set()
            while True:
                timer = await self._timer()
                try:
                    await self._news.wait()
                finally:
                    if timer is not None:
                        timer.cancel()
                self._news.clear()
                with suppress(Refused):
                    await self._service.scheduler.look(lambda _: None)  # what is being heard is saved then
                await self._round()

    def _note(self, events: list[EventRow]) -> None:
        if any(event.kind.startswith("trigger.") or event.kind == RECOVERED for event in events):
            self._news.set()

    async def _timer(self) -> clock.Timer | None:
        try:
            next_us = await self._service.store.read(triggers.next_us)
        except StoreUnavailable:
            return None  # its return is news
        return None if next_us is None else clock.call_at(next_us, self._news.set)

    async def _round(self) -> None:
        asked = partial(triggers.due, limit=AT_ONCE)
        try:
            while names := await self._service.store.read(partial(asked, now_us=clock.now_us())):
                for name in names:
                    await self._fire(name)
        except (Refused, StoreUnavailable) as problem:
            log.warning("triggers wait", cause=str(problem))

    async def _fire(self, name: TriggerName) -> None:
        with suppress(NothingToFire):  # it was changed meanwhile
            await self._firings.fire(name)
