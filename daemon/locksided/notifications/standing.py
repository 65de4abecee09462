"""Changes of subscriptions: who may change one, the secrets of webhooks, and the receiver of a delivery."""

from collections.abc import Mapping
from typing import Any

from lockside.documents.notification import Email, SubscriptionSpec, Webhook, is_webhook_secret
from lockside.documents.reading import from_store
from lockside.kinds import NOTIFICATION
from lockside.protocol.words import Role
from locksided.core.errors import Conflict, Forbidden
from locksided.notifications.recipients import Receiver
from locksided.notifications.signature import TWO_SIGN_US, new_secret
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.store import deliveries, notifications
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key
from locksided.store.notification_rows import DeliveryRow
from locksided.store.notifications import SubscriptionName, WebhookSecrets
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.transaction import Transaction

SECRET = "#secret"  # noqa: S105 - the member's name
DAEMON: Mapping[str, Any] = {"uid": None, "user": "daemon", "gid": None}


def key_of(name: SubscriptionName) -> Key:
    """Return the key of a subscription among the stored objects."""
    return Key(name.project, NOTIFICATION, (name.id,))


def _name(key: Key) -> SubscriptionName:
    return SubscriptionName(key.project, key.id)


def refuse_others(connection: Database, key: Key, who: Principal) -> None:
    """Raise Forbidden for a subscription of another user."""
    owner = notifications.owner_of(connection, _name(key))
    if owner is None or who.role is Role.ADMIN or owner.get("uid") == who.uid:
        return
    user = owner.get("user")
    raise Forbidden(
        f"{key} belongs to {user}: only {user} or an admin can do that.", path=key.path(), owner=user
    )


def changed(tx: Transaction, key: Key, _before: StoredRow | None, after: StoredRow, change: Change) -> None:
    """Let a new subscription start with the next event, and create a secret if none is given."""
    name = _name(key)
    if notifications.owner_of(tx.connection, name) is None:
        notifications.add(tx, name, change.by)
    if after.body["state"] == "disabled":
        deliveries.cancel_all(tx, *name, change.time_us)
    if after.body["recipient"]["channel"] != "webhook":
        return
    secrets = notifications.secrets_of(tx.connection, name, tx.vault)
    if _is_given(after) and secrets.made is not None:
        notifications.keep_secrets(tx, name, secrets._replace(made=None))
    elif not _is_given(after) and secrets.made is None:
        notifications.keep_secrets(tx, name, secrets._replace(made=new_secret(), is_shown=False))


def _is_given(stored: StoredRow) -> bool:
    """Return whether the document contains a secret of its own."""
    return stored.body["recipient"].get(SECRET) is not None


def deleted(tx: Transaction, key: Key, change: Change) -> None:
    """Remove a subscription and its pending deliveries."""
    notifications.remove(tx, _name(key), change.time_us)


def reveal(tx: Transaction, name: SubscriptionName) -> str | None:
    """Return the secret that lockside created, for the first answer that may contain it; then None."""
    secrets = notifications.secrets_of(tx.connection, name, tx.vault)
    if secrets.made is None or secrets.is_shown:
        return None
    notifications.keep_secrets(tx, name, secrets._replace(is_shown=True))
    return secrets.made


def rotate(tx: Transaction, name: SubscriptionName, change: Change) -> str:
    """Replace the secret; the old one also signs for a day. Raises NotFound without such a subscription."""
    key, secrets = key_of(name), notifications.secrets_of(tx.connection, name, tx.vault)
    stored = objects.get(tx.connection, key)
    if stored.body["recipient"]["channel"] != "webhook":
        raise Conflict(f"{key} has no secret: only webhooks are signed.", path="$.id")
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
    """Return the secret that signs now."""
    recipient = vault.opened_if_possible(stored.body["recipient"], name.place)
    return recipient.get(SECRET) or secrets.made


def receiver(connection: Database, name: SubscriptionName, now_us: int, vault: Vault) -> Receiver | None:
    """Return the current receiver of a subscription's notifications; None if there is none."""
    stored = objects.find(connection, key_of(name))
    if stored is None:
        return None
    body = vault.opened_if_possible(stored.body, name.place)
    recipient = from_store(body, SubscriptionSpec).recipient
    if not isinstance(recipient, Webhook):
        return Receiver(recipient)
    secrets = notifications.secrets_of(connection, name, vault)
    return Receiver(recipient, _signing(recipient.secret or secrets.made, secrets, now_us))


def _signing(current: str | None, secrets: WebhookSecrets, now_us: int) -> tuple[str, ...]:
    """Return the secrets that sign now: two for a day after a rotation; none that could not be decrypted."""
    is_rotated = secrets.rotated_us is not None and now_us < secrets.rotated_us + TWO_SIGN_US
    found = (current, secrets.previous if is_rotated else None)
    return tuple(secret for secret in found if secret is not None and is_webhook_secret(secret))


def project_name(project: str) -> SubscriptionName:
    """Return the name under which the secret of a project is stored, beside those of subscriptions."""
    return SubscriptionName(project, "")


def have_project_secret(tx: Transaction, project: str) -> None:
    """Create the secret of a project if it has none."""
    name = project_name(project)
    if notifications.owner_of(tx.connection, name) is None:
        notifications.add(tx, name, DAEMON)
        notifications.keep_secrets(tx, name, WebhookSecrets(new_secret(), is_shown=True))


def rotate_project(tx: Transaction, project: str, now_us: int) -> str:
    """Replace the secret of a project; the old one also signs for a day."""
    have_project_secret(tx, project)
    name, fresh = project_name(project), new_secret()
    old = notifications.secrets_of(tx.connection, name, tx.vault)
    notifications.keep_secrets(tx, name, WebhookSecrets(fresh, old.made, is_shown=True, rotated_us=now_us))
    return fresh


def own_receiver(connection: Database, row: DeliveryRow, now_us: int, vault: Vault) -> Receiver:
    """Return the receiver of a job's own notification, signed by the project."""
    if row.channel == "email":
        return Receiver(Email(address=row.receiver))
    secrets = notifications.secrets_of(connection, project_name(row.project), vault)
    return Receiver(Webhook(url=row.url), _signing(secrets.made, secrets, now_us))


def receiver_of(connection: Database, row: DeliveryRow, now_us: int, vault: Vault) -> Receiver | None:
    """Return the receiver of a delivery; None for a subscription that was deleted."""
    if row.subscription is None:
        return own_receiver(connection, row, now_us, vault)
    return receiver(connection, SubscriptionName(row.project, row.subscription), now_us, vault)


def disable(tx: Transaction, name: SubscriptionName, why: str, now_us: int) -> None:
    """Send nothing more to a subscription until a user enables it."""
    key = key_of(name)
    stored = objects.find(tx.connection, key)
    if stored is None or stored.body["state"] == "disabled":
        return
    change = Change(now_us, DAEMON, why)
    objects.put(tx, key, {**stored.body, "state": "disabled"}, change)
    deliveries.cancel_all(tx, *name, now_us)
    objects.tell(tx, key, "disabled", change, subscription={"id": name.id}, cause=why)
