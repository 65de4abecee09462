"""Publishes ratified commits: each gets its name in its table's log, in order within a table.

A failed publication is retried for ever: the job's status does not depend on it. Readers through lockside
read heads, and never wait for publication.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

import structlog

from locksided import clock, threads
from locksided.actors.broker import Broker
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.runs.storage import Storage
from locksided.store.errors import StoreUnavailable
from locksided.store.store import Store
from locksided.store.table_rows import UnpublishedRow
from locksided.store.tables import note_published
from locksided.store.trash import note_trashed
from locksided.tables.names import TableId

log = structlog.get_logger("publisher")

AT_ONCE = 1000
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
NEWS = frozenset({"table.changed", "table.dropped", "daemon.storeRecovered"})


@dataclass(slots=True)
class Trouble:
    """Why a table's next commit cannot be published, and since when."""

    table: str
    version: int
    cause: str
    since_us: int


class Publisher:
    """Publishes pending commits. `troubles` has the failures of the last attempt, by table."""

    def __init__(self, store: Store, scheduler: SchedulerActor, broker: Broker, storage: Storage) -> None:
        self._store = store
        self._scheduler = scheduler
        self._broker = broker
        self._storage = storage
        self._news = asyncio.Event()
        self.inspected = asyncio.Event()
        self.troubles: dict[int, Trouble] = {}

    async def run(self) -> None:
        """Publish until cancelled, after an inspection for changes others made to the tables meanwhile."""
        await self._inspect()
        self.inspected.set()
        pause_seconds = FIRST_PAUSE_SECONDS
        with self._broker.waking(self._news.set, *NEWS):
            while True:
                self._news.clear()
                if await self._publish_all():
                    pause_seconds = FIRST_PAUSE_SECONDS
                    await self._news.wait()
                    continue
                with clock.real_move_on_after(pause_seconds):
                    await self._news.wait()
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    async def _inspect(self) -> None:
        try:
            await self._storage.inspection.inspect_all()
        except (StoreUnavailable, Refused, OSError) as error:
            log.warning("tables cannot be inspected now", cause=str(error))

    @staticmethod
    def _key(commit: UnpublishedRow) -> str:
        return TableId(commit.project, commit.branch_id, commit.id).key

    async def _publish_all(self) -> bool:
        """Publish all pending commits; returns whether all were published."""
        try:
            while waiting := await self._store.unpublished(AT_ONCE):
                troubles = dict(self.troubles)
                self.troubles = {}
                for commit in waiting:
                    if commit.number not in self.troubles:
                        await self._publish(commit, troubles.get(commit.number))
                if self.troubles:
                    return False
            for row in await self._storage.finish_drops():
                await self._scheduler.ask(partial(note_trashed, row=row))
        except OSError as error:
            log.warning("a dropped table cannot be moved to the trash now", cause=str(error))
            return False
        except (StoreUnavailable, Refused) as error:
            log.warning("commits cannot be published now", cause=str(error))
            return False
        return True

    async def _publish(self, commit: UnpublishedRow, before: Trouble | None) -> None:
        account = None if commit.account is None else int(commit.account[0])
        try:
            await threads.run_for(account, self._storage.publish, commit)
        except (OSError, Refused) as error:
            since_us = clock.now_us() if before is None else before.since_us
            self.troubles[commit.number] = Trouble(commit.id, commit.version, str(error), since_us)
            if isinstance(error, Refused):
                await self._storage.inspection.inspect([self._key(commit)])
            log.warning(
                "a commit cannot be published", table=commit.id, version=commit.version, cause=str(error)
            )
            return
        note = partial(note_published, number=commit.number, version=commit.version, time_us=clock.now_us())
        await self._scheduler.ask(note)
