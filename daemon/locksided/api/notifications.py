"""The methods of subscriptions and deliveries that other kinds do not have."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lockside.documents.notification import Webhook, is_webhook_secret
from lockside.kinds import NOTIFICATION
from lockside.protocol.methods import notifications as p
from locksided import clock
from locksided.actors.messages import Repeated
from locksided.api.catalog import CatalogMethods
from locksided.api.deduplication import dedup_mark
from locksided.api.job_reads import shortened
from locksided.api.paging import listed
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup, Service
from locksided.catalog.table import RECORDS
from locksided.catalog.views import stored_view
from locksided.core.errors import Invalid, InvalidTransition, NotFound, Timeout
from locksided.notifications import couriers, standing
from locksided.notifications.addresses import SETTING, Allowed, Target, literal
from locksided.notifications.settling import Reports
from locksided.notifications.signature import new_secret
from locksided.notifications.standing import SECRET, Receiver, key_of
from locksided.notifications.telling import body_of
from locksided.secrets.vault import Vault
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import deliveries
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

View = dict[str, Any]


class NotificationMethods(HandlerGroup):
    """`notification.put`, `list`, `rotate`, `deliveries`, `redeliver`, `cancel` and `test`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._catalog = CatalogMethods(service)

    @handler
    async def put(self, call: Call, params: p.NotificationPut) -> View:
        self._refuse_blocked(params.subscription.recipient, "$.subscription.recipient.url")
        view = await self._catalog.put(RECORDS[NOTIFICATION.word], call, params)
        name = SubscriptionName(params.project, params.subscription.id)
        secret = await self._service.scheduler.ask(partial(standing.reveal, name=name))
        return view if secret is None else {**view, "recipient": {**view["recipient"], SECRET: secret}}

    def _refuse_blocked(self, recipient: Webhook, path: str) -> None:
        """Raise Invalid for a URL that can never be posted to: a name is looked up at each attempt only."""
        allowed, target = Allowed(self._service.settings.notifications.allow), Target.of(recipient.url)
        address = literal(target.host)
        if address is not None and not allowed.may_connect(target, address):
            text = f"{path}: {target.scheme} to {address} is not in {SETTING}, where an admin can add it."
            raise Invalid(text, path=path)

    @handler
    async def list(self, call: Call, params: p.NotificationListAll) -> View:
        record, request = RECORDS[NOTIFICATION.word], self._service.page_request(params)
        wanted = all_of(NOTIFICATION, params.project, keep=partial(_is_wanted, params))
        fields = None if params.fields is None else {"id", *params.fields}

        def view(stored: StoredRow) -> View:
            return shortened(record.hide(call.principal, stored_view(stored)), fields)

        async with call.connection.turn():
            found = await self._service.store.objects(wanted, request)
            return listed(NOTIFICATION.plural, found, view, request.max_bytes)

    @handler
    async def rotate(self, call: Call, params: p.NotificationRotate) -> View:
        name = SubscriptionName(params.project, params.id)
        change = Change(clock.now_us(), actor(call.principal).as_data(), "its secret was rotated")

        def write(tx: Transaction) -> View:
            standing.refuse_others(tx.connection, key_of(name), call.principal)
            return {"secret": standing.rotate(tx, name, change)}

        return await self._done(call, params, write)

    @handler
    async def deliveries(self, call: Call, params: p.NotificationDeliveries) -> View:
        job_id = None if params.job is None else self._service.job_id(params.job, "$.job")
        wanted = _filter(params, job_id=job_id, statuses=params.status)
        request = self._service.page_request(params)
        async with call.connection.turn():
            look = partial(_page, wanted=wanted, request=request, vault=self._service.store.vault)
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
        """Raise NotFound for what does not exist, Forbidden for what is another's."""
        if number is not None:
            row = deliveries.delivery(tx.connection, number)
            if row is None or row.project != project:
                raise NotFound(f"There is no delivery {number}.", path="$.id")
            subscription = row.subscription
        key = key_of(SubscriptionName(project, subscription or ""))
        if objects.find(tx.connection, key) is None:
            path = "$.subscription" if number is None else "$.id"
            raise NotFound(f"There is no {key}: nothing is delivered to it.", path=path)
        standing.refuse_others(tx.connection, key, call.principal)

    async def _done(self, call: Call, params: Any, write: Callable[[Transaction], View]) -> View:
        """Do it once; what a repeat answers tells no secret."""
        mark = dedup_mark(call, params, lambda answer: {k: v for k, v in answer.items() if k != "secret"})
        answer = await self._service.scheduler.ask(write, once=mark)
        if isinstance(answer, Repeated):
            return {**answer.reference, "deduplicated": True}
        done: View = answer
        return done

    @handler
    async def test(self, call: Call, params: p.NotificationTest) -> View:
        receiver = await self._receiver(call, params)
        service, now_us = self._service, clock.now_us()
        message = f"msg_test_{service.asides.new_token().removeprefix('aside-')}"
        body = body_of("test", now_us, {}).decode()
        try:
            with clock.real_fail_after(TEST_SECONDS):
                said = await service.couriers.deliver_now(
                    service.asides, couriers.entry(0, message, receiver, body)
                )
        except TimeoutError:
            raise Timeout(f"There was no result within {TEST_SECONDS:g} seconds.") from None
        ended = Reports.read(said).of(0)
        if ended is None:
            return {"status": "failed", "statusCode": None, "seconds": 0.0, "error": "It was not sent."}
        attempt = ended.attempt()
        told = {name: attempt[name] for name in ("statusCode", "seconds", "error")}
        return {"status": "delivered" if ended.is_delivered else "failed", **told}

    async def _receiver(self, call: Call, params: p.NotificationTest) -> Receiver:
        if params.recipient is not None:
            self._refuse_blocked(params.recipient, "$.recipient.url")
            secret = params.recipient.secret or new_secret()
            if not is_webhook_secret(secret):
                text = "$.recipient.#secret: a test needs the secret in plain, or none."
                raise Invalid(text, path="$.recipient.#secret")
            return Receiver(params.recipient.url, (secret,))
        name = SubscriptionName(params.project, params.id or "")

        def read(connection: Database) -> Receiver | None:
            standing.refuse_others(connection, key_of(name), call.principal)
            return standing.receiver(connection, name, clock.now_us(), self._service.store.vault)

        receiver = await self._service.store.read(read)
        if receiver is None:
            raise NotFound(f"There is no {key_of(name)}.", path="$.id")
        return receiver


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
    connection: Database, wanted: DeliveryFilter, request: PageRequest, vault: Vault
) -> Slice[tuple[DeliveryRow, Receiver | None]]:
    found = deliveries.page(connection, wanted, request)
    names = {row.subscription for row in found.entries if row.subscription is not None}
    receivers = {
        name: standing.receiver(connection, SubscriptionName(wanted.project, name), 0, vault)
        for name in names
    }
    entries = [(row, receivers.get(row.subscription or "")) for row in found.entries]
    return Slice(entries, found.has_more, lambda entry: found.cursor_at(entry[0]))


def _delivery_view(shown: tuple[DeliveryRow, Receiver | None]) -> View:
    row, receiver = shown
    recipient: dict[str, str | None] = {"channel": None, "url": None}
    if receiver is not None:
        target = Target.of(receiver.url)
        recipient = {"channel": "webhook", "url": f"{target.scheme}://{target.host}"}
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
