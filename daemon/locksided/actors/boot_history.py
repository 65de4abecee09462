"""Which starts were in flight when the machine booted: none of them is alive, whatever their claims say."""

from collections.abc import Iterable

from locksided import clock
from locksided.core.saves import SetMeta
from locksided.store.store import Store
from locksided.store.transaction import Transaction

BOOT_ID = "boot_id"
IN_FLIGHT = "in_flight_at_boot"


class BootHistory:
    """The previous boot (None: there was none), the current one, and the tokens in flight in between.

    A token is never used twice, so tokens that have ended do no harm.
    """

    def __init__(self, before: str | None, now: str, in_flight: frozenset[str] = frozenset()) -> None:
        self._before = before
        self._now = now
        self._in_flight = in_flight
        self._is_first_look = True

    @property
    def is_noted(self) -> bool:
        """Whether this boot is stored; nothing may start before that."""
        return self._before == self._now

    def look(self, tokens: Iterable[str]) -> None:
        """Take the tokens in flight, as read from the store; the first ones belong to the previous boot."""
        if self._is_first_look and self._before not in (None, self._now):
            self._in_flight = frozenset(tokens)
        self._is_first_look = False

    def has_ended(self, token: str) -> bool:
        """Whether it was in flight when the machine booted."""
        return token in self._in_flight

    def note(self, tx: Transaction) -> None:
        """Save this boot, and the tokens it ended."""
        tx.save(SetMeta(BOOT_ID, self._now))
        tx.save(SetMeta(IN_FLIGHT, " ".join(sorted(self._in_flight)) or None))

    def noted(self) -> None:
        """Note that the boot is saved."""
        self._before = self._now


async def boot_history(store: Store) -> BootHistory:
    """Return the boot history stored by earlier daemons."""
    in_flight = await store.meta(IN_FLIGHT) or ""
    return BootHistory(await store.meta(BOOT_ID), clock.boot_id(), frozenset(in_flight.split()))
