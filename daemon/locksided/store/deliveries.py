"""Deliveries: the messages, their receivers, their couriers, and their results."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from locksided.store import cursors
from locksided.store.notification_rows import DeliveryRow
from locksided.store.paging import PageRequest, Slice, first_of, row_bytes
from locksided.store.rows import EventRow, decoded
from locksided.store.sql import QUERIES, Database
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

MINUTE_US = 60_000_000


class OwnDelivery(NamedTuple):
    """A notification in a job's request: its index there, and the URL with its placeholders filled in."""

    place: int
    channel: str
    receiver: str
    url: str


class Rate(NamedTuple):
    """The limits for one receiver: messages at once, and messages per minute."""

    at_once: int
    per_minute: int


class Waiting(NamedTuple):
    """A receiver with pending messages and no active courier, and when the first is due."""

    receiver_id: int
    channel: str
    next_us: int


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; None or empty does not restrict. Times are of their creation."""

    project: str
    subscription: str | None = None
    job_id: int | None = None
    statuses: Sequence[str] = ()
    from_us: int | None = None
    to_us: int | None = None


# -- creating deliveries ----------------------------------------------------------------------------------


def add_notice(tx: Transaction, name: str, event: EventRow, body: bytes, now_us: int) -> int:
    """Store the message about an event, shared by its receivers; returns its number."""
    values = (event.project, name, event.seq, event.job_id, body.decode(), now_us)
    return int(tx.connection.execute(QUERIES["insert_notice"], values).lastrowid or 0)


def add_all(tx: Transaction, to: tuple[str, str, Sequence[str]], notices: Sequence[int], now_us: int) -> None:
    """Create deliveries of notices of a project through a channel to several subscriptions, due now."""
    project, channel, names = to
    receivers = json_text(names)
    tx.connection.execute(QUERIES["insert_receivers"], (project, receivers))
    alike = {"project": project, "channel": channel, "receivers": receivers, "now_us": now_us}
    values = {**alike, "notices": json_text(notices)}
    tx.connection.execute(QUERIES["insert_deliveries"], values)


def add_gathered(
    tx: Transaction, project: str, notice: int, to: tuple[str, str], seconds: float, now_us: int
) -> None:
    """Create a delivery to a subscription, due now or at the end of the period that gathers its messages."""
    place = (project, to[1])
    found = tx.connection.execute(QUERIES["digest"], place).fetchone()
    if found is None or found[0] <= now_us:
        _insert(tx, project, notice, to, now_us)
        tx.connection.execute(QUERIES["put_digest"], (*place, now_us + round(seconds * 1e6), None))
        return
    until_us, leader = found
    number = _insert(tx, project, notice, to, until_us, digest=leader)
    if leader is None:
        tx.connection.execute(QUERIES["lead_digest"], (number,))
        tx.connection.execute(QUERIES["put_digest"], (*place, until_us, number))


def add_own(tx: Transaction, project: str, notice: int, to: OwnDelivery, now_us: int) -> None:
    """Create a delivery to a receiver named by the job."""
    _insert(tx, project, notice, (to.channel, to.receiver), now_us, place=to.place, url=to.url)


def _insert(
    tx: Transaction,
    project: str,
    notice: int,
    to: tuple[str, str],
    next_us: int,
    *,
    place: int = -1,
    digest: int | None = None,
    url: str | None = None,
) -> int | None:
    """Insert a delivery; returns its number."""
    channel, receiver = to
    tx.connection.execute(QUERIES["insert_receivers"], (project, json_text([receiver])))
    more = {"next_us": next_us, "place": place, "digest": digest, "url": url}
    values = {**more, "project": project, "receiver": receiver, "notice_id": notice, "channel": channel}
    return tx.connection.execute(QUERIES["insert_delivery"], values).lastrowid


# -- sending ----------------------------------------------------------------------------------------------


def body(connection: Database, notice_id: int) -> str:
    """Return the body of a notice."""
    (found,) = connection.execute(QUERIES["notice_body"], (notice_id,)).fetchone()
    return str(found)


def gathered(connection: Database, digest: int, limit: int) -> tuple[list[str], int]:
    """Return the first bodies of a digest, and their total number."""
    (count,) = connection.execute(QUERIES["count_digest"], (digest,)).fetchone()
    return [text for (text,) in connection.execute(QUERIES["bodies_of_digest"], (digest, limit))], count


def due(
    connection: Database, now_us: int, limit: int, rate: Rate, channels: Container[str]
) -> list[DeliveryRow]:
    """Return deliveries that are due and may be sent, some for each receiver, so that all get their turn."""
    found = []
    for one in _waiting(connection):
        if one.next_us <= now_us and one.channel in channels:
            free = min(rate.at_once, rate.per_minute - len(_attempts(connection, one, now_us, rate)))
            values = {**one._asdict(), "now_us": now_us, "limit": max(free, 0)}
            found += connection.execute(QUERIES["due_to_receiver"], values).fetchall()
    chosen = json_text([number for _, number in sorted(found)[:limit]])
    return decoded(DeliveryRow, connection.execute(QUERIES["deliveries_by_id"], (chosen,)).fetchall())


def next_us(connection: Database, now_us: int, rate: Rate) -> int | None:
    """Return when a delivery is due next, or may be sent that exceeds its receiver's rate."""
    times = []
    for one in _waiting(connection):
        if one.next_us > now_us:
            times.append(one.next_us)
        elif len(attempts := _attempts(connection, one, now_us, rate)) == rate.per_minute:
            times.append(attempts[-1] + MINUTE_US)
    return min(times, default=None)


def _waiting(connection: Database) -> list[Waiting]:
    return [Waiting(*row) for row in connection.execute(QUERIES["waiting_receivers"])]


def _attempts(connection: Database, one: Waiting, now_us: int, rate: Rate) -> list[int]:
    """Return the times of messages sent in the last minute, newest first, at most the allowed number."""
    values = {**one._asdict(), "since_us": now_us - MINUTE_US, "limit": rate.per_minute}
    return [time_us for (time_us,) in connection.execute(QUERIES["attempts_of_receiver"], values)]


# -- couriers ---------------------------------------------------------------------------------------------


def give(tx: Transaction, token: str, ids: Iterable[int], now_us: int) -> None:
    """Assign messages to a courier."""
    values = {"token": token, "ids": json_text(list(ids)), "now_us": now_us}
    tx.connection.execute(QUERIES["give_to_courier"], values)


def given_to(connection: Database, token: str) -> list[DeliveryRow]:
    """Return the messages of a courier."""
    return decoded(DeliveryRow, connection.execute(QUERIES["deliveries_of_courier"], (token,)).fetchall())


def lost(connection: Database) -> list[DeliveryRow]:
    """Return the messages of couriers that no longer exist."""
    return decoded(DeliveryRow, connection.execute(QUERIES["lost_deliveries"]).fetchall())


def settle(
    tx: Transaction,
    row: DeliveryRow,
    status: str,
    attempts: Sequence[Mapping[str, Any]],
    *,
    next_us: int | None = None,
    ended_us: int | None = None,
) -> None:
    """Store a courier's result: `pending` until `next_us`, or ended."""
    values = {"id": row.id, "status": status, "attempts": json_text(list(attempts))}
    tx.connection.execute(QUERIES["settle_delivery"], {**values, "next_us": next_us, "ended_us": ended_us})


def count_since(connection: Database, row: DeliveryRow, status: str, since_us: int) -> int:
    """Return how many deliveries to the same receiver ended with a status since a time."""
    values = (row.project, row.receiver, status, since_us)
    (count,) = connection.execute(QUERIES["count_deliveries_since"], values).fetchone()
    return int(count)


# -- for users --------------------------------------------------------------------------------------------


def delivery(connection: Database, delivery_id: int) -> DeliveryRow | None:
    """Return one delivery, or None."""
    found = decoded(DeliveryRow, connection.execute(QUERIES["delivery"], (delivery_id,)).fetchall())
    return found[0] if found else None


def page(connection: Database, wanted: DeliveryFilter, request: PageRequest) -> Slice[DeliveryRow]:
    """Return a page of deliveries, the newest first. Invalid for an invalid cursor."""
    (before,) = cursors.read(request.cursor, _ORDER, tuple[cursors.Integer]) or (2**63 - 1,)
    rows = connection.execute(QUERIES["deliveries"], {**_values(wanted), "before": before})
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(DeliveryRow, taken), has_more, lambda row: cursors.written(_ORDER, row.id))


_ORDER = "deliveries"


def redeliver(tx: Transaction, wanted: DeliveryFilter, delivery_id: int | None, now_us: int) -> int:
    """Send ended deliveries again, due now; returns how many."""
    values = {**_values(wanted), "id": delivery_id, "now_us": now_us}
    return tx.connection.execute(QUERIES["redeliver"], values).rowcount


def cancel(tx: Transaction, project: str, delivery_id: int, now_us: int) -> bool:
    """Cancel a pending delivery, and all in the same message; False if it is not pending."""
    values = {"project": project, "id": delivery_id, "now_us": now_us}
    return tx.connection.execute(QUERIES["cancel_delivery"], values).rowcount > 0


def cancel_all(tx: Transaction, project: str, subscription: str, now_us: int) -> None:
    """Cancel all pending deliveries to a subscription."""
    tx.connection.execute(QUERIES["cancel_deliveries_of"], (now_us, project, subscription))
    tx.connection.execute(QUERIES["delete_digest"], (project, subscription))


def counts(connection: Database) -> list[tuple[str, str, int, int | None]]:
    """Return the number of deliveries by channel and status, and when the oldest pending was created."""
    return connection.execute(QUERIES["count_deliveries"]).fetchall()


def prune(tx: Transaction, delivered_before_us: int, dead_before_us: int) -> None:
    """Delete deliveries that ended before these times."""
    before = {"delivered": delivered_before_us, "dead": dead_before_us, "cancelled": delivered_before_us}
    gone = [tx.connection.execute(QUERIES["prune_deliveries"], (s, us)).rowcount for s, us in before.items()]
    if any(gone):
        tx.connection.execute(QUERIES["prune_notices"])
        tx.connection.execute(QUERIES["prune_receivers"])


def _values(wanted: DeliveryFilter) -> dict[str, Any]:
    return {
        "project": wanted.project,
        "subscription": wanted.subscription,
        "job_id": wanted.job_id,
        "statuses": json_text(list(wanted.statuses)),
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }


# -- dropped notifications --------------------------------------------------------------------------------


def room(connection: Database, project: str, most: int) -> int:
    """Return how many more deliveries may be pending in a project."""
    (count,) = connection.execute(QUERIES["count_pending"], (project, most)).fetchone()
    return most - int(count)


def note_dropped(tx: Transaction, project: str, count: int) -> None:
    """Record that notifications were dropped."""
    tx.connection.execute(QUERIES["note_dropped"], (project, count))


def dropped_due_us(connection: Database) -> int | None:
    """Return when the next event about dropped notifications is due."""
    return min(
        (told_us + MINUTE_US for _, _, told_us in connection.execute(QUERIES["dropped"])), default=None
    )


def tell_dropped(tx: Transaction, now_us: int) -> None:
    """Append events with the number of dropped notifications, once a minute."""
    for project, count, told_us in tx.connection.execute(QUERIES["dropped"]).fetchall():
        if told_us + MINUTE_US <= now_us:
            tx.event(now_us, "notification.dropped", project, data={"count": count})
            tx.connection.execute(QUERIES["told_dropped"], (now_us, project))
