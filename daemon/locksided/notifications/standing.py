"""Subscriptions as they change: who may change one, the secrets of webhooks, and whom a delivery goes to."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lockside.documents.notification import is_webhook_secret
from lockside.kinds import NOTIFICATION
from lockside.protocol.words import Role
from locksided.core.errors import Forbidden
from locksided.notifications.signature import TWO_SIGN_US, new_secret
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.store import deliveries, notifications
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key
from locksided.store.notifications import SubscriptionName, WebhookSecrets
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.transaction import Transaction

SECRET = "#secret"  # noqa: S105 - the member's name
DAEMON: Mapping[str, Any] = {"uid": None, "user": "daemon", "gid": None}


class Receiver(NamedTuple):
    """Whom something is posted to, and the secrets that sign it."""

    url: str
    secrets: tuple[str, ...]


def key_of(name: SubscriptionName) -> Key:
    """Its key among the stored objects."""
    return Key(name.project, NOTIFICATION, (name.id,))


def _name(key: Key) -> SubscriptionName:
    return SubscriptionName(key.project, key.id)


def refuse_others(connection: Database, key: Key, who: Principal) -> None:
    """Raise Forbidden for a subscription that is another's."""
    owner = notifications.owner_of(connection, _name(key))
    if owner is None or who.role is Role.ADMIN or owner.get("uid") == who.uid:
        return
    user = owner.get("user")
    raise Forbidden(
        f"{key} belongs to {user}: only {user} or an admin can do that.", path=key.path(), owner=user
    )


def changed(tx: Transaction, key: Key, _before: StoredRow | None, after: StoredRow, change: Change) -> None:
    """Have a new subscription hear from now on, and make a secret where none is given."""
    name = _name(key)
    if notifications.owner_of(tx.connection, name) is None:
        notifications.add(tx, name, change.by)
    secrets = notifications.secrets_of(tx.connection, name, tx.vault)
    if _is_given(after) and secrets.made is not None:
        notifications.keep_secrets(tx, name, secrets._replace(made=None))
    elif not _is_given(after) and secrets.made is None:
        notifications.keep_secrets(tx, name, secrets._replace(made=new_secret(), is_shown=False))
    if after.body["state"] == "disabled":
        deliveries.cancel_all(tx, *name, change.time_us)


def _is_given(stored: StoredRow) -> bool:
    """Whether the document has a secret of its own."""
    return stored.body["recipient"].get(SECRET) is not None


def deleted(tx: Transaction, key: Key, change: Change) -> None:
    """Forget a subscription and what it was to be told."""
    notifications.remove(tx, _name(key), change.time_us)


def reveal(tx: Transaction, name: SubscriptionName) -> str | None:
    """The secret that lockside made, for the first answer that can have it."""
    secrets = notifications.secrets_of(tx.connection, name, tx.vault)
    if secrets.made is None or secrets.is_shown:
        return None
    notifications.keep_secrets(tx, name, secrets._replace(is_shown=True))
    return secrets.made


def rotate(tx: Transaction, name: SubscriptionName, change: Change) -> str:
    """Replace the secret; the old one signs, too, for a day. NotFound without such a subscription."""
    key, secrets = key_of(name), notifications.secrets_of(tx.connection, name, tx.vault)
    stored = objects.get(tx.connection, key)
    fresh, old = new_secret(), _current(stored, name, secrets, tx.vault)
    kept = secrets._replace(previous=old, rotated_us=change.time_us)
    if _is_given(stored):
        recipient = {**stored.body["recipient"], SECRET: fresh}
        objects.put(tx, key, {**stored.body, "recipient": recipient}, change)
    else:
        kept = kept._replace(made=fresh, is_shown=True)
    notifications.keep_secrets(tx, name, kept)
    objects.tell(tx, key, "rotated", change)
    return fresh


def _current(stored: StoredRow, name: SubscriptionName, secrets: WebhookSecrets, vault: Vault) -> str | None:
    """The secret that signs now."""
    recipient = vault.opened_if_possible(stored.body["recipient"], name.place)
    return recipient.get(SECRET) or secrets.made


def receiver(connection: Database, name: SubscriptionName, now_us: int, vault: Vault) -> Receiver | None:
    """Whom a subscription's notifications go to now; None when there is none."""
    stored = objects.find(connection, key_of(name))
    if stored is None:
        return None
    secrets = notifications.secrets_of(connection, name, vault)
    is_rotated = secrets.rotated_us is not None and now_us < secrets.rotated_us + TWO_SIGN_US
    signing = (_current(stored, name, secrets, vault), secrets.previous if is_rotated else None)
    usable = tuple(secret for secret in signing if secret is not None and is_webhook_secret(secret))
    return Receiver(stored.body["recipient"]["url"], usable)


def disable(tx: Transaction, name: SubscriptionName, why: str, now_us: int) -> None:
    """Tell a subscription nothing more until somebody enables it."""
    key = key_of(name)
    stored = objects.find(tx.connection, key)
    if stored is None or stored.body["state"] == "disabled":
        return
    change = Change(now_us, DAEMON, why)
    objects.put(tx, key, {**stored.body, "state": "disabled"}, change)
    deliveries.cancel_all(tx, *name, now_us)
    objects.tell(tx, key, "disabled", change, subscription={"id": name.id}, cause=why)
