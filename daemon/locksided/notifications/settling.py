"""Applies a courier's reports to its deliveries: delivered, dead, or due again later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import msgspec

from lockside.documents.notification import NotifiedEvent
from locksided import clock
from locksided.actors.messages import Write
from locksided.notifications.standing import disable
from locksided.settings import NotificationSettings
from locksided.store import deliveries
from locksided.store.notification_rows import DeliveryRow
from locksided.store.notifications import SubscriptionName
from locksided.store.transaction import Transaction

GONE = 410
LONGEST_RETRY_SECONDS = 86_400.0
NOT_BEGUN_SECONDS = 5.0
"""The pause before the next courier if one has begun no delivery."""
DEAD_IN_A_ROW, DEAD_WITHIN_US = 3, 5 * 86_400 * clock.SECOND_US
ONCE = NotifiedEvent.DAEMON_ALIVE.value
"""Tried once: the next one has newer data. Its failure may be the receiver's test, so it disables nothing."""
UNKNOWN = "the courier ended before there was an answer"


class Ended(msgspec.Struct, frozen=True, rename="camel"):
    """A courier's line about the end of a delivery. `time` is the machine's, in microseconds."""

    ended: int
    time: int
    seconds: float
    status_code: int | None = None
    error: str | None = None
    retry_after: float | None = None
    is_final: bool = False

    @property
    def is_delivered(self) -> bool:
        """Return whether the receiver accepted it."""
        if self.status_code is None:
            return self.error is None
        return 200 <= self.status_code < 300

    def attempt(self) -> dict[str, Any]:
        """Return it as an attempt of its delivery."""
        return {
            "time": clock.to_text(clock.seen_us(self.time)),
            "seconds": self.seconds,
            "statusCode": self.status_code,
            "error": self.error if self.error or self.is_delivered else f"status {self.status_code}",
        }


@dataclass(frozen=True, slots=True)
class Reports:
    """A courier's output: which deliveries it began, and the ends of those that ended."""

    ended: Mapping[int, Ended]
    begun: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def read(cls, said: bytes) -> Self:
        """Parse the lines; a courier that was killed may have left an incomplete one."""
        ended, begun = {}, set()
        for line in said.splitlines():
            try:
                members = msgspec.json.decode(line)
                if "begun" in members:
                    begun.add(int(members["begun"]))
                else:
                    one = msgspec.convert(members, Ended)
                    ended[one.ended] = one
            except (msgspec.MsgspecError, TypeError, ValueError):
                continue
        return cls(ended, frozenset(begun))

    def of(self, delivery_id: int) -> Ended | None:
        """Return the result of a delivery; None if it was not begun."""
        if delivery_id in self.ended or delivery_id not in self.begun:
            return self.ended.get(delivery_id)
        return Ended(delivery_id, clock.real_now_us(), 0.0, error=UNKNOWN)


def settled(rows: Sequence[DeliveryRow], reports: Reports, settings: NotificationSettings) -> Write:
    """Return the write for a courier's deliveries."""
    return partial(_write, rows, reports, settings)


def _write(
    rows: Sequence[DeliveryRow], reports: Reports, settings: NotificationSettings, tx: Transaction
) -> None:
    now_us = clock.now_us()
    again_us = now_us if reports.begun else now_us + round(NOT_BEGUN_SECONDS * clock.SECOND_US)
    for row in rows:
        ended = reports.of(row.id)
        if ended is None:
            deliveries.settle(tx, row, "pending", row.attempts, next_us=again_us)
        else:
            _settle(tx, row, ended, now_us, settings)


def _settle(
    tx: Transaction, row: DeliveryRow, ended: Ended, now_us: int, settings: NotificationSettings
) -> None:
    attempts = [*row.attempts, ended.attempt()]
    delays = () if row.event == ONCE else settings.attempts_seconds
    delay_seconds = _delay(ended, len(attempts), delays)
    if ended.is_delivered:
        deliveries.settle(tx, row, "delivered", attempts, ended_us=now_us)
        tell(tx, row, "delivered", now_us, attempt=len(attempts), statusCode=ended.status_code)
    elif delay_seconds is None:
        deliveries.settle(tx, row, "dead", attempts, ended_us=now_us)
        tell(tx, row, "dead", now_us, attempt=len(attempts), **_why(ended))
        _disable_if_dead(tx, row, ended, now_us)
    else:
        next_us = now_us + round(delay_seconds * clock.SECOND_US)
        deliveries.settle(tx, row, "pending", attempts, next_us=next_us)
        tell(tx, row, "failed", now_us, attempt=len(attempts), **_why(ended))


def _why(ended: Ended) -> dict[str, Any]:
    return {"statusCode": ended.status_code, "error": ended.attempt()["error"]}


def _delay(ended: Ended, attempts: int, delays_seconds: Sequence[float]) -> float | None:
    """Return the delay of the next attempt; None if there is none."""
    if ended.is_final or attempts > len(delays_seconds):
        return None
    return max(delays_seconds[attempts - 1], min(ended.retry_after or 0.0, LONGEST_RETRY_SECONDS))


def _disable_if_dead(tx: Transaction, row: DeliveryRow, ended: Ended, now_us: int) -> None:
    """Disable a subscription whose receiver is gone, or has accepted nothing for days."""
    if row.subscription is None:
        return
    name = SubscriptionName(row.project, row.subscription)
    count = partial(deliveries.count_since, tx.connection, row, since_us=now_us - DEAD_WITHIN_US)
    if ended.status_code == GONE:
        disable(tx, name, "the receiver answered 410", now_us)
    elif row.event != ONCE and count("dead") >= DEAD_IN_A_ROW and not count("delivered"):
        disable(tx, name, f"{DEAD_IN_A_ROW} deliveries are dead", now_us)


def tell(tx: Transaction, row: DeliveryRow, what: str, now_us: int, **data: Any) -> None:
    """Add an event about a delivery."""
    about = {"delivery": {"id": str(row.id)}, "subscription": {"id": row.subscription}, "event": row.event}
    job = None if row.job_id is None else str(row.job_id)
    tx.event(now_us, f"notification.{what}", row.project, data={**about, "job": job, **data})
