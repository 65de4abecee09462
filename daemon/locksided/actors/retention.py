"""Removes what has expired, once an hour: folders of final jobs, old events, deduplication ids."""

from functools import partial

import structlog

from locksided import clock, threads
from locksided.actors.image_upkeep import ImageUpkeep
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.runs.data_folder import remove_folder
from locksided.runs.loading import RunLoader
from locksided.settings import Settings
from locksided.store import deliveries, retention, schedules, tokens, triggers, watching
from locksided.store.errors import StoreUnavailable
from locksided.store.store import Store

ROUND_SECONDS = 3600.0
JOBS_AT_ONCE = 200
ROWS_AT_ONCE = 5000
GONE_FILES_DAYS = 7
"""How long a deleted file stays known to triggers: it may return unchanged."""

log = structlog.get_logger("retention")


class Retention:
    """Runs from time to time; what fails is done in the next round."""

    def __init__(
        self,
        store: Store,
        scheduler: SchedulerActor,
        runs: RunLoader,
        settings: Settings,
        images: ImageUpkeep,
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._runs = runs
        self._images = images
        self._settings = settings

    async def run(self) -> None:
        """Run once an hour until cancelled."""
        while True:
            try:
                await self.go_round()
            except (Refused, StoreUnavailable, OSError) as error:
                log.warning("the round was not finished", cause=str(error))
            await clock.sleep(ROUND_SECONDS)

    async def go_round(self) -> None:
        """Remove everything that has expired, in small transactions."""
        is_anything_gone = False
        while expired := await self._store.expired_jobs(clock.now_us(), JOBS_AT_ONCE):
            is_anything_gone = True
            for job_id in expired:
                folder, run_as = await self._runs.folder_and_owner(job_id)
                await threads.run_sync(remove_folder, folder, run_as)
                await self._scheduler.ask(
                    partial(retention.mark_cleaned, job_id=job_id, now_us=clock.now_us())
                )
        if is_anything_gone:
            await self._store.forget_removed()
        events = self._settings.events
        prune = partial(
            retention.prune_events,
            now_us=clock.now_us(),
            limit=ROWS_AT_ONCE,
            keep_us=int(events.keep_days * clock.DAY_US),
            keep_count=events.keep_min,
        )
        while await self._scheduler.ask(prune) == ROWS_AT_ONCE:
            pass
        await self._scheduler.ask(partial(retention.prune_dedup, now_us=clock.now_us()))
        tokens_before_us = clock.now_us() - int(events.keep_days * clock.DAY_US)
        await self._scheduler.ask(partial(tokens.prune, before_us=tokens_before_us))
        before_us = clock.now_us() - int(self._settings.schedules.ledger_days * clock.DAY_US)
        await self._scheduler.ask(partial(schedules.prune, before_us=before_us))
        await self._scheduler.ask(partial(triggers.prune, before_us=before_us))
        gone_before_us = clock.now_us() - int(GONE_FILES_DAYS * clock.DAY_US)
        await self._scheduler.ask(partial(watching.prune, before_us=gone_before_us))
        kept = self._settings.notifications
        prune_deliveries = partial(
            deliveries.prune,
            delivered_before_us=clock.now_us() - int(kept.delivered_days * clock.DAY_US),
            dead_before_us=clock.now_us() - int(kept.dead_days * clock.DAY_US),
        )
        await self._scheduler.ask(prune_deliveries)
        await self._images.remove_unused()
