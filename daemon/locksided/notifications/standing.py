"""Subscriptions as they change: who may change one, the secrets of webhooks, and whom a delivery goes to."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lockside.kinds import NOTIFICATION
from lockside.protocol.words import Role
from locksided.catalog.views import View, described_view
from locksided.core.errors import Forbidden, NotFound
from locksided.notifications.signature import TWO_SIGN_US, new_secret
from locksided.server.access import Principal
from locksided.store import notifications
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key
from locksided.store.notifications import Standing, SubscriptionName
from locksided.store.rows import DeliveryRow, StoredRow
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


def shown(stored: StoredRow) -> View:
    """A subscription without its secret, which only the answer has that made it."""
    view = described_view(stored)
    recipient = {name: value for name, value in view["recipient"].items() if name != SECRET}
    return {**view, "recipient": recipient}


def refuse_others(connection: Database, key: Key, who: Principal) -> None:
    """Raise Forbidden for a subscription that is another's."""
    standing = notifications.standing(connection, _name(key))
    if standing is None or who.role is Role.ADMIN or standing.owner.get("uid") == who.uid:
        return
    owner = standing.owner.get("user")
    text = f"{key} belongs to {owner}: only {owner} or an admin can do that."
    raise Forbidden(text, path=key.path(), owner=owner)


def changed(tx: Transaction, key: Key, _before: StoredRow | None, after: StoredRow, change: Change) -> None:
    """Have a new subscription hear from now on, and make a secret where none is given."""
    name = _name(key)
    standing = notifications.standing(tx.connection, name)
    if standing is None:
        notifications.add(tx, name, change.by)
    if SECRET not in given(after) and (standing is None or standing.secret is None):
        notifications.keep_secret(tx, name, new_secret(), is_shown=False)
    elif SECRET in given(after) and standing is not None and standing.secret is not None:
        notifications.keep_secret(tx, name, None, is_shown=False)
    if after.body["state"] == "disabled":
        notifications.cancel_all(tx, name, change.time_us)


def given(stored: StoredRow) -> dict[str, Any]:
    """The recipient as it was put; a member that is null was not given."""
    return {name: value for name, value in stored.body["recipient"].items() if value is not None}


def deleted(tx: Transaction, key: Key, change: Change) -> None:
    """Forget a subscription and what it was to be told."""
    notifications.remove(tx, _name(key), change.time_us)


def reveal(tx: Transaction, name: SubscriptionName) -> str | None:
    """The secret that lockside made, for the first answer that can have it."""
    standing = notifications.standing(tx.connection, name)
    if standing is None or standing.secret is None or standing.is_shown:
        return None
    notifications.keep_secret(tx, name, standing.secret, is_shown=True)
    return standing.secret


def rotate(tx: Transaction, name: SubscriptionName, change: Change) -> str:
    """Replace the secret; the old one signs, too, for a day. NotFound without such a subscription."""
    key, standing = key_of(name), notifications.standing(tx.connection, name)
    stored = objects.get(tx.connection, key)
    if standing is None:
        raise NotFound(f"there is no {key}", path=key.path())
    fresh, old = new_secret(), given(stored).get(SECRET) or standing.secret
    if SECRET in given(stored):
        recipient = {**stored.body["recipient"], SECRET: fresh}
        objects.put(tx, key, {**stored.body, "recipient": recipient}, change)
    else:
        notifications.keep_secret(tx, name, fresh, is_shown=True)
    notifications.keep_previous(tx, name, old, change.time_us)
    objects.tell(tx, key, "rotated", change)
    return fresh


def receiver(connection: Database, name: SubscriptionName, now_us: int) -> Receiver | None:
    """Whom a subscription's notifications go to now; None when there is none."""
    stored = objects.find(connection, key_of(name))
    standing = notifications.standing(connection, name)
    if stored is None or standing is None:
        return None
    current = given(stored).get(SECRET) or standing.secret
    signing = (current, _still_signing(standing, now_us))
    return Receiver(given(stored)["url"], tuple(secret for secret in signing if secret is not None))


def receiver_of(connection: Database, row: DeliveryRow, now_us: int) -> Receiver | None:
    """Whom a delivery goes to now."""
    return receiver(connection, SubscriptionName(row.project, row.subscription), now_us)


def _still_signing(standing: Standing, now_us: int) -> str | None:
    if standing.rotated_us is None or now_us >= standing.rotated_us + TWO_SIGN_US:
        return None
    return standing.previous


def disable(tx: Transaction, name: SubscriptionName, why: str, now_us: int) -> None:
    """Tell a subscription nothing more until somebody enables it."""
    key = key_of(name)
    stored = objects.find(tx.connection, key)
    if stored is None or stored.body["state"] == "disabled":
        return
    change = Change(now_us, DAEMON, why)
    objects.put(tx, key, {**stored.body, "state": "disabled"}, change)
    notifications.cancel_all(tx, name, now_us)
    objects.tell(tx, key, "disabled", change, subscription={"id": name.id}, cause=why)
