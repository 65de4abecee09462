"""How many objects of a kind a project may have, where that is limited."""

from locksided.core.errors import Limit
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key
from locksided.store.rows import StoredRow
from locksided.store.transaction import Transaction

MOST_OF_A_PROJECT = 1000


def refuse_too_many(
    tx: Transaction, key: Key, before: StoredRow | None, _after: StoredRow, _change: Change
) -> None:
    """Raise Limit for one more than a project may have of its kind."""
    if before is not None and not before.deleted:
        return
    if objects.number_of(tx.reading(), key) > MOST_OF_A_PROJECT:
        plural = key.kind.plural
        raise Limit(f"A project has at most {MOST_OF_A_PROJECT} {plural}: delete one first.")
