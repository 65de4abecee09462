"""The secrets of projects, encrypted: they sign the webhooks that jobs themselves ask for."""

from typing import NamedTuple

import msgspec

from locksided.secrets.places import Place, Scope
from locksided.secrets.vault import Vault
from locksided.store.sql import QUERIES, Database
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

PROJECT = "project"
"""What stands for the whole project where else the id of a subscription stands; no subscription has it."""
_CURRENT, _PREVIOUS = "#current", "#previous"


class ProjectSecrets(NamedTuple):
    """The secret that signs, the one that was replaced last, and when."""

    current: str | None = None
    previous: str | None = None
    rotated_us: int | None = None


def find(connection: Database, project: str, vault: Vault) -> ProjectSecrets:
    """The secrets of a project; one that cannot be decrypted is still encrypted."""
    row = connection.execute(QUERIES["project_secrets"], (project,)).fetchone()
    if row is None:
        return ProjectSecrets()
    plain = vault.opened_if_possible(msgspec.json.decode(row[0]), _place(project))
    return ProjectSecrets(plain.get(_CURRENT), plain.get(_PREVIOUS), row[1])


def keep(tx: Transaction, project: str, secrets: ProjectSecrets) -> None:
    """Store the secrets of a project, encrypted."""
    plain = {_CURRENT: secrets.current, _PREVIOUS: secrets.previous}
    sealed = tx.vault.seal(plain, _place(project))
    tx.connection.execute(QUERIES["put_project_secrets"], (project, json_text(sealed), secrets.rotated_us))


def _place(project: str) -> Place:
    return Place(Scope.SUBSCRIPTION, (project, PROJECT))
