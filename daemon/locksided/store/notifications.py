"""Subscriptions: where each stands, what it counts, and what is delivered to it.

Their documents are objects of the catalog.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from locksided.secrets.places import Place, Scope
from locksided.secrets.vault import Vault
from locksided.store import cursors
from locksided.store.notification_rows import DeliveryRow
from locksided.store.paging import PageRequest, Slice, first_of, row_bytes
from locksided.store.rows import decoded
from locksided.store.sql import QUERIES, Database
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


class SubscriptionName(NamedTuple):
    """What identifies a subscription."""

    project: str
    id: str

    @property
    def place(self) -> Place:
        """What its secrets are bound to."""
        return Place(Scope.SUBSCRIPTION, self)


class Listener(NamedTuple):
    """A subscription with the text of its document, which hears events behind `since_seq`."""

    name: SubscriptionName
    since_seq: int
    body: str


class WebhookSecrets(NamedTuple):
    """The secret that lockside made, unless the document has one, and the one that was replaced last."""

    made: str | None = None
    previous: str | None = None
    is_shown: bool = False
    rotated_us: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; what is None or empty does not restrict. Times are of their creation."""

    project: str
    subscription: str | None = None
    job_id: int | None = None
    statuses: Sequence[str] = ()
    from_us: int | None = None
    to_us: int | None = None


def is_any(connection: Database) -> bool:
    """Whether there are any subscriptions."""
    (found,) = connection.execute(QUERIES["has_subscriptions"]).fetchone()
    return bool(found)


def everything(connection: Database) -> list[Listener]:
    """All subscriptions with their documents."""
    return [
        Listener(SubscriptionName(project, name), since_seq, body)
        for project, name, since_seq, body in connection.execute(QUERIES["subscriptions"])
    ]


def owner_of(connection: Database, name: SubscriptionName) -> dict[str, Any] | None:
    """Who made a subscription, None when there is none."""
    row = connection.execute(QUERIES["subscription"], name).fetchone()
    return None if row is None else msgspec.json.decode(row[0])


def secrets_of(connection: Database, name: SubscriptionName, vault: Vault) -> WebhookSecrets:
    """The secrets of a webhook that are stored beside its document; some may still be encrypted."""
    row = connection.execute(QUERIES["subscription"], name).fetchone()
    if row is None:
        return WebhookSecrets()
    _, secrets, is_shown, rotated_us = row
    plain = vault.opened_if_possible(msgspec.json.decode(secrets), name.place)
    return WebhookSecrets(plain.get(_MADE), plain.get(_PREVIOUS), bool(is_shown), rotated_us)


_MADE, _PREVIOUS = "#made", "#previous"


def add(tx: Transaction, name: SubscriptionName, owner: Mapping[str, Any]) -> None:
    """Have a new subscription hear what happens from now on."""
    tx.connection.execute(QUERIES["add_subscription"], (*name, tx.last_seq, json_text(owner)))


def keep_secrets(tx: Transaction, name: SubscriptionName, secrets: WebhookSecrets) -> None:
    """Store the secrets of a webhook, encrypted."""
    sealed = tx.vault.seal({_MADE: secrets.made, _PREVIOUS: secrets.previous}, name.place)
    values = {"secrets": json_text(sealed), "is_shown": secrets.is_shown, "rotated_us": secrets.rotated_us}
    tx.connection.execute(QUERIES["set_webhook_secrets"], {**name._asdict(), **values})


def remove(tx: Transaction, name: SubscriptionName, now_us: int) -> None:
    """Forget where a subscription stood, and cancel what is to be delivered to it."""
    tx.connection.execute(QUERIES["delete_subscription"], name)
    tx.connection.execute(QUERIES["delete_failure_runs"], name)
    cancel_all(tx, name, now_us)


# -- failures in a row ------------------------------------------------------------------------------------


def failures_of(connection: Database, name: SubscriptionName, subject: str) -> tuple[int, bool]:
    """How often a configuration failed in a row, and whether that was told."""
    row = connection.execute(QUERIES["failure_run"], (*name, subject)).fetchone()
    return (0, False) if row is None else (row[0], bool(row[1]))


def count_failures(
    tx: Transaction, name: SubscriptionName, subject: str, failures: int, *, is_told: bool
) -> None:
    """Remember how often it failed in a row; 0 when it did not."""
    if failures:
        tx.connection.execute(QUERIES["put_failure_run"], (*name, subject, failures, is_told))
    else:
        tx.connection.execute(QUERIES["delete_failure_run"], (*name, subject))


# -- deliveries -------------------------------------------------------------------------------------------


def add_body(tx: Transaction, body: bytes) -> int:
    """Store what is to be sent; its number."""
    return int(tx.connection.execute(QUERIES["insert_notification_body"], (body.decode(),)).lastrowid or 0)


def body(connection: Database, body_id: int) -> str:
    """What is sent."""
    (found,) = connection.execute(QUERIES["notification_body"], (body_id,)).fetchone()
    return str(found)


def add_delivery(
    tx: Transaction,
    name: SubscriptionName,
    event: str,
    *,
    seq: int,
    job_id: int | None,
    body_id: int,
    now_us: int,
) -> None:
    """Have an event told to a subscription; the same event is told once."""
    values = {"subscription": name.id, "event": event, "seq": seq, "job_id": job_id, "body_id": body_id}
    tx.connection.execute(QUERIES["insert_delivery"], {**values, "project": name.project, "now_us": now_us})


def delivery(connection: Database, delivery_id: int) -> DeliveryRow | None:
    """One delivery, None when there is none."""
    found = decoded(DeliveryRow, connection.execute(QUERIES["delivery"], (delivery_id,)).fetchall())
    return found[0] if found else None


def due(connection: Database, now_us: int, *, limit: int, of_each: int) -> list[DeliveryRow]:
    """Deliveries that are due, `of_each` subscription so many; none to whom a courier is under way."""
    values = {"now_us": now_us, "limit": limit, "of_each": of_each}
    rows = connection.execute(QUERIES["due_deliveries"], values)
    return decoded(DeliveryRow, rows.fetchall())


def next_us(connection: Database, after_us: int) -> int | None:
    """When one is due next."""
    (due_us,) = connection.execute(QUERIES["next_delivery"], (after_us,)).fetchone()
    return None if due_us is None else int(due_us)


def couriers(connection: Database) -> int:
    """How many couriers have deliveries."""
    (count,) = connection.execute(QUERIES["couriers_at_work"]).fetchone()
    return int(count)


def give(tx: Transaction, token: str, ids: Iterable[int]) -> None:
    """Give deliveries to a courier."""
    tx.connection.execute(QUERIES["give_to_courier"], {"token": token, "ids": json_text(list(ids))})


def given_to(connection: Database, token: str) -> list[DeliveryRow]:
    """The deliveries that a courier has."""
    return decoded(DeliveryRow, connection.execute(QUERIES["deliveries_of_courier"], (token,)).fetchall())


def lost(connection: Database) -> list[DeliveryRow]:
    """The deliveries of couriers of which nothing is known any more."""
    return decoded(DeliveryRow, connection.execute(QUERIES["lost_deliveries"]).fetchall())


def settle(
    tx: Transaction,
    row: DeliveryRow,
    status: str,
    attempts: Sequence[Mapping[str, Any]],
    *,
    next_us: int | None = None,
    ended_us: int | None = None,
) -> None:
    """Store what a courier came to: `pending` until `next_us`, or ended."""
    values = {"id": row.id, "status": status, "attempts": json_text(list(attempts))}
    tx.connection.execute(QUERIES["settle_delivery"], {**values, "next_us": next_us, "ended_us": ended_us})


def count_since(connection: Database, name: SubscriptionName, status: str, since_us: int) -> int:
    """How many deliveries to a subscription ended so since a time."""
    values = (*name, status, since_us)
    (count,) = connection.execute(QUERIES["count_deliveries_since"], values).fetchone()
    return int(count)


def page(connection: Database, wanted: DeliveryFilter, request: PageRequest) -> Slice[DeliveryRow]:
    """A page of deliveries, the newest first. Invalid for what is no cursor."""
    (before,) = cursors.read(request.cursor, _ORDER, tuple[cursors.Integer]) or (2**63 - 1,)
    rows = connection.execute(QUERIES["deliveries"], {**_values(wanted), "before": before})
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(DeliveryRow, taken), has_more, lambda row: cursors.written(_ORDER, row.id))


_ORDER = "deliveries"


def redeliver(tx: Transaction, wanted: DeliveryFilter, delivery_id: int | None, now_us: int) -> int:
    """Have ended deliveries sent again now; answers how many."""
    values = {**_values(wanted), "id": delivery_id, "now_us": now_us}
    return tx.connection.execute(QUERIES["redeliver"], values).rowcount


def cancel(tx: Transaction, project: str, delivery_id: int, now_us: int) -> bool:
    """Give up one that is pending; False when it is not."""
    values = {"project": project, "id": delivery_id, "now_us": now_us}
    return tx.connection.execute(QUERIES["cancel_delivery"], values).rowcount == 1


def cancel_all(tx: Transaction, name: SubscriptionName, now_us: int) -> None:
    """Give up what is to be delivered to a subscription."""
    tx.connection.execute(QUERIES["cancel_deliveries_of"], (now_us, *name))


def counts(connection: Database) -> list[tuple[str, int, int | None]]:
    """Each status with the number of deliveries, and when the oldest pending one was made."""
    return connection.execute(QUERIES["count_deliveries"]).fetchall()


def prune(tx: Transaction, delivered_before_us: int, dead_before_us: int) -> None:
    """Forget deliveries that ended before these times."""
    before = {"delivered": delivered_before_us, "dead": dead_before_us, "cancelled": delivered_before_us}
    gone = [tx.connection.execute(QUERIES["prune_deliveries"], (s, us)).rowcount for s, us in before.items()]
    if any(gone):
        tx.connection.execute(QUERIES["prune_notification_bodies"])


def _values(wanted: DeliveryFilter) -> dict[str, Any]:
    return {
        "project": wanted.project,
        "subscription": wanted.subscription,
        "job_id": wanted.job_id,
        "statuses": json_text(list(wanted.statuses)),
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
