"""Runs the watchers of folders, one for each user whose triggers have conditions on files.

A watcher is an aside: it outlives the daemon. Its output is read from its log, and stored together with the
position reached. When the watched folders change it is stopped, and the next one begins by comparing.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import anyio
import structlog
from anyio.abc import TaskGroup

from lockside.documents.reading import from_store
from lockside.documents.trigger import TriggerSpec
from locksided import clock, threads
from locksided.actors.asides import Aside
from locksided.actors.messages import Write
from locksided.actors.rounds import PATIENCE_SECONDS, Rounds
from locksided.actors.scheduler import SchedulerActor
from locksided.api.service import Service
from locksided.core.errors import Forbidden, Refused
from locksided.followers.follower import RECOVERED
from locksided.keeper.messages import Outcome
from locksided.runs import data_folder
from locksided.runs.accounts import account_of
from locksided.runs.folder import RunFolder
from locksided.runs.step_programs import program_order
from locksided.schedules.makers import DAEMON, current_owner
from locksided.store import triggers, watching
from locksided.store.errors import StoreUnavailable
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.time_rows import MakerName, WatcherRow
from locksided.store.transaction import Transaction
from locksided.triggers.standing import paused
from locksided.triggers.words import Words, keep_words, watches_of, words_from

PURPOSE = "watcher"
LOG_BYTES = 32 * 2**20
PAUSE_SECONDS = 60.0
"""Pause before another watcher of a user starts if the last one ended without any output."""
_ORDER_FILE = "watches.json"
_NEWS = frozenset({"trigger.created", "trigger.updated", "trigger.deleted", "trigger.failed", RECOVERED})

log = structlog.get_logger("watchers")


class Owner(NamedTuple):
    """The triggers that a watcher serves, and what it watches for them."""

    triggers: list[MakerName]
    watches: list[dict[str, Any]]


class Watchers:
    """One watcher for each user, and a reader of its output."""

    def __init__(self, store: Store, scheduler: SchedulerActor) -> None:
        self.kept = asyncio.Event()
        """Set when causes were stored."""
        self._store = store
        self._scheduler = scheduler
        self._rounds = Rounds("watchers")
        self._readers: set[str] = set()
        self._stopped: set[str] = set()
        self._pauses: dict[int, clock.Timer] = {}

    async def run(self, service: Service) -> None:
        """Watch until cancelled."""
        with service.broker.waking(self._rounds.news.set, *_NEWS):
            async with anyio.create_task_group() as tasks:
                await self._rounds.run(self._scheduler, _never, partial(self._round, service, tasks))

    async def _round(self, service: Service, tasks: TaskGroup) -> None:
        """Start and stop watchers, so that exactly the wanted folders are watched."""
        await service.backend.until_up()
        await self._scheduler.look(lambda _: None)  # changes in progress are saved then
        owners, running = await self._store.read(_look)
        for row in running:
            if row.token not in self._readers:
                self._readers.add(row.token)
                tasks.start_soon(self._read, service, row.token)
            owner = owners.pop(row.uid, None)
            if (owner is None or row.watches != owner.watches) and row.token not in self._stopped:
                self._stopped.add(row.token)
                service.backend.stop(row.token)
        for uid in owners.keys() - self._pauses.keys():
            await self._begin(service, uid, owners[uid])

    # -- begin and end ------------------------------------------------------------------------------------

    async def _begin(self, service: Service, uid: int, owner: Owner) -> None:
        """Start the watcher of a user; nothing is watched for deleted users. Raises OSError, Unavailable."""
        row = await self._store.read(partial(triggers.find, name=owner.triggers[0]))
        if row is None:
            return
        try:
            known = await current_owner(service, row)
        except Forbidden as refusal:
            await self._scheduler.ask(partial(_pause, names=owner.triggers, comment=refusal.message))
            return
        account, _ = await threads.run_sync(account_of, known.uid, known.gid, None)
        token = service.asides.new_token()
        folder = service.asides.folder(token)
        order = json.dumps({"account": account, "watches": _numbered(owner.watches)})
        await threads.run_sync(partial(data_folder.make_with_file, folder, _ORDER_FILE, order))
        also = partial(watching.add, uid=uid, token=token, watches=owner.watches)
        start = program_order(
            "watcher", token, folder, _ORDER_FILE, log_bytes=LOG_BYTES, timeout_seconds=None
        )
        await service.asides.begin(PURPOSE, {"uid": uid}, start, also)
        self._rounds.news.set()

    async def deliver(self, aside: Aside, outcome: Outcome) -> Write:
        """Store a watcher's last output after its end, before it is deleted."""
        words: Words | None = None
        while (more := await self._keep(aside.token, aside.folder)) is not None and more.said:
            words = more
        has_spoken = words is not None or (more is not None and more.next_seq > 0)
        if not has_spoken and aside.token not in self._stopped:
            uid = aside.reference["uid"]
            log.warning("a watcher ended and said nothing", uid=uid, cause=outcome.stderr_tail.strip())
            self._pauses[uid] = clock.call_later(PAUSE_SECONDS, partial(self._pause_is_over, uid))
        self._stopped.discard(aside.token)
        self._rounds.news.set()
        return partial(watching.forget, token=aside.token)

    def _pause_is_over(self, uid: int) -> None:
        del self._pauses[uid]
        self._rounds.news.set()

    # -- words --------------------------------------------------------------------------------------------

    async def _read(self, service: Service, token: str) -> None:
        """Store a watcher's output as it is written, until it ends."""
        folder = service.asides.folder(token)
        try:
            while (words := await self._keep(token, folder)) is not None:
                if words.is_torn:
                    service.backend.stop(token)
                    return
                if not words.said:
                    await service.backend.log_grown(token, words.end_seq)
        except (Refused, StoreUnavailable, OSError) as problem:
            log.warning("a watcher is not heard", cause=str(problem))
            if self._scheduler.trouble is None:  # else its end wakes the rounds
                clock.call_later(PATIENCE_SECONDS, self._rounds.news.set)
        finally:
            self._readers.discard(token)

    async def _keep(self, token: str, folder: RunFolder) -> Words | None:
        """Store the next output of a watcher; None if it has ended."""
        row: WatcherRow | None = await self._store.read(partial(watching.watcher, token=token))
        if row is None:
            return None
        words = await threads.run_sync(words_from, folder.log, row.next_seq)
        if words.said:
            await self._scheduler.ask(partial(keep_words, watcher=row, words=words))
            self.kept.set()
        return words


async def _never() -> None:
    """Return None: nothing is due by time, only news wakes the rounds."""


def _look(connection: Database) -> tuple[dict[int, Owner], list[WatcherRow]]:
    """Return what is to be watched, by user, and the existing watchers."""
    owners: dict[int, Owner] = defaultdict(lambda: Owner([], []))
    for trigger in triggers.everything(connection):
        if not any(condition.get("files") for condition in trigger.body["on"]):
            continue
        name = MakerName(trigger.project, trigger.id)
        row = triggers.find(connection, name)
        if row is not None and not row.is_disabled and row.broken is None:
            owners[row.owner_uid].triggers.append(name)
            owners[row.owner_uid].watches.extend(watches_of(name, from_store(trigger.body, TriggerSpec)))
    return dict(owners), watching.watchers(connection)


def _numbered(watches: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the watches for the program, which does not know triggers."""
    return [
        {"number": number} | {name: value for name, value in one.items() if name not in ("project", "id")}
        for number, one in enumerate(watches)
    ]


def _pause(tx: Transaction, names: Iterable[MakerName], comment: str) -> None:
    for name in names:
        row = triggers.find(tx.connection, name)
        if row is not None and row.paused_us is None:
            triggers.save(tx, paused(tx, row, DAEMON, comment))
