"""The key of the hashes of documents with secrets.

It is created once and stored encrypted, so that a rotation of keys changes no hash.
"""

import os

from locksided.secrets.keys import HASH_KEY_BYTES, Hasher
from locksided.secrets.vault import HASHES
from locksided.store.reads import meta
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction

HASH_KEY = "hash_key"


def hasher_of(tx: Transaction) -> Hasher:
    """Return the hasher of this store; its key is created if there is none or it cannot be decrypted.

    Raises Unavailable if there is no key to encrypt it.
    """
    stored = meta(tx.connection, HASH_KEY)
    known = None if stored is None else tx.vault.hasher_of(stored)
    if known is not None:
        return known
    made = Hasher(os.urandom(HASH_KEY_BYTES))
    tx.connection.execute(QUERIES["put_meta"], (HASH_KEY, tx.vault.encrypt(made.key.hex(), HASHES)))
    tx.has_new_hash_key = True
    return made
