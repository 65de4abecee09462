"""The stored cipher texts: counting them by key, re-encrypting them, and encrypting plain values.

Each changing function processes one small part of a table; repeating it changes nothing.
"""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from lockside.documents.secrets import PREFIX, may_have_secrets
from lockside.kinds import KINDS
from locksided.secrets.places import Place
from locksided.secrets.vault import Unfit, Vault
from locksided.store.catalog.keys import ConfigId, Key
from locksided.store.hashes import HASH_KEY, hasher_of
from locksided.store.reads import meta
from locksided.store.schema import version
from locksided.store.sql import QUERIES, migrations
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text, put_spec

ROWS_AT_ONCE = 100
HAS_PLAIN = "has_plain_secrets"
"""A stored fact: an upgrade left plain secrets; it is deleted when all are encrypted."""
IS_UNDER_WAY = "is_reencrypting"
"""A stored fact: values are being re-encrypted with the newest key; it is deleted when all are."""

_ENCRYPTED_SINCE = next(n for n, text in enumerate(migrations(), 1) if HAS_PLAIN in text)
"""The first schema in which no secret is stored in plain."""
_CIPHER = re.compile(rf"{PREFIX}[a-z]+:([0-9a-f]{{8}}):[A-Za-z0-9_=-]+")
_MARK_OF_CIPHERS = f'"{PREFIX}'
_MARK_OF_SECRETS = '"#'


class Part(NamedTuple):
    """How many values of a table were encrypted, and the row after which to continue (None: the end)."""

    values: int
    after: int | None


class _Table(NamedTuple):
    """A table with encrypted bodies: its statements; `title` names a row by the columns after its body."""

    title: str
    rows: str
    update: str


TABLES = (
    _Table("{1} {3} ({2}) of project {0}", QUERIES["object_secrets"], QUERIES["update_object_body"]),
    _Table("state of {2}/{3} of project {0}", QUERIES["state_secrets"], QUERIES["update_state_body"]),
    _Table(
        "earlier state of {2}/{3} of project {0}",
        QUERIES["earlier_state_secrets"],
        QUERIES["update_earlier_state_body"],
    ),
    _Table(
        "webhook of subscription {1} of project {0}",
        QUERIES["webhook_secrets"],
        QUERIES["update_webhook_secrets"],
    ),
    _Table("a job's specification or environment", QUERIES["spec_secrets"], QUERIES["update_spec_body"]),
)
"""All tables that can hold cipher texts; the key of the hashes is separate."""


def uses_of_keys(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the values encrypted with each key, by their locations."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key_id in _CIPHER.findall(meta(connection, HASH_KEY) or ""):
        found[key_id].append("the key of the hashes")
    for table in TABLES:
        for _, body, *where in connection.execute(table.rows, _from(0, _MARK_OF_CIPHERS, -1)):
            for key_id in _CIPHER.findall(_text(body)):
                found[key_id].append(table.title.format(*where))
    return dict(found)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many values are encrypted with each key."""
    return {key_id: len(places) for key_id, places in uses_of_keys(connection).items()}


def has_secrets(connection: sqlite3.Connection) -> bool:
    """Return whether anything is stored that is, or should be, encrypted."""
    return connection.execute(QUERIES["has_secrets"]).fetchone() is not None


def plain_databases(folder: Path) -> list[Path]:
    """Return the databases below a folder that have plain secrets."""
    return [path for path in sorted(folder.rglob("*.db")) if _has_plain(path)]


def _has_plain(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
            is_old = version(connection) < _ENCRYPTED_SINCE or meta(connection, HAS_PLAIN) is not None
            return is_old and has_secrets(connection)
    except sqlite3.Error:
        return False  # not our database, or damaged


def reencrypt(table: _Table, after: int, tx: Transaction) -> Part:
    """Re-encrypt a part of a table with the newest key. Raises Unavailable without a key."""
    rows = tx.reading().execute(table.rows, _from(after, _MARK_OF_CIPHERS)).fetchall()
    values = 0
    for row_id, body, *_ in rows:
        text, number = _reencrypted(tx.vault, _text(body))
        if number:
            stored = text.encode() if isinstance(body, bytes) else text
            tx.connection.execute(table.update, (stored, row_id))
            values += number
    return _part(values, rows)


def reencrypt_hash_key(tx: Transaction) -> int:
    """Re-encrypt the key of the hashes with the newest key; returns how many values changed."""
    stored = meta(tx.connection, HASH_KEY)
    if stored is None:
        return 0
    text, number = _reencrypted(tx.vault, stored)
    if number:
        tx.connection.execute(QUERIES["put_meta"], (HASH_KEY, text))
        tx.has_new_hash_key = True
    return number


def _reencrypted(vault: Vault, text: str) -> tuple[str, int]:
    number = 0

    def again(found: re.Match[str]) -> str:
        nonlocal number
        made = vault.reencrypted(found[0])
        number += made != found[0]
        return made

    return _CIPHER.sub(again, text), number


# -- plain values of earlier releases ---------------------------------------------------------------------


def encrypt_objects(after: int, tx: Transaction) -> Part:
    """Encrypt the plain secrets of a part of the stored objects."""

    def place(project: str, kind: str, scope: str, object_id: str) -> Place:
        return Key.at(project, KINDS[kind], scope, object_id).place

    return _encrypt(tx, TABLES[0], after, place)


def encrypt_states(after: int, tx: Transaction) -> Part:
    """Encrypt the plain secrets of a part of the states."""
    return _encrypt(tx, TABLES[1], after, _place_of_state)


def encrypt_earlier_states(after: int, tx: Transaction) -> Part:
    """Encrypt the plain secrets of a part of the replaced states."""
    return _encrypt(tx, TABLES[2], after, _place_of_state)


def _place_of_state(project: str, branch: str, component: str, config: str) -> Place:
    return ConfigId(component, config, branch, project).place


def _encrypt(tx: Transaction, table: _Table, after: int, place: Callable[..., Place]) -> Part:
    rows = tx.reading().execute(table.rows, _from(after, _MARK_OF_SECRETS)).fetchall()
    values = 0
    for row_id, body, *where in rows:
        document = msgspec.json.decode(body)
        sealed = json_text(tx.vault.seal(document, place(*where), unfit=Unfit.ENCRYPT))
        number = _new_ciphers(sealed, body)
        if number:
            tx.connection.execute(table.update, (sealed, row_id))
            values += number
    return _part(values, rows)


def encrypt_specs(after: int, tx: Transaction) -> Part:
    """Encrypt the plain secrets of a part of the specifications, and whole environments.

    Each project gets its own copy, under a keyed hash.
    """
    rows = tx.reading().execute(QUERIES["plain_specs"], _from(after, _MARK_OF_SECRETS)).fetchall()
    values = 0
    for _, body, name, is_environment in rows:
        document = msgspec.json.decode(body)
        if not isinstance(document, str) and (is_environment or may_have_secrets(body)):
            values += _encrypt_spec(tx, name, document, is_whole=bool(is_environment))
    return _part(values, rows)


def _encrypt_spec(tx: Transaction, name: str, document: Any, *, is_whole: bool) -> int:
    values = 0
    for project, component in tx.connection.execute(QUERIES["projects_of_spec"], {"hash": name}).fetchall():
        place = Place.of_jobs(project, component or "")
        if is_whole:
            sealed = tx.vault.encrypt(document, place) if document else document
        else:
            sealed = tx.vault.seal(document, place, unfit=Unfit.ENCRYPT)
        text = msgspec.json.encode(sealed)
        number = _new_ciphers(text.decode(), msgspec.json.encode(document).decode())
        if number:
            hashed = hasher_of(tx).of_project(project, name)
            put_spec(tx.connection, hashed, text)
            names = {"new": hashed, "old": name, "project": project}
            tx.connection.execute(QUERIES["rename_spec"], names)
            tx.connection.execute(QUERIES["rename_environment"], names)
            values += number
    tx.connection.execute(QUERIES["delete_spec_unless_used"], {"hash": name})
    return values


def key_hashes(_after: int, tx: Transaction) -> Part:
    """Replace a part of the plain deduplication hashes by keyed ones."""
    rows = tx.reading().execute(QUERIES["plain_hashes"], {"limit": ROWS_AT_ONCE}).fetchall()
    for *key, stored in rows:
        tx.connection.execute(QUERIES["set_params_hash"], (hasher_of(tx).marked(stored), *key))
    return Part(0, 0 if len(rows) == ROWS_AT_ONCE else None)


# -- helpers ----------------------------------------------------------------------------------------------


def _from(after: int, mark: str, limit: int = ROWS_AT_ONCE) -> dict[str, Any]:
    return {"after": after, "mark": mark, "limit": limit}


def _part(values: int, rows: list[Any]) -> Part:
    return Part(values, rows[-1][0] if len(rows) == ROWS_AT_ONCE else None)


def _text(body: str | bytes) -> str:
    return body if isinstance(body, str) else body.decode()


def _new_ciphers(sealed: str, before: str) -> int:
    return len(_CIPHER.findall(sealed)) - len(_CIPHER.findall(before))
