"""Sends what is due: passes it to couriers and commands, which are asides, and saves the results.

Nothing here waits for a receiver, and no job waits for anything here.
"""

from functools import partial

import structlog

from locksided import clock, threads
from locksided.actors.asides import Aside, Asides
from locksided.actors.broker import Broker
from locksided.actors.messages import Write
from locksided.actors.rounds import Rounds
from locksided.actors.scheduler import SchedulerActor
from locksided.followers.follower import RECOVERED
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome
from locksided.notifications import telling
from locksided.notifications.commands import PURPOSE as COMMAND
from locksided.notifications.commands import Account, Commands, ended
from locksided.notifications.courier_program import LOG_BYTES, CourierProgram, entry
from locksided.notifications.recipients import Receiver
from locksided.notifications.settling import Ended, Reports, settled
from locksided.notifications.standing import receiver_of
from locksided.secrets.vault import Vault
from locksided.settings import NotificationSettings
from locksided.store import asides as aside_rows
from locksided.store import deliveries
from locksided.store.deliveries import Rate
from locksided.store.notification_rows import DeliveryRow
from locksided.store.sql import Database
from locksided.store.store import Store

log = structlog.get_logger("notifications")

COURIER = "courier"
COURIERS_AT_ONCE, COMMANDS_AT_ONCE = 2, 10
DELIVERIES_AT_ONCE, TO_ONE_AT_ONCE = 100, 20
DIGEST_LISTS = 100
_POSTED = frozenset({"webhook", "email"})
_RUN = frozenset({"command"})

Due = tuple[DeliveryRow, Receiver, str]
"""A due delivery, its receiver and the body."""


class Couriers:
    """One timer serves all, and the database knows which delivery is next.

    Nothing is searched for while the maximum number of couriers and commands is running.
    """

    def __init__(
        self, store: Store, settings: NotificationSettings, program: CourierProgram, commands: Commands
    ) -> None:
        self._store = store
        self._settings = settings
        self._program = program
        self._commands = commands
        self.owner = commands.owner
        self._rate = Rate(TO_ONE_AT_ONCE, settings.per_minute)
        self._rounds = Rounds("notifications")
        self._are_all_at_work = False

    def wake(self) -> None:
        """Search for due deliveries, after everything that is being saved."""
        self._rounds.news.set()

    async def run(self, asides: Asides, scheduler: SchedulerActor, broker: Broker) -> None:
        """Send what is due until cancelled."""
        with broker.waking(self.wake, "notification.", RECOVERED):
            await self._rounds.run(scheduler, self._next_us, partial(self._round, asides, scheduler))

    async def _next_us(self) -> int | None:
        if self._are_all_at_work:
            return None
        look = partial(deliveries.next_us, now_us=clock.now_us(), rate=self._rate)
        return await self._store.read_patiently(look)

    async def _round(self, asides: Asides, scheduler: SchedulerActor) -> None:
        if self._are_all_at_work:
            return
        await scheduler.look(lambda _: None)  # results in progress are saved then
        if lost := await self._store.read(deliveries.lost):
            await scheduler.ask(settled(lost, Reports({}), self._settings))
        free = COURIERS_AT_ONCE - await self._at_work(COURIER)
        while free and (due := await self._due(_POSTED, DELIVERIES_AT_ONCE)):
            await self._give(asides, due)
            free -= 1
        runs = COMMANDS_AT_ONCE - await self._at_work(COMMAND)
        due = await self._due(_RUN, runs) if runs else []
        for row, receiver, body in due:
            await self._commands.begin(asides, scheduler, row, receiver, body)
        self._are_all_at_work = not free and not runs - len(due)

    async def _at_work(self, purpose: str) -> int:
        return await self._store.read(partial(aside_rows.count, purpose=purpose))

    async def _due(self, channels: frozenset[str], limit: int) -> list[Due]:
        look = partial(
            _due,
            now_us=clock.now_us(),
            limit=limit,
            rate=self._rate,
            channels=channels,
            vault=self._store.vault,
        )
        return await self._store.read_patiently(look)

    async def _give(self, asides: Asides, due: list[Due]) -> None:
        token = asides.new_token()
        entries = [
            entry(row.id, f"msg_{row.id}", row.receiver, receiver, body) for row, receiver, body in due
        ]
        await self._program.prepare(asides, token, entries)
        ids = [row.id for row, _, _ in due]
        also = partial(deliveries.give, token=token, ids=ids, now_us=clock.now_us())
        await asides.begin(COURIER, {}, self._program.order(asides, token), also)

    async def deliver_now(
        self, asides: Asides, receiver: Receiver, account: Account, body: str
    ) -> Ended | None:
        """Deliver a message that is not stored; None if nothing was sent. Raises Unavailable."""
        if receiver.channel == "command":
            return await self._commands.run_now(asides, receiver, account, body)
        message = f"msg_test_{asides.new_token().removeprefix('aside-')}"
        one = entry(0, message, "", receiver, body)
        return Reports.read(await self._program.deliver_now(asides, one)).of(0)

    async def deliver(self, aside: Aside, outcome: Outcome) -> Write:
        """Return the write of the results of a courier that has ended."""
        try:
            text = await threads.run_sync(stream_bytes, aside.folder.log, STDOUT, LOG_BYTES)
            rows = await self._store.read(partial(deliveries.given_to, token=aside.token))
        finally:
            self._has_ended()
        reports = Reports.read(text)
        if not reports.begun:
            why = outcome.refused.message if outcome.refused else outcome.stderr_tail.strip()
            log.warning("a courier began nothing", token=aside.token, cause=why)
        return settled(rows, reports, self._settings)

    async def deliver_command(self, aside: Aside, outcome: Outcome) -> Write:
        """Return the write of the result of a command that has ended."""
        try:
            rows = await self._store.read(partial(deliveries.given_to, token=aside.token))
        finally:
            self._has_ended()
        return settled(rows, Reports({row.id: ended(row.id, outcome) for row in rows}), self._settings)

    def _has_ended(self) -> None:
        self._are_all_at_work = False
        self.wake()


def _due(
    connection: Database, now_us: int, limit: int, rate: Rate, channels: frozenset[str], vault: Vault
) -> list[Due]:
    found = []
    for row in deliveries.due(connection, now_us, limit, rate, channels):
        receiver = receiver_of(connection, row, now_us, vault)
        if receiver is not None:
            found.append((row, receiver, _content(connection, row)))
    return found


def _content(connection: Database, row: DeliveryRow) -> str:
    """Return the body to send: of one event, or the digest of several that were gathered."""
    if row.digest is None:
        return deliveries.body(connection, row.notice_id)
    bodies, count = deliveries.gathered(connection, row.digest, DIGEST_LISTS)
    return telling.digest_of(bodies, count, row.created_us).decode()
