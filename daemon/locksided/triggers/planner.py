"""Fires the triggers that are due: one timer serves all, and the database knows which is next."""

from contextlib import suppress
from functools import partial

from locksided import clock
from locksided.actors.rounds import Rounds
from locksided.api.service import Service
from locksided.followers.follower import RECOVERED
from locksided.store import triggers
from locksided.triggers.firing import Firings, NothingToFire
from locksided.triggers.hearing import Hearing

AT_ONCE = 100


class TriggerPlanner:
    """Runs until cancelled; it is woken when a follower has kept causes."""

    def __init__(self, service: Service, hearing: Hearing) -> None:
        self._service = service
        self._firings = Firings(service)
        self._rounds = Rounds("triggers", hearing.news)

    async def run(self) -> None:
        """Fire what is due until cancelled."""
        with self._service.broker.waking(self._rounds.news.set, "trigger.", RECOVERED):
            await self._rounds.run(self._service.scheduler, self._next_us, self._round)

    async def _next_us(self) -> int | None:
        return await self._service.store.read(triggers.next_us)

    async def _round(self) -> None:
        await self._service.scheduler.look(lambda _: None)  # what is being heard is saved then
        asked = partial(triggers.due, limit=AT_ONCE)
        while names := await self._service.store.read(partial(asked, now_us=clock.now_us())):
            for name in names:
                with suppress(NothingToFire):  # it was changed meanwhile
                    await self._firings.fire(name)
