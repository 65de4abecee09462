"""The methods of subscriptions and deliveries that differ from those of other kinds."""

from collections.abc import Callable, Container, Iterable
from functools import cache, partial
from typing import Any

from lockside.documents.notification import Email, Recipient, Webhook, is_webhook_secret
from lockside.documents.secrets import is_cipher
from lockside.kinds import NOTIFICATION
from lockside.protocol.methods import notifications as p
from lockside.protocol.words import Role
from locksided import clock, threads
from locksided.api.catalog import CatalogMethods
from locksided.api.deduplication import answered, dedup_mark
from locksided.api.job_reads import shortened
from locksided.api.paging import View, listed
from locksided.api.rights import actor, check_may_act
from locksided.api.service import HandlerGroup, Service
from locksided.catalog.table import RECORDS
from locksided.catalog.views import stored_view
from locksided.core.errors import Forbidden, Invalid, InvalidTransition, NotFound, Timeout
from locksided.notifications import standing
from locksided.notifications.commands import NOBODY_ELSE, Account
from locksided.notifications.recipients import PROJECT, Receiver, check, shown, url_of
from locksided.notifications.signature import new_secret
from locksided.notifications.standing import SECRET, key_of
from locksided.notifications.telling import body_of
from locksided.runs.accounts import account_of
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import deliveries, reads
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, all_of
from locksided.store.deliveries import DeliveryFilter
from locksided.store.notification_rows import DeliveryRow
from locksided.store.notifications import SubscriptionName
from locksided.store.paging import PageRequest, Slice
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.transaction import Transaction

TEST_SECONDS = 20.0


class NotificationMethods(HandlerGroup):
    """`notification.put`, `list`, `rotate`, `deliveries`, `redeliver`, `cancel` and `test`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._catalog = CatalogMethods(service)

    @handler
    async def put(self, call: Call, params: p.NotificationPut) -> View:
        view = await self._catalog.put(RECORDS[NOTIFICATION.word], call, params)
        name = SubscriptionName(params.project, params.subscription.id)
        secret = await self._service.scheduler.ask(partial(standing.reveal, name=name))
        return view if secret is None else {**view, "recipient": {**view["recipient"], SECRET: secret}}

    @handler
    async def list(self, call: Call, params: p.NotificationListAll) -> View:
        record, request = RECORDS[NOTIFICATION.word], self._service.page_request(params)
        wanted = all_of(NOTIFICATION, params.project, keep=partial(_is_wanted, params))
        fields = None if params.fields is None else {"id", *params.fields}

        def view(stored: StoredRow) -> View:
            return shortened(record.hide(call.principal, stored_view(stored)), fields)

        async with call.connection.turn():
            found = await self._service.store.objects(wanted, request)
            return listed(NOTIFICATION.listed, found, view, request.max_bytes)

    @handler
    async def rotate(self, call: Call, params: p.NotificationRotate) -> View:
        name = SubscriptionName(params.project, params.id)
        change = Change(clock.now_us(), actor(call.principal).as_data(), "its secret was rotated")
        if params.id == PROJECT and call.principal.role is not Role.ADMIN:
            raise Forbidden("The secret of the project is the admins'.", path="$.id")

        def write(tx: Transaction) -> View:
            if params.id == PROJECT:
                tx.event(
                    change.time_us,
                    "notification.rotated",
                    params.project,
                    principal=change.by,
                    data={"id": params.id},
                )
                return {"secret": standing.rotate_project(tx, params.project, change.time_us)}
            standing.refuse_others(tx.connection, key_of(name), call.principal)
            return {"secret": standing.rotate(tx, name, change)}

        return await self._done(call, params, write)

    @handler
    async def deliveries(self, call: Call, params: p.NotificationDeliveries) -> View:
        job_id = None if params.job is None else self._service.job_id(params.job, "$.job")
        wanted = _filter(params, job_id=job_id, statuses=params.status)
        request = self._service.page_request(params)
        async with call.connection.turn():
            vault, who = self._service.store.vault, call.principal
            look = partial(_page, wanted=wanted, request=request, vault=vault, who=who)
            found = await self._service.store.read_patiently(look)
            return listed("deliveries", found, _delivery_view, request.max_bytes)

    @handler
    async def redeliver(self, call: Call, params: p.NotificationRedeliver) -> View:
        number = None if params.id is None else int(params.id)
        who = actor(call.principal).as_data()

        def write(tx: Transaction) -> View:
            now_us = clock.now_us()
            self._check_owner(tx, call, params.project, number, params.subscription)
            count = deliveries.redeliver(tx, _filter(params), number, now_us)
            data = {"count": count, "delivery": params.id, "subscription": params.subscription}
            tx.event(now_us, "notification.redelivered", params.project, principal=who, data=data)
            return {"count": count}

        return await self._done(call, params, write)

    @handler
    async def cancel(self, call: Call, params: p.NotificationCancel) -> View:

        def write(tx: Transaction) -> View:
            self._check_owner(tx, call, params.project, int(params.id), None)
            if not deliveries.cancel(tx, params.project, int(params.id), clock.now_us()):
                raise InvalidTransition(f"Delivery {params.id} is not pending: it cannot be cancelled.")
            return {"id": params.id}

        return await self._done(call, params, write)

    def _check_owner(
        self, tx: Transaction, call: Call, project: str, number: int | None, subscription: str | None
    ) -> None:
        """Raise NotFound for what does not exist, Forbidden for what belongs to others."""
        if number is not None:
            row = deliveries.delivery(tx.connection, number)
            if row is None or row.project != project:
                raise NotFound(f"There is no delivery {number}.", path="$.id")
            if row.subscription is None:
                for job in reads.job_rows(tx.reading(), [row.job_id or 0]):
                    check_may_act(self._service, call.principal, job)
                return
            subscription = row.subscription
        key = key_of(SubscriptionName(project, subscription or ""))
        if objects.find(tx.connection, key) is None:
            path = "$.subscription" if number is None else "$.id"
            raise NotFound(f"There is no {key}: nothing is delivered to it.", path=path)
        standing.refuse_others(tx.connection, key, call.principal)

    async def _done(self, call: Call, params: Any, write: Callable[[Transaction], View]) -> View:
        """Do it once; the answer to a repeat contains no secret."""
        mark = dedup_mark(call, params, lambda answer: {k: v for k, v in answer.items() if k != "secret"})
        return answered(await self._service.scheduler.ask(write, once=mark))

    @handler
    async def test(self, call: Call, params: p.NotificationTest) -> View:
        receiver, account = await self._receiver(call, params)
        service, body = self._service, body_of("test", clock.now_us(), {}).decode()
        try:
            with clock.real_fail_after(TEST_SECONDS):
                ended = await service.couriers.deliver_now(service.asides, receiver, account, body)
        except TimeoutError:
            raise Timeout(f"There was no result within {TEST_SECONDS:g} seconds.") from None
        if ended is None:
            return {"status": "failed", "statusCode": None, "seconds": 0.0, "error": "It was not sent."}
        attempt = ended.attempt()
        outcome = {name: attempt[name] for name in ("statusCode", "seconds", "error")}
        return {"status": "delivered" if ended.is_delivered else "failed", **outcome}

    async def _receiver(self, call: Call, params: p.NotificationTest) -> tuple[Receiver, Account]:
        who = call.principal
        if params.recipient is not None:
            check(params.recipient, self._service.settings, "$.recipient")
            return _unstored(params.recipient), await threads.run_sync(account_of, who.uid, who.gid, None)
        name = SubscriptionName(params.project, params.id or "")

        def read(connection: Database) -> Receiver | None:
            standing.refuse_others(connection, key_of(name), who)
            return standing.receiver(connection, name, clock.now_us(), self._service.store.vault)

        receiver = await self._service.store.read(read)
        if receiver is None:
            raise NotFound(f"There is no {key_of(name)}.", path="$.id")
        is_command = receiver.channel == "command"
        return receiver, await self._service.couriers.owner(name) if is_command else NOBODY_ELSE


def _unstored(recipient: Recipient) -> Receiver:
    """Return the receiver for a test recipient. Raises Invalid for a secret that cannot be used."""
    if not isinstance(recipient, Webhook):
        return Receiver(recipient)
    secret = recipient.secret or new_secret()
    if not is_webhook_secret(secret) or is_cipher(url_of(recipient)):
        text = "$.recipient: a test needs secrets in plain, or none."
        raise Invalid(text, path="$.recipient")
    return Receiver(recipient, (secret,))


def _is_wanted(params: p.NotificationListAll, body: View) -> bool:
    events = body["event"] if isinstance(body["event"], list) else [body["event"]]
    filters = {one["field"]: one["value"] for one in body["filters"] if one["operator"] == "=="}
    return (
        (params.event is None or params.event.value in events)
        and (params.component is None or filters.get("job.component.id") == params.component)
        and (params.config is None or filters.get("job.configuration.id") == params.config)
        and (params.channel is None or body["recipient"]["channel"] == params.channel)
    )


def _filter(params: Any, **more: Any) -> DeliveryFilter:
    from_us, to_us = (None if text is None else clock.from_text(text) for text in (params.from_, params.to))
    return DeliveryFilter(params.project, params.subscription, from_us=from_us, to_us=to_us, **more)


def _page(
    connection: Database, wanted: DeliveryFilter, request: PageRequest, vault: Vault, who: Principal
) -> Slice[tuple[DeliveryRow, View]]:
    found = deliveries.page(connection, wanted, request)
    known = cache(lambda name: standing.receiver(connection, name, 0, vault))
    own = _jobs_of(connection, found.entries, who)
    entries = [(row, _shown_recipient(row, own, known)) for row in found.entries]
    return Slice(entries, found.has_more, lambda entry: found.cursor_at(entry[0]))


def _jobs_of(connection: Database, rows: Iterable[DeliveryRow], who: Principal) -> set[int]:
    """Return the jobs whose own addresses the caller may see: all for an admin, else the caller's."""
    ids = {row.job_id for row in rows if row.subscription is None and row.job_id is not None}
    if who.role is Role.ADMIN:
        return ids
    return {job.id for job in reads.job_rows(connection, ids) if job.owner_uid == who.uid}


def _shown_recipient(
    row: DeliveryRow, own: Container[int], known: Callable[[SubscriptionName], Receiver | None]
) -> View:
    if row.subscription is not None:
        receiver = known(SubscriptionName(row.project, row.subscription))
        return shown(None if receiver is None else receiver.recipient)
    if row.channel != "email":
        return shown(Webhook(url=row.url))
    is_seen = row.job_id in own
    return {**shown(Email(address=row.receiver)), **({} if is_seen else {"address": None})}


def _delivery_view(entry: tuple[DeliveryRow, View]) -> View:
    row, recipient = entry
    return {
        "id": str(row.id),
        "subscription": row.subscription,
        "job": None if row.job_id is None else str(row.job_id),
        "event": row.event,
        "seq": row.seq,
        "recipient": recipient,
        "status": row.status,
        "attempts": row.attempts,
        "nextAttemptTime": clock.to_text(row.next_us),
        "createdTime": clock.to_text(row.created_us),
        "endTime": clock.to_text(row.ended_us),
    }
