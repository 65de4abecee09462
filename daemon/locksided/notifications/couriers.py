"""Sends what is due: gives deliveries to couriers, which are asides, and settles what came of them.

Nothing here waits for a receiver, and no job waits for anything here.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from anyio import CancelScope

from locksided import clock, threads
from locksided.actors.asides import Aside, Asides
from locksided.actors.broker import Broker
from locksided.actors.messages import Write
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.followers.follower import RECOVERED
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome, StartOrder
from locksided.notifications import telling
from locksided.notifications.settling import Reports, settled
from locksided.notifications.standing import Receiver
from locksided.notifications.standing import receiver as receiver_of
from locksided.runs import data_folder
from locksided.secrets.vault import Vault
from locksided.settings import NotificationSettings
from locksided.store import deliveries
from locksided.store.deliveries import Rate
from locksided.store.errors import StoreUnavailable
from locksided.store.notification_rows import DeliveryRow
from locksided.store.notifications import SubscriptionName
from locksided.store.rows import EventRow
from locksided.store.sql import Database
from locksided.store.store import Store

log = structlog.get_logger("notifications")

PURPOSE = "courier"
AT_ONCE = 2
DELIVERIES_AT_ONCE, TO_ONE_AT_ONCE = 100, 20
DIGEST_LISTS = 100
TIMEOUT_SECONDS = 60.0
GRACE_SECONDS = 1.0
LOG_BYTES = 2**20
_ORDER_FILE = "deliveries.json"
_ROOT = str(Path(__file__).resolve().parents[2])
_BOOT = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from locksided.steps.courier.__main__ import main; raise SystemExit(main())"
)


class Couriers:
    """One timer serves all, and the database knows which delivery is next.

    While as many couriers as may be are at work, nothing is looked for.
    """

    def __init__(self, store: Store, settings: NotificationSettings) -> None:
        self._store = store
        self._settings = settings
        self._rate = Rate(TO_ONE_AT_ONCE, settings.per_minute)
        self._news = asyncio.Event()
        self._are_all_at_work = False

    def wake(self) -> None:
        """Have it look for what is due, after all that is being saved."""
        self._news.set()

    async def run(self, asides: Asides, scheduler: SchedulerActor, broker: Broker) -> None:
        """Send what is due until cancelled. What cannot be done now waits for news."""
        with broker.watching(self._note):
            self.wake()
            while True:
                timer = await self._timer()
                try:
                    await self._news.wait()
                finally:
                    if timer is not None:
                        timer.cancel()
                self._news.clear()
                if self._are_all_at_work:
                    continue
                try:
                    await scheduler.look(lambda _: None)  # what is being settled is saved then
                    await self._round(asides, scheduler)
                except (Refused, StoreUnavailable, OSError) as problem:
                    log.warning("notifications wait", cause=str(problem))

    def _note(self, events: list[EventRow]) -> None:
        if any(event.kind.startswith("notification.") or event.kind == RECOVERED for event in events):
            self.wake()

    async def _timer(self) -> clock.Timer | None:
        if self._are_all_at_work:
            return None
        look = partial(deliveries.next_us, now_us=clock.now_us(), rate=self._rate)
        try:
            due_us = await self._store.read_patiently(look)
        except StoreUnavailable:
            return None  # its return is news
        return None if due_us is None else clock.call_at(due_us, self.wake)

    async def _round(self, asides: Asides, scheduler: SchedulerActor) -> None:
        if lost := await self._store.read(deliveries.lost):
            await scheduler.ask(settled(lost, Reports({}), self._settings))
        while not await self._is_full():
            look = partial(_due, now_us=clock.now_us(), rate=self._rate, vault=self._store.vault)
            due = await self._store.read_patiently(look)
            if not due:
                return
            token = asides.new_token()
            await self.prepare(asides, token, [_entry(row, receiver, body) for row, receiver, body in due])
            ids = [row.id for row, _, _ in due]
            also = partial(deliveries.give, token=token, ids=ids, now_us=clock.now_us())
            await asides.begin(PURPOSE, {}, courier_order(asides, token), also)

    async def _is_full(self) -> bool:
        self._are_all_at_work = await self._store.read(deliveries.couriers) >= AT_ONCE
        return self._are_all_at_work

    async def prepare(self, asides: Asides, token: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write what a courier is to deliver. Raises OSError."""
        content = {"allow": list(self._settings.allow), "deliveries": list(entries)}
        folder = asides.folder(token)
        write = partial(data_folder.make_with_file, folder, _ORDER_FILE, json.dumps(content))
        await threads.run_sync(write)

    async def deliver_now(self, asides: Asides, one: Mapping[str, Any]) -> bytes:
        """Have a courier deliver one thing that is not stored; what it wrote. Raises Unavailable."""
        token = asides.new_token()
        folder = asides.folder(token)
        try:
            await self.prepare(asides, token, [one])
            await asides.run(courier_order(asides, token))
            return await threads.run_sync(stream_bytes, folder.log, STDOUT, LOG_BYTES)
        finally:
            with CancelScope(shield=True):
                await threads.run_sync(data_folder.remove_folder, folder, None)

    async def deliver(self, aside: Aside, outcome: Outcome) -> Write:
        """What a courier that has ended came to."""
        try:
            said = await threads.run_sync(stream_bytes, aside.folder.log, STDOUT, LOG_BYTES)
            rows = await self._store.read(partial(deliveries.given_to, token=aside.token))
        finally:
            self._are_all_at_work = False
            self.wake()
        reports = Reports.read(said)
        if not reports.begun:
            why = outcome.refused.message if outcome.refused else outcome.stderr_tail.strip()
            log.warning("a courier began nothing", token=aside.token, cause=why)
        return settled(rows, reports, self._settings)


def _due(
    connection: Database, now_us: int, rate: Rate, vault: Vault
) -> list[tuple[DeliveryRow, Receiver, str]]:
    """What is due, with whom it goes to and what is sent."""
    found = []
    for row in deliveries.due(connection, now_us, DELIVERIES_AT_ONCE, rate):
        receiver = receiver_of(connection, SubscriptionName(row.project, row.receiver), now_us, vault)
        if receiver is not None:
            found.append((row, receiver, _content(connection, row)))
    return found


def _content(connection: Database, row: DeliveryRow) -> str:
    """What is sent: the body of one event, or of several that were gathered."""
    if row.digest is None:
        return deliveries.body(connection, row.body_id)
    bodies, count = deliveries.gathered(connection, row.digest, DIGEST_LISTS)
    return telling.digest_of(bodies, count, row.created_us).decode()


def _entry(row: DeliveryRow, receiver: Receiver, body: str) -> dict[str, Any]:
    return entry(row.id, f"msg_{row.id}", receiver, body)


def entry(number: int, message: str, receiver: Receiver, body: str) -> dict[str, Any]:
    """One delivery in a courier's file."""
    return {
        "id": number,
        "message": message,
        "receiver": receiver.url,
        "url": receiver.url,
        "secrets": list(receiver.secrets),
        "body": body,
    }


def courier_order(asides: Asides, token: str) -> StartOrder:
    """How a courier is started."""
    folder = asides.folder(token)
    path = f"{folder.data}/{_ORDER_FILE}"
    return StartOrder(
        token=token,
        folder=folder.control(1, 0),
        pipeline=[[sys.executable, "-I", "-S", "-c", _BOOT, _ROOT, path]],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        timeout_seconds=TIMEOUT_SECONDS,
        log_folder=folder.log,
        max_log_bytes=LOG_BYTES,
        grace_seconds=GRACE_SECONDS,
    )
