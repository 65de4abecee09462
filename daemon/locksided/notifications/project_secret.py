"""The secret of a project, by which receivers know webhooks that jobs themselves ask for."""

from lockside.documents.notification import is_webhook_secret
from locksided.notifications.signature import TWO_SIGN_US, new_secret
from locksided.secrets.vault import Vault
from locksided.store import project_secrets
from locksided.store.catalog.keys import Change
from locksided.store.project_secrets import PROJECT, ProjectSecrets
from locksided.store.sql import Database
from locksided.store.transaction import Transaction


def made(tx: Transaction, project: str) -> None:
    """Make one unless there is one: whoever signs needs it."""
    if project_secrets.find(tx.connection, project, tx.vault).current is None:
        project_secrets.keep(tx, project, ProjectSecrets(new_secret()))


def signing(connection: Database, project: str, now_us: int, vault: Vault) -> tuple[str, ...]:
    """The secrets that sign now: the current one, and for a day the one before it."""
    current, previous, rotated_us = project_secrets.find(connection, project, vault)
    is_new = rotated_us is not None and now_us < rotated_us + TWO_SIGN_US
    found = (current, previous if is_new else None)
    return tuple(secret for secret in found if secret is not None and is_webhook_secret(secret))


def rotate(tx: Transaction, project: str, change: Change) -> str:
    """Make a new secret; the old one signs, too, for a day."""
    old = project_secrets.find(tx.connection, project, tx.vault).current
    fresh = new_secret()
    project_secrets.keep(tx, project, ProjectSecrets(fresh, old, change.time_us))
    tx.event(change.time_us, "notification.rotated", project, principal=change.by, data={"id": PROJECT})
    return fresh
