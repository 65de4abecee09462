"""Whether jobs can be accepted and started. Whether the store can be written is tried."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Final

from anyio import Lock

from lockside.protocol.types.daemon import Health
from locksided import clock
from locksided.actors.loader import NOT_YET
from locksided.api.service import Service
from locksided.core.errors import Unavailable
from locksided.core.saves import SetMeta
from locksided.store.transaction import Transaction

FRESH_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 3.0
LEAST_FREE_BYTES: Final = 1 << 16
MARK: Final = "health"


class HealthCheck:
    """Remembers what it found for a moment, so that nobody keeps the disk busy by asking."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = Lock()
        self._causes: list[str] = []
        self._checked_us: int | None = None

    async def now(self) -> Health:
        """How it is now, or was a moment ago."""
        async with self._lock:
            now_us = clock.real_boot_us()
            if self._checked_us is None or now_us - self._checked_us > FRESH_SECONDS * clock.SECOND_US:
                self._causes = [cause async for cause in self._of_store()]
                self._checked_us = clock.real_boot_us()
            causes = [*self._causes, *self._of_executors()]
        return Health(status="unavailable" if causes else "ready", causes=causes)

    async def _of_store(self) -> AsyncIterator[str]:
        root = self._service.state_dir.root
        if _free_bytes(str(root)) < LEAST_FREE_BYTES:
            yield f"The disk of {root} is full."
        self._service.scheduler.try_store_again()
        try:
            with clock.real_fail_after(PATIENCE_SECONDS):
                await self._service.scheduler.ask(_written)
        except Unavailable as refusal:
            yield refusal.message
        except TimeoutError:
            yield f"The store has not written anything for {PATIENCE_SECONDS:g} seconds."

    def _of_executors(self) -> Iterator[str]:
        if not self._service.backend.is_up:
            cause = self._service.backend.keepers.cause or NOT_YET
            yield f"The keeper, which starts jobs, cannot be reached: {cause}."


def _free_bytes(path: str) -> int:
    """What this user may still write; some of it is root's alone."""
    found = os.statvfs(path)
    return (found.f_bavail if os.geteuid() else found.f_bfree) * found.f_frsize


def _written(tx: Transaction) -> None:
    tx.save(SetMeta(MARK, str(clock.now_us())))
