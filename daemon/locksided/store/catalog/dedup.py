"""Deduplication: which request was carried out under which id, so that a repeat is only answered."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locksided.core.errors import Conflict
from locksided.secrets.vault import Vault
from locksided.store.hashes import hasher_of
from locksided.store.rows import DedupRow, decoded
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


@dataclass(frozen=True, slots=True)
class DedupKey:
    """A deduplication id is unique per project, user and method."""

    project: str
    uid: int
    method: str
    id: str


def dedup(connection: sqlite3.Connection, key: DedupKey) -> DedupRow | None:
    """Return the first request with this id, or None."""
    found = connection.execute(QUERIES["dedup"], (key.project, key.uid, key.method, key.id)).fetchall()
    return decoded(DedupRow, found)[0] if found else None


def remember_dedup(
    tx: Transaction,
    key: DedupKey,
    params_hash: str,
    ref: Mapping[str, Any],
    time_us: int,
    *,
    job_id: int | None = None,
    is_secret: bool = False,
) -> DedupRow | None:
    """Record what a request created and return None; or return the first request, if this one repeats it.

    Raises Conflict if the first had other parameters. The record is kept while `job_id` exists. The hash of
    parameters with secrets (`is_secret`) is keyed before it is stored.
    """
    first = dedup(tx.connection, key)
    if first is not None:
        return same_request(key, first, params_hash, tx.vault)
    stored_hash = hasher_of(tx).marked(params_hash) if is_secret else params_hash
    values = (key.project, key.uid, key.method, key.id, stored_hash, json_text(ref), job_id, time_us)
    tx.connection.execute(QUERIES["insert_dedup"], values)
    return None


def same_request(key: DedupKey, first: DedupRow, params_hash: str, vault: Vault) -> DedupRow:
    """Return `first`. Raises Conflict if the parameters differ."""
    if not agrees(first, params_hash, vault):
        raise Conflict(
            f"deduplicationId {key.id} was used by {key.method} with other parameters: choose a new one",
            path="$.deduplicationId",
            first=first.ref,
        )
    return first


def agrees(first: DedupRow, params_hash: str, vault: Vault) -> bool:
    """Return whether a request had these parameters; True if the key of its hash no longer exists."""
    if ":" not in first.params_hash:
        return first.params_hash == params_hash
    hasher = vault.hasher
    if hasher is None or not first.params_hash.startswith(f"{hasher.name}:"):
        return True
    return first.params_hash == hasher.marked(params_hash)


def move_dedup(tx: Transaction, job_id: int, successor_id: int, ref: Mapping[str, Any]) -> None:
    """Make the successor of `job_id` the answer to repeats of that job's request."""
    tx.connection.execute(QUERIES["move_dedup"], (json_text(ref), successor_id, job_id))
