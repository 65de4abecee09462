"""Re-encrypts stored values: with a new key, or plain values of an earlier release.

It uses small transactions, between which all other work continues. The start is saved first, so a daemon that
was killed in the middle continues at its next start.
"""

from collections.abc import Callable
from functools import partial

import anyio
import structlog

from locksided import clock, threads
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.core.saves import SetMeta
from locksided.secrets.keys import Key
from locksided.store import ciphers
from locksided.store.ciphers import HAS_PLAIN, IS_UNDER_WAY, Part
from locksided.store.errors import StoreUnavailable
from locksided.store.store import Store
from locksided.store.transaction import Transaction

RETRY_SECONDS = 60.0

log = structlog.get_logger("secrets")

Work = Callable[[int, Transaction], Part]
"""Processes the next part of a table, after a given row."""


class Reencryption:
    """Runs one re-encryption at a time."""

    def __init__(self, store: Store, scheduler: SchedulerActor) -> None:
        self._store = store
        self._scheduler = scheduler
        self._lock = anyio.Lock()

    async def run(self) -> None:
        """Finish what an upgrade or an earlier daemon left unfinished; on failure try again later."""
        while True:
            try:
                await self._finish()
            except (Refused, StoreUnavailable, OSError) as error:
                log.error("what is stored cannot be encrypted now", cause=str(error))
                await clock.sleep(RETRY_SECONDS)
            else:
                return

    async def _finish(self) -> None:
        async with self._lock:  # another request waits for this one
            if await self._store.meta(HAS_PLAIN) is not None:
                await self._encrypt_plain()
            if await self._store.meta(IS_UNDER_WAY) is not None:
                await self._reencrypt()

    async def _encrypt_plain(self) -> None:
        """Encrypt all plain secrets, then overwrite the free pages that held them."""
        if not await self._store.read_patiently(ciphers.has_secrets):
            await self._note(HAS_PLAIN, None)
            return
        works = (
            ciphers.key_hashes,
            ciphers.encrypt_objects,
            ciphers.encrypt_states,
            ciphers.encrypt_earlier_states,
            ciphers.encrypt_specs,
        )
        values = sum([await self._all_of(work) for work in works])
        await self._store.empty_free_pages()
        await self._note(HAS_PLAIN, None)
        log.info("the secrets of an earlier release are encrypted", values=values)

    async def rotate(self) -> tuple[Key, int]:
        """Add a new key, and re-encrypt everything with it. Raises Conflict for a foreign key file."""
        async with self._lock:
            self._store.vault.keys.check_can_rotate()
            await self._note(IS_UNDER_WAY, "1")
            key = await threads.run_sync(self._store.vault.keys.rotate)
            return key, await self._reencrypt()

    async def reencrypt(self) -> int:
        """Re-encrypt all values that do not use the newest key; returns their number."""
        async with self._lock:
            await self._note(IS_UNDER_WAY, "1")
            return await self._reencrypt()

    async def _reencrypt(self) -> int:
        values: int = await self._scheduler.ask(ciphers.reencrypt_hash_key)
        for table in ciphers.TABLES:
            values += await self._all_of(partial(ciphers.reencrypt, table))
        await self._note(IS_UNDER_WAY, None)
        return values

    async def _all_of(self, work: Work) -> int:
        values, after = 0, 0
        while True:
            part: Part = await self._scheduler.ask(partial(work, after))
            values += part.values
            if part.after is None:
                return values
            after = part.after

    async def _note(self, name: str, value: str | None) -> None:
        await self._scheduler.ask(lambda tx: tx.save(SetMeta(name, value)))
