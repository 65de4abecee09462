"""How many objects of a kind a project may have, where that is limited."""

from locksided.core.errors import Limit
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Key
from locksided.store.rows import StoredRow
from locksided.store.transaction import Transaction


def refuse_too_many(tx: Transaction, key: Key, before: StoredRow | None, most: int | None) -> None:
    """Raise Limit for one more than a project may have of its kind; None is any number."""
    if most is None or (before is not None and not before.deleted):
        return
    if objects.number_of(tx.reading(), key) > most:
        raise Limit(f"A project has at most {most} {key.kind.plural}: delete one first.")
