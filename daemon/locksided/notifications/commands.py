"""Commands as recipients: programs that run as the subscription's owner, with the owner's current rights."""

from collections.abc import Callable, Sequence
from functools import partial

from anyio import CancelScope

from lockside.documents.notification import Command
from locksided import clock, threads
from locksided.actors.asides import Asides
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Forbidden
from locksided.keeper.messages import Outcome, StartOrder, User
from locksided.notifications.recipients import Receiver
from locksided.notifications.settling import Ended
from locksided.notifications.standing import disable
from locksided.runs import data_folder
from locksided.runs.accounts import NoAccount, account_of
from locksided.server.access import Access
from locksided.server.peers import owner_now
from locksided.store import deliveries, notifications
from locksided.store.notification_rows import DeliveryRow
from locksided.store.notifications import SubscriptionName
from locksided.store.store import Store

TIMEOUT_SECONDS = 60.0
GRACE_SECONDS = 5.0
LOG_BYTES = 2**20
LONGEST_ERROR = 500
BODY = "LOCKSIDE_NOTIFICATION"
PURPOSE = "notificationCommand"
Account = tuple[User | None, str]
"""The account to run as (None: the daemon's own), and its home."""

NOBODY_ELSE: Account = (None, "/")

_WRITE_BODY = ["/bin/sh", "-c", f'printf %s "${BODY}"']


class Commands:
    """Starts the commands of deliveries."""

    def __init__(self, store: Store, access: Callable[[], Access]) -> None:
        self._store = store
        self._access = access

    async def begin(
        self, asides: Asides, scheduler: SchedulerActor, row: DeliveryRow, receiver: Receiver, body: str
    ) -> None:
        """Run a command; disable the subscription if its owner may not run it. Raises Unavailable."""
        name = SubscriptionName(row.project, row.receiver)
        try:
            account = await self.owner(name)
        except (Forbidden, NoAccount) as problem:
            why = f"its owner may not run commands: {problem.message}"
            await scheduler.ask(partial(disable, name=name, why=why, now_us=clock.now_us()))
            return
        order = await self._prepared(asides, receiver, account, body)
        also = partial(deliveries.give, token=order.token, ids=[row.id], now_us=clock.now_us())
        await asides.begin(PURPOSE, {}, order, also)

    async def owner(self, name: SubscriptionName) -> Account:
        """Return the account of a subscription's command. Raises Forbidden, NoAccount."""
        owner = await self._store.read(partial(notifications.owner_of, name=name)) or {}
        uid, gid = owner["uid"], owner["gid"]
        await threads.run_sync(owner_now, self._access(), uid, gid, owner["user"])
        return await threads.run_sync(account_of, uid, gid, None)

    async def run_now(self, asides: Asides, receiver: Receiver, account: Account, body: str) -> Ended:
        """Run a command while a caller waits. Raises Unavailable."""
        order = await self._prepared(asides, receiver, account, body)
        try:
            return ended(0, await asides.run(order))
        finally:
            with CancelScope(shield=True):
                folder = asides.folder(order.token)
                await threads.run_sync(data_folder.remove_folder, folder, order.user)

    async def _prepared(self, asides: Asides, receiver: Receiver, account: Account, body: str) -> StartOrder:
        assert isinstance(receiver.recipient, Command)
        token = asides.new_token()
        await threads.run_sync(data_folder.make_root, asides.folder(token), account[0])
        return _order(asides, token, receiver.recipient.command, body, account)


def ended(delivery_id: int, outcome: Outcome) -> Ended:
    """Return the end of a command, in the form of a courier's report."""
    return Ended(delivery_id, clock.real_now_us(), _seconds(outcome), error=_error(outcome))


def _order(asides: Asides, token: str, command: Sequence[str], body: str, account: Account) -> StartOrder:
    folder, (user, home) = asides.folder(token), account
    return StartOrder(
        token=token,
        folder=folder.control(1, 0),
        pipeline=[_WRITE_BODY, list(command)],
        cwd="/",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": home, BODY: body},
        timeout_seconds=TIMEOUT_SECONDS,
        log_folder=folder.log,
        max_log_bytes=LOG_BYTES,
        grace_seconds=GRACE_SECONDS,
        user=user,
    )


def _error(outcome: Outcome) -> str | None:
    """Return why the delivery failed, else None. Only the last program counts: it need not read the body."""
    if outcome.refused is not None:
        return outcome.refused.message[:LONGEST_ERROR]
    if outcome.stopped == "timeout":
        return f"it ran longer than {TIMEOUT_SECONDS:g} seconds"
    if outcome.is_lost or not outcome.exits:
        return "it ended with its machine"
    last = outcome.exits[-1]
    if not last.is_failure:
        return None
    how = f"signal {last.signal}" if last.exit_code is None else f"exit code {last.exit_code}"
    return f"{how}: {outcome.stderr_tail.strip()}"[:LONGEST_ERROR].rstrip(": ")


def _seconds(outcome: Outcome) -> float:
    if outcome.spawn_time is None or outcome.exit_time is None:
        return 0.0
    return round((outcome.exit_time - outcome.spawn_time) / clock.SECOND_US, 3)
