"""Tokens, stored as hashes of their secrets. A revoked token is deleted; its id is never reused."""

from typing import Any

from locksided.store import cursors
from locksided.store.paging import PageRequest, Slice, first_of, row_bytes
from locksided.store.rows import decoded
from locksided.store.sql import QUERIES, Database
from locksided.store.token_rows import TokenRow
from locksided.store.transaction import Transaction

_ORDER = "tokens"


def add(tx: Transaction, **values: Any) -> int:
    """Store a new token; returns its id."""
    return int(tx.connection.execute(QUERIES["insert_token"], values).lastrowid or 0)


def find(connection: Database, token_id: int) -> TokenRow | None:
    """Return one token, or None."""
    found = decoded(TokenRow, connection.execute(QUERIES["token"], (token_id,)).fetchall())
    return found[0] if found else None


def page(connection: Database, project: str, uid: int | None, request: PageRequest) -> Slice[TokenRow]:
    """Return a page of a project's tokens, those of one user or all. Invalid for an invalid cursor."""
    (after,) = cursors.read(request.cursor, _ORDER, tuple[cursors.Integer]) or (0,)
    rows = connection.execute(QUERIES["tokens"], {"project": project, "uid": uid, "after": after})
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(TokenRow, taken), has_more, lambda row: cursors.written(_ORDER, row.id))


def remove(tx: Transaction, token_id: int) -> list[int]:
    """Delete a token and those that were created with it; returns their ids."""
    return [row[0] for row in tx.connection.execute(QUERIES["delete_token"], {"id": token_id}).fetchall()]


def prune(tx: Transaction, before_us: int) -> None:
    """Delete tokens that expired before this time."""
    tx.connection.execute(QUERIES["prune_tokens"], (before_us,))
