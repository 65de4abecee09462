"""Subscriptions: where each stands, and what it counts. Their documents are objects of the catalog."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from locksided.secrets.places import Place, Scope
from locksided.secrets.vault import Vault
from locksided.store import deliveries
from locksided.store.sql import QUERIES, Database
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

CHANGES = frozenset(f"notification.{change}" for change in ("created", "updated", "deleted", "disabled"))
"""The events that tell that a subscription is another than it was."""


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


def is_any(connection: Database) -> bool:
    """Whether there are any subscriptions."""
    (found,) = connection.execute(QUERIES["has_subscriptions"]).fetchone()
    return bool(found)


def have_changed(tx: Transaction, since_seq: int) -> bool:
    """Whether any subscription has changed after an event, in this transaction too."""
    if any(event.kind in CHANGES for event in tx.events):
        return True
    values = (json_text(sorted(CHANGES)), since_seq)
    (found,) = tx.connection.execute(QUERIES["have_subscriptions_changed"], values).fetchone()
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
    deliveries.cancel_all(tx, *name, now_us)


def live_notifying(connection: Database) -> list[int]:
    """The live jobs that asked for notifications of their own."""
    return [job_id for (job_id,) in connection.execute(QUERIES["live_notifying_jobs"])]


def spent(connection: Database, job_id: int) -> list[int]:
    """The notifications of a job that were told what they waited for, by their places."""
    return [place for (place,) in connection.execute(QUERIES["spent_notifications"], (job_id,))]


def spend(connection: Database, job_id: int, place: int) -> None:
    """Remember that a notification was told what it waited for."""
    connection.execute(QUERIES["spend_notification"], (job_id, place))


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
