"""Asides: the record of each program that runs outside of jobs, until its outcome is delivered."""

import sqlite3

from locksided.store.rows import AsideRow, decoded
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


def asides(connection: sqlite3.Connection) -> list[AsideRow]:
    """Return all asides that are not delivered."""
    return decoded(AsideRow, connection.execute(QUERIES["asides"]).fetchall())


def count(connection: sqlite3.Connection, purpose: str) -> int:
    """Return how many asides of a purpose are not delivered."""
    (found,) = connection.execute(QUERIES["asides_of_purpose"], (purpose,)).fetchone()
    return int(found)


def record(tx: Transaction, row: AsideRow) -> None:
    """Record an aside before it starts."""
    account = None if row.account is None else json_text(row.account)
    values = (row.token, row.purpose, json_text(row.reference), account, row.created_us)
    tx.connection.execute(QUERIES["insert_aside"], values)


def forget(tx: Transaction, token: str) -> bool:
    """Delete an aside; returns False if that was done before."""
    return tx.connection.execute(QUERIES["delete_aside"], (token,)).rowcount == 1
