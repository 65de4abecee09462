"""Adopts and cleans tables, by jobs that the daemon creates."""

import structlog

from lockside.documents.enums import CreatorType
from locksided import clock
from locksided.api.service import Service
from locksided.api.table_changes import adoption_drafts
from locksided.api.vacuum import vacuum_drafts
from locksided.core import inputs as i
from locksided.core.errors import Refused
from locksided.core.model import Principal
from locksided.core.saves import SetMeta
from locksided.runs.resolved import TableSupport
from locksided.store.errors import StoreUnavailable
from locksided.store.transaction import Transaction

LAST = "last_vacuum_us"
"""The name of the stored fact that says when tables were last cleaned."""
RETRY_SECONDS = 3600.0

log = structlog.get_logger("upkeep")


class Upkeep:
    """Runs until cancelled. Failed work is repeated after an hour."""

    def __init__(self, service: Service, daemon: Principal) -> None:
        self._service = service
        self._daemon = daemon

    async def run(self) -> None:
        """Adopt once; clean once a day, for the first time a day after the first start."""
        if self._service.runs.storage.support is not TableSupport.KEPT:
            return
        await self._service.publisher.inspected.wait()
        await self._adopt()
        while True:
            try:
                await clock.sleep(await self._seconds_left())
                await self._clean()
            except (Refused, StoreUnavailable, OSError) as problem:
                log.warning("tables cannot be cleaned now", cause=str(problem))
                await clock.sleep(RETRY_SECONDS)

    async def _seconds_left(self) -> float:
        last = await self._service.store.meta(LAST)
        if last is None:
            await self._service.scheduler.ask(_note_now)
            return clock.DAY_US / clock.SECOND_US
        return max(int(last) + clock.DAY_US - clock.now_us(), 0) / clock.SECOND_US

    async def _adopt(self) -> None:
        """Adopt what was written to this lake after the backup of a restored database."""
        try:
            drafts = await adoption_drafts(self._service, self._service.settings.project.id)
            if drafts:
                await self._service.scheduler.ask(i.Submit(tuple(drafts), self._daemon))
        except (Refused, StoreUnavailable, OSError) as problem:
            log.warning("tables cannot be adopted now", cause=str(problem))

    async def _clean(self) -> None:
        service = self._service
        drafts = await vacuum_drafts(service, service.settings.project.id, creator=CreatorType.DAEMON)
        if drafts:
            await service.scheduler.ask(i.Submit(tuple(drafts), self._daemon))
        await service.scheduler.ask(_note_now)


def _note_now(tx: Transaction) -> None:
    tx.save(SetMeta(LAST, str(clock.now_us())))
